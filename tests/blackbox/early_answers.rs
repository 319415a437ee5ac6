//! Endpoints that answer while the request's body is still on its way: the client gets their answer,
//! whatever both sides speak, and however the endpoint leaves off reading.

use serde_json::json;

use crate::harness::config::Config;
use crate::harness::h2_client::{DATA, H2, asked};
use crate::harness::h2_origin::{H2Origin, Manners};
use crate::harness::*;

matrix! {
    an_early_answer_reaches_the_client,
    a_refused_upload_is_told_as_such,
}

const ROUNDS: usize = 20;
const LARGE: usize = 10_000_000;

/// Answers as soon as the head is there; then it closes with what came unread, which resets the
/// connection behind the answer, or goes on reading.
fn origin(reads_on: bool) -> Origin {
    Origin::script(move |visit| {
        visit.head()?;
        visit.wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly")?;
        if reads_on {
            visit.until_closed();
        }
        Ok(())
    })
}

fn upload(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n")
}

fn to_h2(config: Config, path: &str, host: &str) -> Config {
    let policies = json!({ "http": { "version": "HTTP/2.0" } });
    let backend = json!({ "host": host, "policies": policies });
    config.route_with(path, json!({ "backends": [backend] }))
}

fn an_early_answer_reaches_the_client(cell: Cell) {
    let (closes, reads_on) = (origin(false), origin(true));
    let shared = H2Origin::start(Manners::default());
    let config = config().route("/closes", &closes).route("/reads-on", &reads_on);
    let proxy = cell.start(&to_h2(config, "/early", &shared.host()));
    for path in ["/closes", "/reads-on", "/early"] {
        let mut http2 = H2::connect(proxy.address());
        for round in 0..ROUNDS {
            let mut client = proxy.client();
            client.send(upload(path));
            // As far as it is taken: who was answered may not be listened to for long.
            let piece = vec![b'x'; 16_384];
            let _ = (0..round).try_for_each(|_| client.wire.send(&piece));
            let response = client.response();
            assert_eq!((response.status, response.body().as_str()), (413, "early"), "{path}");
            let id = http2.open(&asked("POST", path), false);
            for _ in 0..round.min(3) {
                http2.frame(DATA, 0, id, &piece);
            }
            let reply = http2.reply(id);
            assert_eq!((reply.status(), reply.body().as_str()), (413, "early"), "{path}: h2");
        }
    }
    proxy.await_metric("ringway_upstream_streams_active", &[], 0.0);
    proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
}

/// The endpoint did not look at it, and some of it is gone: it is the client that may ask again, on
/// the connection that it has.
fn a_refused_upload_is_told_as_such(cell: Cell) {
    let shared = H2Origin::start(Manners::default());
    let proxy = cell.start(&to_h2(config(), "/", &shared.host()));
    let mut http2 = H2::connect(proxy.address());
    for round in 0..ROUNDS {
        let mut client = proxy.client();
        client.send(upload("/refuse"));
        client.send(vec![b'x'; 1000 * round]);
        assert_eq!(client.response().status, 503);
        let id = http2.open(&asked("POST", "/refuse"), false);
        http2.frame(DATA, 0, id, vec![b'x'; 500 * round]);
        let reply = http2.reply(id);
        assert_eq!(reply.status(), 503);
        assert_eq!(reply.body(), "upstream call failed: stream refused");
    }
    proxy.await_metric("ringway_upstream_streams_active", &[], 0.0);
}
