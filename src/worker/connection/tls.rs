//! The handshake that the connections of some binds begin with, and which listener it is for.

use std::cell::Cell;
use std::rc::Rc;

use super::Counted;
use crate::base::buffer::Buffer;
use crate::base::clock::Instant;
use crate::http::server::h1::{Carrier, Connection};
use crate::net::deadline::Action;
use crate::net::tls::{Alpn, CertificateFault, HandshakeFailure, Identity, Session, TlsError};
use crate::proxy::tcp::{self, hello};
use crate::snapshot::bind::Bind;
use crate::snapshot::tls::{Carries, TlsListener};
use crate::telemetry::value::{HandshakeFault, Refusal, Timeout};
use crate::worker::Worker;
use crate::worker::accept::Door;

/// What is spoken on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spoken {
    /// What the client begins with tells which version.
    Http,
    Http2,
    /// Bytes for the bind's passage: as they came, or decrypted.
    Bytes,
}

/// Finds out what is spoken, after a handshake where the bind wants one. Nothing where there is
/// nobody left to serve.
pub(super) async fn meet(
    worker: &Rc<Worker>,
    door: &Door,
    counted: &Counted,
    connection: &mut Connection,
) -> Option<Spoken> {
    let view = worker.view();
    let bind = view.snapshot.bind(door.bind.get())?;
    if bind.tls.is_some() {
        return Box::pin(shake_hands(worker, bind, counted, connection)).await;
    }
    // Passed through by the port alone, or by a name that the passage itself looks for.
    Some(if bind.passage.is_some() { Spoken::Bytes } else { Spoken::Http })
}

async fn shake_hands(
    worker: &Rc<Worker>,
    bind: &Bind,
    counted: &Counted,
    connection: &mut Connection,
) -> Option<Spoken> {
    let tls = bind.tls.as_ref()?;
    let shard = &worker.resources.shard;
    let Some(_under_way) = UnderWay::enter(worker, bind) else {
        shard.refused(Refusal::Handshakes);
        return None;
    };
    let begun = connection.now();
    let limit = bind.settings.handshake_timeout;
    let first = connection.early.take().unwrap_or_else(|| worker.resources.buffers.take());
    let (first, hello) = hello::read(connection, first, limit).await;
    let hello = match hello {
        Ok(hello) => hello,
        Err(hello::NoHello::Gone) => {
            worker.resources.buffers.give(first);
            return None;
        }
        Err(hello::NoHello::Refused(refusal)) => {
            return refuse(worker, connection, first, refusal).await;
        }
    };
    let name = hello.server_name();
    let Some(place) = tls.place(name) else {
        return refuse(worker, connection, first, Refusal::UnknownName).await;
    };
    let Some(listener) = tls.listener(place) else {
        connection.early.set(Some(first));
        return Some(Spoken::Bytes);
    };
    let spent = std::time::Duration::from_nanos(connection.now().nanos_since(begun));
    connection.stream.deadline().set(
        connection.now(),
        limit.saturating_sub(spent),
        Action::EndBoth,
    );
    let result = match Session::server(listener.config.clone(), name) {
        Ok(session) => {
            connection.stream.secure(session, Some(first), &worker.resources.buffers).await
        }
        Err(error) => {
            worker.resources.buffers.give(first);
            Err(error)
        }
    };
    if let Err(error) = result {
        failed(worker, connection, error);
        return None;
    }
    connection.stream.deadline().clear();
    established(worker, listener, counted, connection, begun)
}

fn established(
    worker: &Worker,
    listener: &TlsListener,
    counted: &Counted,
    connection: &mut Connection,
    begun: Instant,
) -> Option<Spoken> {
    let (alpn, resumed, identity) = connection
        .stream
        .session(|session| (session.alpn(), session.resumed(), session.identity()))
        .unwrap_or_default();
    let unix_micros = worker.resources.unix_micros(connection.now());
    let has_expired = |identity: &Identity| identity.has_expired((unix_micros / 1_000_000) as i64);
    // A ticket may live longer than the certificate that it was given for.
    if resumed && identity.as_ref().is_some_and(has_expired) {
        let expired = HandshakeFailure::BadCertificate(CertificateFault::Expired);
        failed(worker, connection, TlsError::Handshake(expired));
        return None;
    }
    let series = worker.resources.shard.listener(counted.labels);
    series.handshakes.observe(connection.now().nanos_since(begun));
    series.resumed.add(u64::from(resumed));
    connection.carrier = Carrier {
        tls: true,
        http2: false,
        accepted: Some(listener.accepted),
        identity: identity.map(Rc::new),
    };
    Some(match (listener.carries, alpn) {
        (Carries::Tcp, _) => Spoken::Bytes,
        (Carries::Http, Some(Alpn::H2)) => Spoken::Http2,
        (Carries::Http, _) => Spoken::Http,
    })
}

async fn refuse(
    worker: &Rc<Worker>,
    connection: &Connection,
    first: Buffer,
    refusal: Refusal,
) -> Option<Spoken> {
    worker.resources.buffers.give(first);
    tcp::say_no(&worker.resources, connection, refusal).await;
    None
}

fn failed(worker: &Worker, connection: &Connection, error: TlsError) {
    let shard = &worker.resources.shard;
    let slow = connection.stream.deadline().fired();
    if slow {
        shard.timed_out(Timeout::TlsHandshake);
    }
    let label = if slow { HandshakeFailure::Slow.label() } else { error.label() };
    let fault = HandshakeFault::ALL.iter().find(|fault| fault.text() == label);
    shard.handshake_failed(*fault.unwrap_or(&HandshakeFault::Internal));
    tracing::debug!(reason = label, "a TLS handshake failed");
}

/// Handshakes are dear: each is counted for as long as it takes.
struct UnderWay<'a>(&'a Cell<u32>);

impl<'a> UnderWay<'a> {
    fn enter(worker: &'a Worker, bind: &Bind) -> Option<Self> {
        let count = &worker.handshakes;
        if count.get() >= bind.settings.handshakes_per_worker_max {
            return None;
        }
        count.set(count.get() + 1);
        Some(Self(count))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
