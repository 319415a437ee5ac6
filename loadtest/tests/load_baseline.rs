//! The table that says what the gateway takes on this machine: endpoints of its own, and cheap
//! proxied ones, at 32 and at 256 clients in a closed loop.
//!
//! ```console
//! $ cargo build --release
//! $ cargo test --release -p loadtest -- --ignored load_baseline --nocapture
//! ```
//!
//! | variable | default | |
//! |---|---|---|
//! | `LOAD_DURATION_SECS` | 10 | of each row |
//! | `LOAD_CONCURRENCY` | 32, then 256 | clients |
//! | `LOAD_PORT` | a free one | of the gateway |
//! | `LOAD_RINGWAY` | target/release/ringway | the executable |
//!
//! It compares nothing by itself: figures depend on the machine, and are worth what an earlier run
//! on the same one says. A fall of more than 20 % is worth a look.
#![allow(clippy::disallowed_methods)]

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use loadtest::origin::{self, Http, Kind, Setup, Sse};
use loadtest::plan::{EventsOver, Protocol, Template};
use loadtest::scenario::{Gateway, Launch, executable};
use loadtest::{Hooks, Outcome, Plan, execute};

struct Row {
    name: &'static str,
    url: String,
    protocol: Protocol,
    bearer: Option<&'static str>,
}

#[test]
#[ignore = "takes minutes, and wants the machine for itself"]
fn load_baseline() {
    let seconds: u64 = variable("LOAD_DURATION_SECS").unwrap_or(10);
    let clients =
        variable("LOAD_CONCURRENCY").map_or_else(|| vec![32, 256], |clients| vec![clients]);
    let port: u16 = variable("LOAD_PORT").unwrap_or(0);
    let http = Http { bytes: 256, token: Some(TOKEN.to_owned()), ..Http::default() };
    let web = origin::start(Setup::new(Kind::Http(http))).expect("an origin starts");
    let sse = Sse { events: 10, interval: Duration::from_millis(5), bytes: 32 };
    let events = origin::start(Setup::new(Kind::Sse(sse))).expect("an origin starts");
    let given: Option<PathBuf> = env::var_os("LOAD_RINGWAY").map(PathBuf::from);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let launch = Launch {
        ringway: executable(given.as_deref()).expect("a gateway"),
        workers,
        upgrades: false,
    };
    let config = config(port, web.address(), events.address());
    let mut gateway = Gateway::start(&launch, &config).expect("it starts");

    println!("\n{}, {workers} workers, {seconds} s a row, closed loop", launch.ringway.display());
    println!("| Endpoint | Clients | Reqs | Errors | RPS | p50 | p95 | p99 | Max | CPU/req |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut wrong = Vec::new();
    for &clients in &clients {
        for row in rows(&gateway) {
            let outcome = measure(&row, clients, seconds, gateway.pid());
            println!("{}", line(&row, clients, &outcome));
            if outcome.errors() > 0 || outcome.tally.answers == 0 {
                let faults = outcome.tally.faults.lines();
                let faults: Vec<_> =
                    faults.iter().map(|(f, count)| format!("{count} x {f}")).collect();
                wrong.push(format!("{} at {clients}: {}", row.name, faults.join(", ")));
            }
        }
    }
    println!();
    gateway.signal(libc::SIGTERM);
    let ended = gateway.wait(Duration::from_secs(30)).expect("it ends when it is told to");
    assert!(ended.success(), "{ended}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn rows(gateway: &Gateway) -> Vec<Row> {
    let proxied = gateway.address().expect("a bind");
    let (ready, stats) = (gateway.readiness().expect("readiness"), gateway.stats().expect("stats"));
    let plain = |name, at: SocketAddr, path: &str, bearer| {
        let url = format!("http://{at}{path}");
        Row { name, url, protocol: Protocol::Http1 { pipeline: 1 }, bearer }
    };
    let over = Protocol::Events { over: EventsOver::Http1 };
    vec![
        plain("GET /healthz/ready", ready, "/healthz/ready", None),
        plain("GET /metrics", stats, "/metrics", None),
        plain("GET / (proxied)", proxied, "/", None),
        plain("GET /bearer (proxied, token)", proxied, "/bearer", Some(TOKEN)),
        Row { protocol: over, ..plain("GET /events (SSE, 10 events)", proxied, "/events", None) },
        Row {
            name: "/ws (WebSocket message)",
            url: format!("ws://{proxied}/ws"),
            protocol: Protocol::WebSocket,
            bearer: None,
        },
    ]
}

fn measure(row: &Row, clients: usize, seconds: u64, pid: u32) -> Outcome {
    let mut plan = Plan::new(&row.url).expect("a URL");
    plan.protocol = row.protocol;
    plan.connections = clients;
    plan.duration = Duration::from_secs(seconds);
    plan.server_pid = Some(pid);
    let target = &mut plan.targets[0];
    if let Some(token) = row.bearer {
        let value = Template::constant(format!("Bearer {token}"));
        target.headers.push(("Authorization".to_owned(), value));
    }
    if row.protocol == Protocol::WebSocket {
        target.body = Template::constant("0123456789abcdef");
    }
    execute(&plan, &mut Hooks::default()).expect("the load can be put on")
}

fn line(row: &Row, clients: usize, outcome: &Outcome) -> String {
    let time = |percent| format!("{:.2} ms", outcome.percentile(percent).as_secs_f64() * 1e3);
    let cpu = outcome.server.as_ref().map_or_else(
        || "?".to_owned(),
        |server| {
            let micros = server.cpu.as_secs_f64() * 1e6 / outcome.tally.answers.max(1) as f64;
            format!("{micros:.1} us")
        },
    );
    format!(
        "| {} | {clients} | {} | {} | {:.0} | {} | {} | {} | {} | {cpu} |",
        row.name,
        outcome.tally.requests,
        outcome.errors(),
        outcome.rate(),
        time(50.0),
        time(95.0),
        time(99.0),
        time(100.0),
    )
}

fn config(port: u16, web: SocketAddr, events: SocketAddr) -> String {
    format!(
        r#"
config:
  ringway: {{accessLog: {{to: "off"}}}}
binds:
- port: {port}
  address: 127.0.0.1
  listeners:
  - routes:
    - matches:
      - path: {{exact: /events}}
      backends:
      - host: "{events}"
    - backends:
      - host: "{web}"
"#
    )
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

const TOKEN: &str = "baseline-token";
