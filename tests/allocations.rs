//! A kept-alive request costs no allocation on the worker that serves it: counted, on both drivers,
//! with routing, metrics, forwarded headers and the access log on. The number is a ratchet: it is 0
//! and stays 0. The first allocation, if there is one, is told with where it came from.
#![allow(unsafe_code)] // an allocator that counts
#![expect(
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a test outside the product: it may lock, and it fails by panicking"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ringway::base::clock::Clock;
use ringway::base::id::{BindId, WorkerId};
use ringway::bus::{BindSocket, Command, Event, Inbox, Mailbox, Pulse, mailbox};
use ringway::net::listen::{self, Options};
use ringway::net::runtime::{Driver, DriverChoice, probe};
use ringway::snapshot::Snapshot;
use ringway::snapshot::compile::{Inputs, compile};
use ringway::snapshot::resources::Shared;
use ringway::snapshot::tls::Keyring;
use ringway::telemetry::access_log::recorder;
use ringway::telemetry::labels::Registry;
use ringway::telemetry::shard::Shard;
use ringway::{config, worker};

const WARM_UP: usize = 200;
const REQUESTS: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(20);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Whether the allocations of this thread count.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}
static ARMED: AtomicBool = AtomicBool::new(false);
/// Written by the counted thread alone.
static COUNT: AtomicU64 = AtomicU64::new(0);
#[expect(clippy::disallowed_types, reason = "not a worker's, but its observer's")]
static FIRST: Mutex<Option<String>> = Mutex::new(None);

fn count() {
    if !ARMED.load(Ordering::Relaxed) || !COUNTED.get() {
        return;
    }
    let before = COUNT.load(Ordering::Relaxed);
    COUNT.store(before + 1, Ordering::Relaxed);
    if before == 0 {
        // To look where we are allocates too, and that does not count.
        COUNTED.set(false);
        let place = Backtrace::force_capture().to_string();
        *FIRST.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        COUNTED.set(true);
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// One worker on a thread of its own, with what control has of it.
struct Proxy {
    address: SocketAddr,
    commands: Mailbox<Command<Snapshot>>,
    events: Inbox<Event<Snapshot>>,
    thread: thread::JoinHandle<Result<(), String>>,
}

impl Proxy {
    fn start(driver: Driver, yaml: &str) -> Self {
        let config = config::parse(yaml, "test.yaml").unwrap_or_else(|wrong| panic!("{wrong}"));
        let none = || "none".to_owned();
        let inputs = Inputs {
            resolve: &|_, _| Vec::new(),
            origin: &|| Err(none()),
            file: &|_| Err(none()),
            now: ringway::base::clock::Instant::default(),
            purses: &ringway::llm::budget::Purses::default(),
        };
        let mut registry = Registry::new();
        let snapshot =
            compile(&config, &inputs, None, &mut registry, &mut Keyring::default()).unwrap();
        let (commands, inbox) = mailbox(64).unwrap();
        let (outbox, events) = mailbox(64).unwrap();
        let thread = thread::spawn(move || {
            let id = WorkerId(0);
            let shard = Arc::new(Shard::new(id));
            let shared = Shared::default();
            shared.shards.set(vec![Arc::clone(&shard)]);
            // Nobody reads the ring: when it is full, records are dropped as they would be.
            let (log, _ring) = recorder();
            let (clock, pulse) = (Clock::new(), Arc::new(Pulse::default()));
            COUNTED.set(true);
            worker::run(worker::Spec {
                id,
                driver,
                clock,
                inbox,
                events: outbox,
                pulse,
                shard,
                shared,
                log,
                release_memory: || (),
            })
        });
        let any = snapshot.binds[0].address;
        let socket = listen::open(any, 1, &Options::default()).unwrap().remove(0);
        let socket = TcpListener::from(socket);
        let address = socket.local_addr().unwrap();
        let sockets = vec![BindSocket { bind: BindId(0), socket: socket.into() }];
        let snapshot = Arc::new(snapshot);
        let proxy = Self { address, commands, events, thread };
        proxy.tell(Command::Prepare { version: 1, snapshot, sockets });
        proxy.tell(Command::Commit { version: 1 });
        loop {
            match proxy.events.wait() {
                Some(Event::Committed { .. }) => return proxy,
                Some(Event::Refused { why, .. }) => panic!("{why}"),
                Some(_) => {}
                None => panic!("the worker ended"),
            }
        }
    }

    fn tell(&self, command: Command<Snapshot>) {
        assert!(self.commands.send(command).is_ok(), "the mailbox is full or closed");
    }

    fn stop(self) {
        self.tell(Command::Cut);
        self.thread.join().unwrap().unwrap();
    }
}

/// Answers whatever it is asked with 1 KiB, until the connection ends.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(&stream.unwrap()));
        }
    });
    address
}

fn serve(mut stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    let head = "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 1024\r\n\r\n";
    let answer = [head.as_bytes(), &[b'a'; 1024]].concat();
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&piece[..count]),
        }
        if is_whole(&request) {
            request.clear();
            stream.write_all(&answer).unwrap();
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length: usize = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    request.len() == end + 4 + length
}

/// One request and its whole answer.
fn ask(mut client: &TcpStream, request: &[u8]) {
    client.write_all(request).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = match client.read(&mut piece) {
            // A wait with a limit is not taken up again by itself.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.unwrap(),
        };
        assert!(count > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..count]);
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if head.is_some_and(|end| answer.len() == end + 4 + 1024) {
            break;
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// Allocations in that many requests, and in what the worker does beside them meanwhile.
fn counted(client: &TcpStream, request: &[u8], at_least: Duration) -> u64 {
    (0..WARM_UP).for_each(|_| ask(client, request));
    COUNT.store(0, Ordering::SeqCst);
    ARMED.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    (0..REQUESTS).for_each(|_| ask(client, request));
    while begun.elapsed() < at_least {
        ask(client, request);
    }
    ARMED.store(false, Ordering::SeqCst);
    COUNT.load(Ordering::SeqCst)
}

fn check(driver: Driver) {
    let to = origin();
    let proxy = Proxy::start(
        driver,
        &format!(
            r"
config: {{ringway: {{forwarded: {{mode: append, via: true}}}}}}
binds:
- port: 0
  address: 127.0.0.1
  listeners:
  - routes:
    - matches: [{{path: {{pathPrefix: /edited}}, headers: [{{name: x-a, value: {{exact: b}}}}]}}]
      policies:
        requestHeaderModifier: {{set: {{x-set: value}}, remove: [x-gone]}}
        responseHeaderModifier: {{set: {{cache-control: no-store}}, remove: [server]}}
        urlRewrite: {{authority: {{full: 'origin.test'}}, path: {{prefix: /v2}}}}
        timeout: {{requestTimeout: 10s}}
      backends: [{{host: '{to}'}}]
    - backends: [{{host: '{to}'}}]
"
        ),
    );
    let client = TcpStream::connect(proxy.address).unwrap();
    client.set_nodelay(true).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let post = format!("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{:100}", "x");
    // Long enough for a second's tick to fall into it: the first may make room for good.
    let tick = Duration::from_millis(1_200);
    let begun = Instant::now();
    while begun.elapsed() < tick {
        ask(&client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for (what, at_least, request) in [
        ("GET", Duration::ZERO, "GET /some/path?query HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"),
        ("POST", Duration::ZERO, post.as_str()),
        ("edited GET", tick, "GET /edited/a HTTP/1.1\r\nHost: a\r\nx-a: b\r\nx-gone: 1\r\n\r\n"),
    ] {
        let count = counted(&client, request.as_bytes(), at_least);
        let first = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take();
        assert_eq!(
            count,
            0,
            "{driver}: allocations, {what}; the first:\n{}",
            first.unwrap_or_default()
        );
    }
    drop(client);
    proxy.stop();
}

/// One test, since what it counts is the process's.
#[test]
fn a_request_allocates_nothing() {
    match probe(DriverChoice::Uring) {
        Ok(driver) => check(driver),
        Err(error) => println!("skipped on io_uring, which is not to be had here: {error}"),
    }
    check(Driver::Epoll);
}
