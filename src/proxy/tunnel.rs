//! After a 101, or a 2xx to CONNECT, the connection is no longer HTTP: bytes go both ways until
//! both ends have closed. Nothing that came behind the request's head was sent before: it goes
//! first now.

use super::attempt::{Answered, Ended};
use super::failure::Failure;
use super::place::Routed;
use super::response_head;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::net::relay::{End, Flow, relay, relay_seen};
use crate::net::stream::Stream;
use crate::telemetry::value::{Timeout, Work};

/// Sends the 101 and runs the tunnel to its end. `input` is what the endpoint sent, the head at
/// its front.
pub async fn run(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    up: &Stream,
    mut front: Buffer,
    mut input: Buffer,
) -> Ended {
    let connection = routed.connection;
    let resources = &routed.view.resources;
    let limits = &routed.bind.settings.limits;
    connection.closing.set(true);
    exchange.outcome.answered = Some(connection.now());
    exchange.outcome.status = 101;
    response_head::encode_interim(&mut front, exchange, input.filled());
    input.consume(exchange.response.len);
    let (sent, front) = connection.send(front, limits).await;
    resources.buffers.give(front);
    if let Err(broke) = sent {
        resources.buffers.give(input);
        return Ended::Failed(Failure::of_download(broke));
    }
    through(routed, exchange, up, input).await;
    Ended::Answered(Answered { buffer: resources.buffers.take(), clean: false })
}

/// Runs the tunnel to its end, once the client was told that it stands. `input` is what the
/// endpoint sent first.
pub async fn through(routed: &Routed<'_>, exchange: &mut Exchange, up: &Stream, input: Buffer) {
    let connection = routed.connection;
    let resources = &routed.view.resources;
    let limits = &routed.bind.settings.limits;
    connection.work.set(Work::Tunnel);
    let mut early = resources.buffers.take();
    early.put(&exchange.head_bytes()[exchange.consumed..]);
    exchange.consumed = exchange.head_bytes().len();
    let (upward, downward) = (Flow::default(), Flow::default());
    let (firsts, flows) = ((early, input), (&upward, &downward));
    let (down, idle, buffers) = (&connection.stream, limits.tunnel_idle, &resources.buffers);
    let end = match routed.watch {
        None => Box::pin(relay(down, up, firsts, buffers, idle, flows)).await,
        Some(watch) => {
            let see = |bytes: &[u8]| watch.borrow_mut().see_realtime(bytes, connection.now());
            Box::pin(relay_seen(down, up, firsts, buffers, idle, flows, see)).await
        }
    };
    if end == End::Idle {
        resources.shard.timed_out(Timeout::Tunnel);
    }
    exchange.outcome.request_bytes = upward.bytes.get();
    exchange.outcome.response_bytes = downward.bytes.get();
    let received = connection.received_bytes.get() + upward.bytes.get();
    connection.received_bytes.set(received);
    connection.sent_bytes.set(connection.sent_bytes.get() + downward.bytes.get());
}
