//! The driver against an engine in the role of a server, on a thread of its own.

mod ending_tests;
mod endpoint_tests;
mod flow_tests;

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use self::endpoint_tests::{Endpoint, Seen, text};
use super::*;
use crate::base::id::WorkerId;
use crate::http::client::h1::Connection;
use crate::net::runtime;
use crate::net::tests::{Rig, buffer_of, on_both_drivers, sockets};
use crate::telemetry::value::StreamReset;

/// One connection, and what uses it.
struct Bench<'a> {
    rig: &'a Rig,
    client: Client,
    buffers: Rc<Buffers>,
    shard: Arc<Shard>,
    endpoint: JoinHandle<()>,
    word: Sender<()>,
}

fn settings() -> Settings {
    Settings { streams_max: 10, ..Settings::default() }
}

impl<'a> Bench<'a> {
    fn new(rig: &'a Rig, script: impl FnOnce(&mut Endpoint) + Send + 'static) -> Self {
        Self::with(rig, settings(), script)
    }

    fn with(
        rig: &'a Rig,
        settings: Settings,
        script: impl FnOnce(&mut Endpoint) + Send + 'static,
    ) -> Self {
        let (ours, theirs) = sockets();
        let (word, heard) = mpsc::channel();
        let endpoint = thread::spawn(move || {
            let mut endpoint = Endpoint::new(theirs, heard);
            script(&mut endpoint);
            endpoint.wait_for_word();
        });
        let buffers = Rc::new(Buffers::default());
        let shard = Arc::new(Shard::new(WorkerId(0)));
        let meter = Meter { shard: Arc::clone(&shard), cluster: ClusterLabelsId(0) };
        let write = Duration::from_secs(20);
        let options = Options { settings, scheme: Scheme::Http, write, meter };
        let stream = rig.adopt(ours);
        let (client, driver) = start(stream, &buffers, &Rc::default(), options);
        runtime::spawn(driver.run(), None, || panic!("the driver panicked"));
        Self { rig, client, buffers, shard, endpoint, word }
    }

    fn endpoint_may_go_on(&self) {
        self.word.send(()).expect("the endpoint waits");
    }

    fn lane(&self) -> Connection {
        let stream = self.client.lane(&self.rig.wheel).expect("there is room");
        Connection::new(stream, &self.buffers)
    }

    async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..3000 {
            if holds() {
                return;
            }
            self.rig.sleep(Duration::from_millis(10)).await;
        }
        panic!("not in time: {what}");
    }

    async fn settled(&self) {
        self.until("settings", || self.client.is_settled()).await;
    }

    /// The endpoint's script has ended without a failed assertion.
    async fn join(self) {
        // One that has failed does not wait.
        let _ = self.word.send(());
        self.until("the endpoint ends", || self.endpoint.is_finished()).await;
        if let Err(failed) = self.endpoint.join() {
            std::panic::resume_unwind(failed);
        }
    }

    /// Everything is given back once the connection has ended.
    async fn closed(&self) {
        self.until("the connection ends", || self.client.is_closed()).await;
        self.until("all buffers are back", || self.buffers.out_bytes() == 0).await;
        let series = self.shard.cluster(ClusterLabelsId(0));
        assert_eq!((series.streams.value(), series.h2_connections.value()), (0, 0));
    }
}

async fn send(lane: &Connection, text: &str) {
    let (sent, _) = lane.stream.send_all(buffer_of(text.as_bytes())).await;
    sent.expect("a lane takes it");
}

/// Reads until the text has come that is expected, and nothing else.
async fn expect(lane: &mut Connection, buffers: &Buffers, expected: &str) {
    let mut came = Vec::new();
    let (_, armed) = lane.parts();
    let (mut result, mut buffer) = armed.finish().await;
    loop {
        let count = result.expect("a lane gives it");
        came.extend_from_slice(buffer.filled());
        buffer.clear();
        let so_far = String::from_utf8_lossy(&came).into_owned();
        assert!(count > 0 && expected.starts_with(&so_far), "{so_far:?}, not {expected:?}");
        if came.len() == expected.len() {
            break;
        }
        (result, buffer) = lane.stream.recv(buffer).await;
    }
    lane.rest(buffer, Instant::default());
    assert!(lane.is_quiet(buffers));
}

/// The next read fails; says whether the request may be sent again.
async fn broken(lane: &mut Connection, buffers: &Buffers) -> bool {
    let (_, armed) = lane.parts();
    let (result, buffer) = armed.finish().await;
    assert!(result.is_err(), "{:?}", String::from_utf8_lossy(buffer.filled()));
    buffers.give(buffer);
    lane.stream.is_unprocessed()
}

#[test]
fn a_lane_carries_one_exchange_after_the_other() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, |endpoint| {
            for n in 0..5 {
                let (stream, fields, end) = endpoint.head();
                let asked = format!(":method GET|:authority a|:scheme http|:path /{n}|x-y z");
                assert_eq!((text(&fields), end), (asked, true));
                endpoint.answer(stream, &[(":status", "200"), ("content-length", "2")], false);
                endpoint.body(stream, b"ok", true);
            }
        });
        let mut lane = bench.lane();
        for n in 0..5 {
            send(&lane, &format!("GET /{n} HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n")).await;
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            expect(&mut lane, &bench.buffers, answer).await;
        }
        assert!(bench.client.is_proven());
        lane.close(&bench.buffers).await;
        bench.join().await;
    });
}

#[test]
fn interim_heads_chunks_and_trailers_pass() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, |endpoint| {
            let (stream, fields, end) = endpoint.head();
            assert!(!end && text(&fields).ends_with("te trailers"), "{}", text(&fields));
            assert_eq!(endpoint.body_of(stream), (b"hello world".to_vec(), false));
            let Seen::Head { fields, end: true, .. } = endpoint.next() else { panic!("no end") };
            assert_eq!(text(&fields), "x-sum 1");
            endpoint.answer(stream, &[(":status", "103"), ("link", "a")], false);
            endpoint.answer(stream, &[(":status", "200")], false);
            endpoint.body(stream, b"abc", false);
            endpoint.answer(stream, &[("grpc-status", "0")], true);
        });
        let mut lane = bench.lane();
        let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
                       TE: trailers\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n";
        send(&lane, request).await;
        let answer = "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\n\
                      Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\ngrpc-status: 0\r\n\r\n";
        expect(&mut lane, &bench.buffers, answer).await;
        lane.close(&bench.buffers).await;
        bench.join().await;
    });
}

#[test]
fn one_lane_until_the_settings_are_there_and_then_what_both_allow() {
    on_both_drivers(async |rig: Rig| {
        for (endpoint_max, expected) in [(3, 3), (100, 10)] {
            let bench = Bench::new(&rig, move |endpoint| {
                assert_eq!(endpoint.socket_says_hello(), b"PRI * HTTP/2.0");
                let settings = Settings { streams_max: endpoint_max, ..Settings::default() };
                endpoint.begin(&settings);
                endpoint.until_closed();
            });
            let mut lanes = vec![bench.lane()];
            assert!(bench.client.is_starting());
            assert!(bench.client.lane(&rig.wheel).is_none(), "who knows whether there may be two");
            bench.settled().await;
            for _ in 1..expected {
                lanes.push(bench.lane());
            }
            assert!(bench.client.lane(&rig.wheel).is_none());
            let lane = lanes.pop().expect("there are some");
            lane.close(&bench.buffers).await;
            bench.until("a lane is free again", || bench.client.lanes.room() == 1).await;
            for lane in lanes {
                lane.close(&bench.buffers).await;
            }
            bench.client.retire();
            bench.closed().await;
            bench.join().await;
        }
    });
}

#[test]
fn a_response_that_is_none_ends_its_stream_alone() {
    let bad: [&[(&str, &str)]; 4] = [
        &[(":status", "200"), ("connection", "close")],
        &[("x", "y")],
        &[(":status", "101")],
        &[(":status", "200"), ("bad", "a\r\nb: c")],
    ];
    on_both_drivers(async move |rig: Rig| {
        let bench = Bench::new(&rig, move |endpoint| {
            for fields in bad {
                let (stream, ..) = endpoint.head();
                endpoint.answer(stream, fields, false);
                let reset = endpoint.next();
                assert!(matches!(reset, Seen::Reset { code: 1, .. }), "{fields:?}: {reset:?}");
            }
        });
        bench.settled().await;
        for _ in bad {
            let mut lane = bench.lane();
            send(&lane, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert!(!broken(&mut lane, &bench.buffers).await);
        }
        assert_eq!(bench.shard.upstream_resets(StreamReset::ProtocolError), 4);
        bench.join().await;
    });
}
