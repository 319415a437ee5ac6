//! What becomes of a connection behind an exchange that failed.

use std::io::Write as _;

use super::*;
use crate::net::tests::on_both_drivers;
use crate::proxy::failure::Failure;
use crate::proxy::finish::End;
use crate::proxy::{After, after};

const POST: &str = "POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\n";

/// A request that failed, with `rest` behind its body when that was sent on to its end, and `sent`
/// by the client meanwhile.
async fn failed(rig: &Rig, rest: Option<&[u8]>, sent: &[u8]) -> (After, Exchange) {
    let mut scene = Scene::simple(rig, "", "", "127.0.0.1:1");
    scene.ask(POST);
    let mut exchange = std::mem::take(&mut scene.exchange);
    exchange.consumed = exchange.request.len;
    exchange.rest = rest.map(buffer_of);
    scene.client.write_all(sent).unwrap();
    let end = End::Failed(Failure::UpstreamClosed);
    let after = after(&scene.routed().place, &mut exchange, end).await;
    exchange.advance(&scene.view.resources.buffers);
    (after, exchange)
}

#[test]
fn a_body_that_was_streamed_leaves_nothing_to_be_thrown_away() {
    on_both_drivers(async |rig| {
        for rest in [&b""[..], b"GET"] {
            // Its first four bytes must not go the way of the body.
            let (after, exchange) = failed(&rig, Some(rest), b"GET / HTTP/1.1\r\n").await;
            assert_eq!(after, After::Keep);
            assert_eq!(exchange.head_bytes(), rest);
        }
    });
}

#[test]
fn a_body_that_was_not_taken_is_thrown_away() {
    on_both_drivers(async |rig| {
        let (after, exchange) = failed(&rig, None, b"bodyGET").await;
        assert_eq!(after, After::Keep);
        assert_eq!(exchange.head_bytes(), b"GET");
    });
}
