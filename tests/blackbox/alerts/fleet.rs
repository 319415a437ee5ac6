//! The gateways of the test: one that is well, and some that are brought into every state that an
//! alert is for, as its operator would find them.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::harness::h2_client::{H2, asked};
use crate::harness::h2_origin::Manners;
use crate::harness::proxy::executable;
use crate::harness::scratch::Scratch;
use crate::harness::socket::Socket;
use crate::harness::tls::{Authority, Caller, Files, Offer};
use crate::harness::*;

/// A gateway with some traffic and no trouble.
pub struct Well {
    _driven: Driven,
    proxy: Proxy,
    _origin: Origin,
}

impl Well {
    pub fn start() -> Self {
        let origin = Origin::http1().route("/", "hello").start();
        let proxy = proxy::PLAIN.start(&config().route("/", &origin));
        let address = proxy.address();
        let mut client = None;
        let asks = move || asks_for(&mut client, address, &["/"]);
        Self { _driven: Driven(vec![Driver::start(asks)]), proxy, _origin: origin }
    }

    pub fn targets(&self) -> Vec<SocketAddr> {
        vec![self.proxy.stats()]
    }
}

/// Those that are to be driven into trouble.
pub struct Troubled {
    /// Whose routes fail in every way, with a certificate that ends soon and a disk that is full.
    failing: Proxy,
    /// That does not get its turn on the processor.
    starved: Proxy,
    /// That may open few files, and let in fewer.
    tight: Proxy,
    /// With little memory.
    short: Proxy,
    /// Whose provider of models thinks for long, and where something panics.
    slow: Proxy,
    mishaps: Scratch,
    /// That is no more.
    gone: SocketAddr,
    /// A page of another version.
    older: Origin,
    caller: Caller,
    good: Origin,
    refused: String,
    _origins: (Origin, H2Origin, Origin),
    _files: Files,
}

impl Troubled {
    pub fn start() -> Self {
        let (ours, files) = (Authority::new("ours"), Files::new());
        let page = "<p>a line of a page</p>\n".repeat(200);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n",
            page.len()
        );
        let good = Origin::http1()
            .route("/", "hello")
            .answer("/page", head + &page)
            .answer(
                "/broken",
                "HTTP/1.1 500 Broken\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            )
            .start();
        let ill = Origin::script(|_| Ok(()));
        let h2 = H2Origin::start(Manners::default());
        let soon = SystemTime::now() + Duration::from_secs(3 * 86_400);
        let tls = files.put("soon", &ours.issue_until(&["test"], soon));
        let failing = proxy::PLAIN.start(&failing(&good, &ill, &h2, tls));
        let refused = refused();
        let starved = proxy::PLAIN.start(&starved(&good, &refused));
        let limits = json!({ "memoryBytes": "64MiB", "headBytes": "60KiB", "headerTimeout": "5m" });
        let short = proxy::PLAIN.start(&config().route("/", &good).limits(limits));
        let (mishaps, model) = (Scratch::new(), model());
        let ai = json!({ "provider": { "openAI": {} }, "hostOverride": model.host() });
        let slow = json!({ "backends": [{ "ai": ai }] });
        let slow = Proxy::with(&config().route_with("/v1", slow).process(budgets()))
            .variable("RINGWAY_TEST_MISHAPS", mishaps.path("").to_str().expect("UTF-8"))
            .start();
        let gone = proxy::PLAIN.start(&config().route("/", &good)).stats();
        let text = starved.metrics().text;
        let text = text.replace(env!("CARGO_PKG_VERSION"), "0.0.1-older");
        let older = Origin::http1().route("/metrics", text).start();
        let caller = Caller::offering(&ours, &Offer { alpn: &["h2"], ..Offer::default() });
        let _origins = (ill, h2, model);
        let tight = tight();
        let _files = files;
        Self {
            failing,
            starved,
            tight,
            short,
            slow,
            mishaps,
            gone,
            older,
            caller,
            good,
            refused,
            _origins,
            _files,
        }
    }

    pub fn targets(&self) -> Vec<SocketAddr> {
        let gateways = [&self.failing, &self.starved, &self.tight, &self.short, &self.slow];
        let mut targets: Vec<_> = gateways.map(Proxy::stats).into();
        targets.extend([self.gone, self.older.address()]);
        targets
    }

    /// Those of them that answer.
    pub fn up(&self) -> usize {
        self.targets().len() - 1
    }

    /// Until what it returns is dropped.
    pub fn drive(&self) -> Driven {
        let [failing, secure] = self.failing.addresses()[..] else { panic!("two binds") };
        let caller = self.caller.clone();
        let stranger = Caller::new(&Authority::new("theirs"));
        let mut client = None;
        let mut drivers = vec![
            Driver::start(move || asks_for(&mut client, failing, &PATHS)),
            Driver::start(move || misbehaves(failing, secure, &stranger)),
            Driver::start(move || shakes_hands(&caller, secure)),
            Driver::start(starves(self.starved.pid())),
            Driver::start(crowds(self.tight.address(), CROWD, String::new())),
            Driver::start(crowds(self.short.address(), HEADS, large_head())),
        ];
        for _ in 0..2 {
            drivers.push(Driver::start(holds_tasks(failing)));
        }
        for _ in 0..4 {
            let (address, mut client) = (self.starved.address(), None);
            drivers.push(Driver::start(move || {
                asks_for(&mut client, address, &["/", "/limited", "/refused"])
            }));
        }
        for _ in 0..8 {
            let address = self.slow.address();
            drivers.push(Driver::start(move || asks_a_model(address, "slow")));
        }
        let address = self.slow.address();
        drivers.push(Driver::start(move || asks_a_model(address, "dear")));
        self.mishaps.replace("task-0", "");
        self.tight.write("binds: nonsense\n");
        let fixed = json!({ "policies": { "directResponse": { "status": 200 } } });
        let anew = starved(&self.good, &self.refused).route_with("/new", fixed);
        self.starved.write(&anew.text());
        Driven(drivers)
    }
}

fn failing(good: &Origin, ill: &Origin, h2: &H2Origin, tls: Value) -> config::Config {
    let check =
        json!({ "http": {}, "interval": "100ms", "timeout": "5s", "unhealthyThreshold": 1 });
    let never = json!({ "panicThreshold": 0 });
    let policies = json!({ "loadBalancer": never, "health": { "check": check } });
    let ill = json!([{ "hosts": [ill.host()], "policies": policies }]);
    let circuit = json!({ "maxConnections": 100, "maxRequests": 100 });
    let both = json!({ "circuit": circuit, "health": { "check": { "tcp": {} } } });
    let both = json!([{ "hosts": [good.host(), good.host()], "policies": both }]);
    let version = json!({ "http": { "version": "HTTP/2.0" } });
    let h2 = json!([{ "host": h2.host(), "policies": version }]);
    let one = json!([{ "host": good.host() }]);
    let late = json!({ "delay": { "duration": "60000" }, "timeout": { "requestTimeout": "10ms" } });
    let route = |path: &str, mut rest: Value| {
        rest["matches"] = json!([{ "path": { "pathPrefix": path } }]);
        rest
    };
    let routes = json!([
        route("/error", json!({ "policies": { "directResponse": { "status": 500 } } })),
        route("/nowhere", json!({ "backends": ill })),
        route("/refused", json!({ "backends": [{ "host": refused() }] })),
        route("/page", json!({ "policies": { "compression": {} }, "backends": one })),
        route("/late", json!({ "policies": late, "backends": one })),
        route(
            "/held",
            json!({ "policies": { "delay": { "duration": "60000" } }, "backends": one })
        ),
        route("/h2", json!({ "backends": h2 })),
        route("/cancel", json!({ "backends": h2 })),
        route(
            "/broken",
            json!({
                "policies": { "retry": { "attempts": 1, "codes": [500] } }, "backends": one,
            })
        ),
        route("/", json!({ "policies": { "adaptiveConcurrency": {} }, "backends": both })),
    ]);
    let plain = json!({ "protocol": "HTTP", "routes": routes });
    let secure = json!({ "protocol": "HTTPS", "tls": tls, "routes": [{ "backends": one }] });
    let log = json!({ "ringway": { "accessLog": { "to": { "file": "/dev/full" } } } });
    config()
        .listener(plain)
        .bind(json!({ "port": 0, "address": "127.0.0.1", "listeners": [secure] }))
        .process(log)
        .limits(json!({ "streamsPerConnection": 10_000, "memoryBytes": "4GiB" }))
}

/// What is asked for here outnumbers what the others are asked: a third of it is over a limit, and a
/// third finds nobody, however fast the machine is.
fn starved(good: &Origin, refused: &str) -> config::Config {
    let bucket = json!([{ "maxTokens": 1, "tokensPerFill": 1, "fillInterval": "1h" }]);
    let policies = json!({ "localRateLimit": bucket });
    let limited = json!({ "policies": policies, "backends": [{ "host": good.host() }] });
    config()
        .route("/", good)
        .route_with("/limited", limited)
        .route_with("/refused", json!({ "backends": [{ "host": refused }] }))
}

/// A model that says its first word after more than the 30 s of two alerts.
fn model() -> Origin {
    const EVENTS: [&str; 2] = [
        r#"{"model":"slow-1","choices":[{"index":0,"delta":{"content":"well"}}]}"#,
        r#"{"model":"slow-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#,
    ];
    Origin::script(|visit| {
        loop {
            visit.request()?;
            wait::rest(Duration::from_secs(32));
            let body = EVENTS.map(|event| format!("data: {event}\n\n")).concat();
            let body = format!("{body}data: [DONE]\n\n");
            visit.wire.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n\
                 {body}",
                body.len()
            ))?;
        }
    })
}

/// Prices, and a budget that is used up by the first request for one of the models.
fn budgets() -> Value {
    let price = json!({ "rates": { "input": "1", "output": "10" } });
    let models = json!({ "openai": { "models": { "slow*": price, "dear": price } } });
    let limits = json!([
        { "name": "all", "tokens": 1_000_000, "usd": 10, "period": "month" },
        { "name": "dear", "model": "dear", "tokens": 1, "period": "month" },
    ]);
    json!({
        "modelCatalog": [{ "inline": { "providers": models } }],
        "ringway": { "budgets": { "limits": limits } },
    })
}

fn asks_a_model(address: SocketAddr, model: &str) {
    let body = format!(r#"{{"model":"{model}","stream":true,"messages":[]}}"#);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if let Ok(mut client) = Client::connect(address) {
        client.wire.socket.set_read_timeout(Duration::from_secs(60));
        let _ = client.try_ask(&request);
    }
}

/// An address at which nobody listens.
fn refused() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("a bound socket has an address").to_string()
}

/// Few descriptors, most of them for connections.
fn tight() -> Proxy {
    let scratch = Scratch::new();
    let fixed = json!({ "policies": { "directResponse": { "status": 200 } } });
    let config = config().route_with("/", fixed).limits(json!({ "connections": CROWD }));
    let file = scratch.replace("gateway.yaml", &config.text());
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {FILES} && exec \"$0\" \"$@\"")]);
    command.arg(executable().get_program()).arg("-f").arg(file);
    command.args(["--announce", "--workers", "1"]);
    Proxy::start(command, scratch)
}

/// A round of requests on one connection, a new one where it was closed.
fn asks_for(client: &mut Option<Client>, address: SocketAddr, paths: &[&str]) {
    for path in paths {
        let kept = client.take().map_or_else(|| Client::connect(address), Ok);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip, br\r\n\r\n");
        let Ok(mut kept) = kept else { continue };
        if kept.try_ask(&request).is_ok_and(|response| !response.closes()) {
            *client = Some(kept);
        }
    }
}

/// What is no request, what is no handshake, and one that trusts another authority.
fn misbehaves(plain: SocketAddr, secure: SocketAddr, stranger: &Caller) {
    let _ = stranger.connect(secure, "test");
    for (address, bytes) in [(plain, "nonsense\r\n\r\n"), (secure, "GET / HTTP/1.1\r\n\r\n")] {
        if let Ok(mut client) = Client::connect(address) {
            let _ = client.wire.send(bytes).and_then(|()| client.wire.rest());
        }
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(10_000));
    if let Ok(mut client) = Client::connect(plain) {
        let _ = client.try_ask(&long);
    }
}

/// Twice, the second time with the ticket of the first; a request each.
fn shakes_hands(caller: &Caller, address: SocketAddr) {
    for _ in 0..2 {
        let Ok(client) = caller.connect(address, "test") else { continue };
        let mut client = H2::over(client.wire.socket, &[]);
        let stream = client.open(&asked("GET", "/"), true);
        while !client.stream(stream).ended && client.step().is_ok_and(|more| more) {}
    }
}

/// Stops the process for most of the time, as a host does that has too much to do.
fn starves(pid: u32) -> impl FnMut() + Send {
    move || {
        let kill = |signal: &str| Command::new("kill").args([signal, &pid.to_string()]).status();
        let _ = kill("-STOP");
        wait::rest(Duration::from_millis(400));
        let _ = kill("-CONT");
        wait::rest(Duration::from_millis(200));
    }
}

/// As many connections as there may be and some that wait; the oldest goes for each that comes.
fn crowds(address: SocketAddr, most: usize, says: String) -> impl FnMut() + Send {
    let mut crowd = VecDeque::new();
    move || {
        while crowd.len() < most + 10 {
            let Ok(mut client) = Client::connect(address) else { break };
            let _ = client.wire.send(&says);
            crowd.push_back(client);
        }
        crowd.pop_front();
        wait::rest(Duration::from_millis(100));
    }
}

/// Half of the tasks that are too many: streams whose answers are a minute away, opened again when
/// they have come.
fn holds_tasks(address: SocketAddr) -> impl FnMut() + Send {
    let mut client: Option<H2> = None;
    move || {
        let held = client.take().or_else(|| {
            let socket = Socket::connect(address).ok()?;
            socket.set_read_timeout(Duration::from_millis(200));
            let mut client = H2::over(socket, &[]);
            for _ in 0..TASKS {
                client.open(&asked("GET", "/held"), true);
            }
            Some(client)
        });
        let Some(mut held) = held else { return };
        let lives = match held.step() {
            Ok(more) => more,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        let is_held = !held.streams.values().any(|reply| reply.ended);
        client = Some(held).filter(|_| lives && is_held);
    }
}

fn large_head() -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(50_000))
}

/// Threads that go on until it is dropped.
pub struct Driven(Vec<Driver>);

struct Driver {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    fn start(mut act: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                act();
                wait::rest(Duration::from_millis(20));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.iter().for_each(|driver| driver.stop.store(true, Ordering::SeqCst));
        for driver in &mut self.0 {
            let _ = driver.thread.take().map(JoinHandle::join);
        }
    }
}

/// Files that `tight` may open, and connections it may have: what else is open is some thirty.
const FILES: usize = 256;
const CROWD: usize = 210;

/// Heads of 50 KB that never end, which do not fit into 64 MiB.
const HEADS: usize = 1_400;

/// Two of them are more than the 10,000 tasks of the alert.
const TASKS: usize = 5_200;

const PATHS: [&str; 9] =
    ["/", "/error", "/nowhere", "/refused", "/page", "/h2", "/broken", "/cancel", "/late"];
