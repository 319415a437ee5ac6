//! HTTP/2 from clients that mean harm. Each attack ends as it should, on its own connection only:
//! others are served meanwhile, memory stays where it was, and a counter has moved.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::h2_client::*;
use crate::harness::*;

mod floods;
mod rules;
mod smuggling;
mod stalls;

/// A proxy under attack.
struct Siege {
    proxy: Proxy,
    origin: Origin,
    resident_before: usize,
}

impl Siege {
    /// `/` answers at once, `/never` reads the request and waits until the other side is gone.
    fn lay(cell: Cell) -> Self {
        let origin = Origin::http1()
            .route("/", "calm")
            .route("/big", vec![b'x'; 70_000])
            .on("/never", |_, visit| {
                visit.until_closed();
                origin::Next::Close
            })
            .start();
        let quick = json!({ "writeTimeout": "1s" });
        let proxy = cell.start(&config().route("/", &origin).limits(quick));
        for _ in 0..8 {
            assert_eq!(proxy.client().get("/").body(), "calm");
            assert_eq!(H2::connect(proxy.address()).get("/big").bytes.len(), 70_000);
        }
        let resident_before = proxy.resident_bytes();
        Self { proxy, origin, resident_before }
    }

    fn client(&self) -> H2 {
        H2::connect(self.proxy.address())
    }

    fn count(&self, counter: &str) -> f64 {
        self.proxy.metrics().sum(counter, &[])
    }

    /// Somebody else is served at once: also on the worker that is attacked, when there is one.
    fn others_are_served(&self, attack: &str) {
        let started = Instant::now();
        assert_eq!(self.proxy.client().get("/").body(), "calm", "{attack}: HTTP/1.1");
        assert_eq!(self.client().get("/").body(), "calm", "{attack}: HTTP/2");
        let took = started.elapsed();
        assert!(took < AT_ONCE, "{attack}: others waited for {took:?}");
    }

    /// The connection is ended with this code, and counted once.
    fn ends(&self, attack: &str, code: u32, counter: &str, attack_with: impl FnOnce(&mut H2)) {
        let before = self.count(counter);
        let mut client = self.client();
        attack_with(&mut client);
        self.others_are_served(attack);
        assert_eq!(client.end(), Some(code), "{attack}: the code of the GOAWAY");
        self.proxy.await_metric(counter, &[], before + 1.0);
        self.lift(attack);
    }

    /// Nothing is left of it.
    fn lift(&self, attack: &str) {
        self.lift_within(attack, RESIDENT_KIB_MAX);
    }

    fn lift_within(&self, attack: &str, resident_kib_max: usize) {
        self.proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
        self.others_are_served(attack);
        let grown = self.proxy.resident_bytes().saturating_sub(self.resident_before) / 1024;
        println!("{attack}: {grown} KiB more than before are resident");
        assert!(grown < resident_kib_max, "{attack}: {grown} KiB more than before are resident");
    }
}

const FLOODS: &str = "ringway_http2_floods_total";
const BREACHES: &str = "ringway_http2_connection_errors_total";
const MALFORMED: &str = "ringway_http2_malformed_requests_total";

/// For two connections and two requests, of a debug build on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(10);
/// A few buffers and what an allocator keeps; far below what any of the attacks sends or asks for.
const RESIDENT_KIB_MAX: usize = 24 * 1024;
