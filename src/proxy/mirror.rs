//! `requestMirror`: a share of a route's requests is sent to another backend as well, body and all,
//! and what that backend answers is thrown away. The exchange that is shadowed never waits: its body
//! is copied as it goes by (`http::tee`), and a mirror that cannot keep up, or cannot be reached, is
//! given up and counted. So is one too many. Upgrades and tunnels are not mirrored: they are no
//! requests that end.
//!
//! A mirror is a task of its own, on connections of the backend's pool, and speaks what other
//! requests to that backend would.

use std::rc::Rc;

use super::choice::Choice;
use super::forward::is_grpc;
use super::lease::{Caller, Lease, To};
use super::place::Routed;
use super::request_head::{self, Rewritten};
use crate::base::buffer::Buffer;
use crate::http::client::h1::{Connection, read_head};
use crate::http::tee::{Copied, Tee};
use crate::http::{Body, Exchange};
use crate::limits::{INTERIM_RESPONSES_MAX, MIRROR_SECONDS_MAX, MIRRORS_PER_WORKER_MAX};
use crate::net::deadline::Action;
use crate::net::runtime;
use crate::net::stream::Stream;
use crate::policy::Changes;
use crate::proto::http1::chunked::Output;
use crate::proto::http1::head::ResponseHead;
use crate::proto::http1::{BodyLength, HeadLimits, Method, TargetForm};
use crate::snapshot::bind::Mirror;
use crate::snapshot::resources::Resources;
use crate::snapshot::view::View;
use crate::telemetry::value::Counter;
use crate::upstream::Local;
use crate::upstream::cluster::Wish;

/// The copy of a request's body. However the exchange ends, so does the copy.
pub struct Shadow(Rc<Tee>);

impl Shadow {
    pub fn tee(&self) -> &Rc<Tee> {
        &self.0
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.0.break_off();
    }
}

/// Begins a mirror of the request, if this one is to have one.
pub fn begin(
    routed: &Routed<'_>,
    exchange: &Exchange,
    changes: &Changes,
    mirror: &Mirror,
) -> Option<Shadow> {
    let resources = &routed.view.resources;
    let request = &exchange.request;
    let is_exchange = request.form != TargetForm::Authority && request.upgrade.is_none();
    if !is_exchange || resources.random.next() > mirror.share {
        return None;
    }
    if resources.mirrors.get() >= MIRRORS_PER_WORKER_MAX {
        resources.shard.add(Counter::MirrorsDropped, 1);
        return None;
    }
    let local = Rc::clone(routed.view.local(mirror.cluster)?);
    let mut head = resources.buffers.take();
    let wish = local.cluster.settings.wish(false, || is_grpc(exchange));
    let http2 = wish == Wish::Http2;
    let rewritten = Rewritten { changes, backend: &mirror.backend, http2, tee: None };
    request_head::encode(&mut head, routed, exchange, rewritten);
    let tee = Rc::new(Tee::default());
    let has_body = request.body != BodyLength::None;
    if !has_body {
        tee.end();
    }
    let task = Task {
        under_way: UnderWay::count(resources),
        view: Rc::clone(routed.view),
        tee: Rc::clone(&tee),
        limits: routed.bind.settings.limits.head,
        method: request.method,
        has_body,
        wish,
    };
    let panicked = Rc::clone(resources);
    runtime::spawn(task.run(local, head), None, move || panicked.shard.add(Counter::Panics, 1));
    Some(Shadow(tee))
}

/// Counts a mirror for as long as it takes, a panic included.
struct UnderWay(Rc<Resources>);

impl UnderWay {
    fn count(resources: &Rc<Resources>) -> Self {
        resources.mirrors.set(resources.mirrors.get() + 1);
        Self(Rc::clone(resources))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.mirrors.set(self.0.mirrors.get() - 1);
    }
}

struct Task {
    under_way: UnderWay,
    view: Rc<View>,
    tee: Rc<Tee>,
    limits: HeadLimits,
    method: Method,
    has_body: bool,
    wish: Wish,
}

/// How a mirror ended.
enum Ended {
    /// With what was read last; the connection can carry another.
    Clean(Buffer),
    Answered,
    Failed,
}

impl Task {
    async fn run(self, local: Rc<Local>, head: Buffer) {
        let resources = &self.view.resources;
        let (answered, head) = self.shadow(&local, head).await;
        resources.buffers.give(head);
        // Whatever is still to come of the body is not wanted.
        self.tee.break_off();
        let counter = if answered { Counter::Mirrored } else { Counter::MirrorsDropped };
        resources.shard.add(counter, 1);
        drop(self.under_way);
    }

    /// Whether it was answered.
    async fn shadow(&self, local: &Rc<Local>, head: Buffer) -> (bool, Buffer) {
        let resources = &self.view.resources;
        let chosen = Choice::default().pick(resources, local);
        let Ok(endpoint) = chosen else { return (false, head) };
        let _turn = local.begin(endpoint);
        let caller = Caller { view: &self.view, write: MIRROR_SECONDS_MAX, client: None };
        let to = To { local, endpoint, wish: self.wish };
        let mut head = head;
        if let Some(lease) = Lease::reuse(caller, to) {
            let answered;
            (answered, head) = self.exchange(lease, head).await;
            // It may have been closed just now: without a body nothing is lost to ask again.
            if answered || self.has_body {
                return (answered, head);
            }
        }
        match Lease::open(caller, to).await {
            Ok(lease) => self.exchange(lease, head).await,
            Err(_) => (false, head),
        }
    }

    async fn exchange(&self, mut lease: Lease, head: Buffer) -> (bool, Buffer) {
        let now = self.view.resources.clock.now();
        let stream = &lease.connection.stream;
        stream.deadline().set(now, MIRROR_SECONDS_MAX, Action::EndBoth);
        let (sent, head) = stream.send_all(head).await;
        let sent = sent.is_ok() && self.send_body(stream).await;
        let ended = if sent { self.answer(&mut lease.connection).await } else { Ended::Failed };
        let answered = !matches!(ended, Ended::Failed);
        match ended {
            Ended::Clean(buffer) => lease.give_back(&self.view, buffer),
            Ended::Answered | Ended::Failed => lease.discard(&self.view),
        }
        (answered, head)
    }

    async fn send_body(&self, up: &Stream) -> bool {
        let buffers = &self.view.resources.buffers;
        loop {
            let bytes = match self.tee.next().await {
                Copied::End => return true,
                Copied::Broken => return false,
                Copied::Bytes(bytes) => bytes,
            };
            let mut buffer = buffers.take();
            buffer.put(&bytes);
            let (sent, buffer) = up.send_all(buffer).await;
            buffers.give(buffer);
            if sent.is_err() {
                return false;
            }
        }
    }

    /// Reads the response, and throws it away.
    async fn answer(&self, connection: &mut Connection) -> Ended {
        let buffers = &self.view.resources.buffers;
        let (up, armed) = connection.parts();
        let (result, first) = armed.finish().await;
        if !matches!(result, Ok(1..)) {
            buffers.give(first);
            return Ended::Failed;
        }
        let mut head = ResponseHead::default();
        let mut input = Some(first);
        for _ in 0..=INTERIM_RESPONSES_MAX {
            let read = read_head(up, &mut head, &mut input, &self.limits).await;
            let (Ok(()), Some(mut buffer)) = (read, input.take()) else { return Ended::Failed };
            buffer.consume(head.len);
            match head.status {
                101 => {
                    buffers.give(buffer);
                    return Ended::Failed;
                }
                100..=199 => input = Some(buffer),
                _ => return self.body(up, &head, buffer).await,
            }
        }
        input.into_iter().for_each(|buffer| buffers.give(buffer));
        Ended::Failed
    }

    async fn body(&self, up: &Stream, head: &ResponseHead, mut buffer: Buffer) -> Ended {
        let buffers = &self.view.resources.buffers;
        let length = head.body_length(self.method);
        let mut body = Body::new(length, Output::Strip);
        let ended = loop {
            match body.take(buffer.filled_mut()) {
                Ok(piece) if piece.done => {
                    buffer.consume(piece.consumed);
                    break Ended::Answered;
                }
                Ok(piece) => buffer.consume(piece.consumed),
                Err(_) => break Ended::Failed,
            }
            buffer.compact();
            let result;
            (result, buffer) = up.recv(buffer).await;
            match result {
                Ok(1..) => (),
                Ok(_) if body.ends_by_close() => break Ended::Answered,
                _ => break Ended::Failed,
            }
        };
        let keeps = head.keep_alive && length != BodyLength::UntilClose && buffer.is_empty();
        match ended {
            Ended::Answered if keeps => Ended::Clean(buffer),
            ended => {
                buffers.give(buffer);
                ended
            }
        }
    }
}
