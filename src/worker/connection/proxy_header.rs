//! The header of the PROXY protocol that the connections of a bind begin with: who the client was
//! before a balancer in front took it.

use std::rc::Rc;
use std::time::Duration;

use crate::base::buffer::{Buffer, Buffers};
use crate::http::server::h1::{Connection, Peer};
use crate::limits::PROXY_HEADER_SECONDS;
use crate::net::deadline::Action;
use crate::net::socket;
use crate::proto::Parsed;
use crate::proto::proxy_protocol::{self, Header, Origin, ProxyError};
use crate::snapshot::bind::ProxyHeader;
use crate::telemetry::value::{Refusal, Timeout};
use crate::worker::Worker;
use crate::worker::accept::Door;

/// Reads the header, if the bind has one in front of its connections, and makes the peer who it
/// names; else it is who the socket says. What came behind it is left in `early`. False when there
/// is nothing to serve.
pub(super) async fn take(worker: &Rc<Worker>, door: &Door, connection: &mut Connection) -> bool {
    let wanted = {
        let view = worker.view();
        view.snapshot.bind(door.bind.get()).and_then(|bind| bind.settings.proxy_header)
    };
    // Backends may be told; a stream of HTTP/2, which has no socket, would not know.
    connection.peer.destination = socket::local_address(connection.stream.fd()).ok().flatten();
    match wanted {
        Some(wanted) => Box::pin(read(worker, wanted, connection)).await,
        None => true,
    }
}

async fn read(worker: &Rc<Worker>, wanted: ProxyHeader, connection: &mut Connection) -> bool {
    let resources = &worker.resources;
    let (mut input, header) = header(wanted, connection, &resources.buffers).await;
    match header {
        Ok(header) => {
            if let Some(header) = header {
                input.consume(header.len);
                introduce(connection, header.origin);
            }
            if input.is_empty() {
                resources.buffers.give(input);
            } else {
                connection.early.set(Some(input));
            }
            true
        }
        Err(refusal) => {
            resources.buffers.give(input);
            if let Some(refusal) = refusal {
                resources.shard.refused(refusal);
            }
            if refusal == Some(Refusal::ProxyHeaderSlow) {
                resources.shard.timed_out(Timeout::ProxyHeader);
            }
            false
        }
    }
}

/// All that was read, and the header at its front: none where it is optional and absent. Who leaves
/// without a byte is refused nothing.
async fn header(
    wanted: ProxyHeader,
    connection: &Connection,
    buffers: &Buffers,
) -> (Buffer, Result<Option<Header>, Option<Refusal>>) {
    let mut input = buffers.take();
    let deadline = connection.stream.deadline();
    deadline.set(connection.now(), Duration::from_secs(PROXY_HEADER_SECONDS), Action::Wake);
    let result = loop {
        match proxy_protocol::parse(input.filled(), wanted.accepted) {
            Ok(Parsed::Complete(header)) => break Ok(Some(header)),
            Ok(Parsed::Partial) => {}
            Err(ProxyError::NotProxy) if wanted.optional => break Ok(None),
            Err(ProxyError::NotProxy) => break Err(Some(Refusal::ProxyHeaderMissing)),
            Err(_) => break Err(Some(Refusal::ProxyHeaderMalformed)),
        }
        // The largest header fits into a buffer. The read is called back in the end, because a
        // client that waits for the server's first word goes on where a header is optional.
        let (read, back) = connection.stream.recv_or_fired(input).await;
        input = back;
        match read {
            Ok(count @ 1..) => {
                connection.received_bytes.set(connection.received_bytes.get() + count as u64);
            }
            Ok(0) if input.is_empty() => break Err(None),
            Ok(_) => break Err(Some(Refusal::ProxyHeaderCut)),
            Err(_) if !deadline.fired() => break Err(None),
            Err(_) if input.is_empty() && wanted.optional => break Ok(None),
            Err(_) => break Err(Some(Refusal::ProxyHeaderSlow)),
        }
    };
    deadline.clear();
    (input, result)
}

fn introduce(connection: &mut Connection, origin: Origin) {
    match origin {
        // The balancer's own connection, or a client that it cannot name.
        Origin::Local | Origin::Unknown => {}
        Origin::Client { source, destination } => {
            connection.peer = Peer::new(Some(source));
            connection.peer.destination = Some(destination);
        }
    }
}
