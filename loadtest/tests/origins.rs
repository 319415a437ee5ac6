//! Origins of HTTP, events and TCP, as a client sees them: sizes to the byte, times that are at
//! least what was asked for, and everything that goes wrong on purpose.
#![allow(clippy::disallowed_methods)]

mod wire;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use loadtest::origin::{self, Fault, Http, Kind, Running, Setup, Spread, Sse, Talk, Tcp};
use wire::{connect, get, parse, post, raw, request};

fn http() -> Setup {
    Setup::new(Kind::Http(Http { token: Some("secret".into()), ..Http::default() }))
}

fn start(setup: Setup) -> (Running, SocketAddr) {
    let origin = origin::start(setup).expect("an origin starts");
    let address = origin.address();
    (origin, address)
}

#[test]
fn bodies_have_the_size_that_the_path_says() {
    let (_origin, at) = start(http());
    assert_eq!(get(at, "/").body.len(), 1024);
    for bytes in [0, 1, 8192, 8193, 100_000, 3_000_000] {
        assert_eq!(get(at, &format!("/bytes/{bytes}")).body.len(), bytes);
    }
    let (plain, chunked) = (get(at, "/bytes/50000"), get(at, "/chunked/50000"));
    assert_eq!(plain.body, chunked.body, "the same pattern either way");
    assert_eq!(chunked.field("transfer-encoding"), Some("chunked"));
    assert_eq!(get(at, "/status/404").status, 404);
    let head = raw(at, "HEAD /bytes/50 HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head.ends_with(b"content-length: 50\r\n\r\n"));
}

#[test]
fn bodies_of_requests_are_read_whole() {
    let (origin, at) = start(http());
    let big = "x".repeat(300_000);
    assert_eq!(post(at, "/echo", "", &big).body, big.as_bytes());
    let chunked = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                   5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    assert_eq!(request(at, chunked).body, b"hello!");
    assert_eq!(post(at, "/upload", "", "abc").json()["bytes"], 3);
    assert_eq!(post(at, "/upload", "", "abc").json()["fnv1a"], "e71fa2190541574b");
    let asked = post(at, "/", "Expect: 100-continue\r\n", "abc");
    assert_eq!(asked.status, 100);
    assert_eq!(origin.counts().requests, 5);
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    let (origin, at) = start(http());
    let twice = "GET /bytes/3 HTTP/1.1\r\n\r\nPOST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\nok\
                 GET /status/204 HTTP/1.1\r\nConnection: close\r\n\r\n";
    let bytes = raw(at, twice).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.matches("HTTP/1.1 ").count(), 3, "{text}");
    assert!(text.contains("\r\n\r\nok"), "{text}");
    assert_eq!((origin.counts().connections, origin.counts().requests), (1, 3));
}

#[test]
fn tokens_are_wanted_where_they_are() {
    let (_origin, at) = start(http());
    let with = |token: &str| {
        let text = format!("GET /bearer HTTP/1.1\r\nConnection: close\r\n{token}\r\n\r\n");
        request(at, &text).status
    };
    assert_eq!(with("X: y"), 401);
    assert_eq!(with("Authorization: Bearer wrong"), 401);
    assert_eq!(with("Authorization: Bearer secret"), 200);
}

#[test]
fn faults_happen_as_listed_and_as_asked() {
    let mut setup = http();
    setup.faults.first = vec![Some(Fault::Status(429)), None, Some(Fault::Reset)];
    setup.faults.retry_after_seconds = 7;
    let (origin, at) = start(setup);
    let refused = get(at, "/");
    assert_eq!((refused.status, refused.field("retry-after")), (429, Some("7")));
    assert_eq!(get(at, "/").status, 200);
    let get_raw =
        |fault: &str| raw(at, &format!("GET / HTTP/1.1\r\nConnection: close\r\n{fault}\r\n\r\n"));
    assert_eq!(get_raw("A: b").unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(get_raw("X-Fault: close").unwrap(), b"");
    assert!(parse(&get_raw("X-Fault: truncate").unwrap()).is_none(), "half a body");
    assert!(parse(&get_raw("X-Fault: garbage").unwrap()).is_none());
    let whole = get_raw("X-Fault: 503").unwrap();
    assert_eq!(parse(&whole).unwrap().status, 503);
    assert_eq!(parse(&get_raw("A: b").unwrap()).unwrap().status, 200, "and then all is well");
    assert_eq!(origin.counts().faults, 6);
}

#[test]
fn chances_are_kept_to() {
    let mut setup = http();
    setup.faults.chances = vec![(0.5, Fault::Status(503))];
    let (origin, at) = start(setup);
    let many = "GET /status/204 HTTP/1.1\r\n\r\n".repeat(400)
        + "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let text = String::from_utf8(raw(at, &many).unwrap()).unwrap();
    let refused = text.matches("HTTP/1.1 503").count();
    assert!((100..300).contains(&refused), "{refused} of 401");
    assert_eq!(origin.counts().faults, refused as u64);
}

#[test]
fn what_is_no_request_is_refused() {
    let (origin, at) = start(http());
    let answer = request(at, "this is not HTTP\r\n\r\n");
    assert_eq!(answer.status, 400);
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(400_000));
    // The refusal may be lost to a reset: more came than was read.
    if let Ok(bytes) = raw(at, &endless) {
        assert_eq!(parse(&bytes).unwrap().status, 431);
    }
    assert_eq!(origin.counts().malformed, 2);
}

#[test]
fn an_origin_takes_its_time() {
    let mut setup = http();
    setup.pace.delay = Spread::exactly(Duration::from_millis(60));
    let (_origin, at) = start(setup);
    let began = Instant::now();
    assert_eq!(get(at, "/").status, 200);
    assert!(began.elapsed() >= Duration::from_millis(60));

    let mut setup = http();
    setup.pace.write_rate = Some(20_000);
    let (_origin, at) = start(setup);
    let began = Instant::now();
    assert_eq!(get(at, "/bytes/4000").body.len(), 4000);
    assert!(began.elapsed() >= Duration::from_millis(190), "{:?}", began.elapsed());

    let mut setup = http();
    setup.pace.read_rate = Some(20_000);
    let (_origin, at) = start(setup);
    let began = Instant::now();
    assert_eq!(post(at, "/upload", "", &"x".repeat(4000)).json()["bytes"], 4000);
    assert!(began.elapsed() >= Duration::from_millis(190), "{:?}", began.elapsed());
}

#[test]
fn one_byte_a_write_is_one_byte_a_read() {
    let mut setup = http();
    setup.pace.write_bytes = Some(1);
    setup.pace.write_rate = Some(400);
    let (_origin, at) = start(setup);
    let mut stream = connect(at);
    stream.write_all(b"GET /bytes/5 HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let (mut reads, mut all, mut buffer) = (0, Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        reads += 1;
        all.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(parse(&all).unwrap().body, b"ahov2");
    // A slow reader may find several at once, but never all.
    assert!(reads > 5, "{reads} reads of {} bytes", all.len());
}

#[test]
fn events_come_in_their_time() {
    let sse = Sse { events: 10, interval: Duration::from_millis(20), bytes: 16 };
    let (_origin, at) = start(Setup::new(Kind::Sse(sse)));
    let began = Instant::now();
    let answer = get(at, "/anything");
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(answer.field("content-type"), Some("text/event-stream"));
    assert_eq!(answer.text().matches("\n\n").count(), 11);
    assert!(answer.text().ends_with("event: end\ndata: end\n\n"));

    let cut = raw(at, "GET / HTTP/1.1\r\nX-Fault: truncate=3\r\n\r\n").unwrap();
    let text = String::from_utf8(cut.clone()).unwrap();
    assert!(parse(&cut).is_none() && text.matches("\n\n").count() == 3, "{text}");
}

#[test]
fn a_web_socket_echoes() {
    let (_origin, at) = start(http());
    let mut stream = connect(at);
    let ask = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    // A text of two bytes, then a close, both with a mask of zeroes.
    let frames = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i', 0x88, 0x80, 0, 0, 0, 0];
    stream.write_all(ask.as_bytes()).unwrap();
    stream.write_all(&frames).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&bytes[..end]);
    // The example of RFC 6455, section 1.3.
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert_eq!(&bytes[end..], [0x81, 2, b'h', b'i', 0x88, 0]);
}

#[test]
fn tcp_talks_four_ways() {
    let tcp = |talk| start(Setup::new(Kind::Tcp(Tcp { talk, bytes: 70_000 })));
    let exchange = |at, say: &[u8]| {
        let mut stream = connect(at);
        stream.write_all(say).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map(|_| bytes)
    };
    let say = vec![b'q'; 40_000];
    let (_echo, at) = tcp(Talk::Echo);
    assert_eq!(exchange(at, &say).unwrap(), say);
    let (_sink, at) = tcp(Talk::Sink);
    assert_eq!(exchange(at, &say).unwrap(), b"40000\n");
    let (_source, at) = tcp(Talk::Source);
    assert_eq!(exchange(at, b"").unwrap().len(), 70_000);
    let (_silent, at) = tcp(Talk::Silent);
    assert_eq!(exchange(at, &say).unwrap(), b"");

    let mut setup = Setup::new(Kind::Tcp(Tcp { talk: Talk::Echo, bytes: 0 }));
    setup.faults.first = vec![Some(Fault::Reset)];
    let (_origin, at) = start(setup);
    let reset = |error: io::Error| {
        matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    };
    let mut stream = connect(at);
    assert!(stream.read(&mut [0; 1]).is_err_and(reset));
    assert_eq!(exchange(at, b"again").unwrap(), b"again");
}

#[test]
fn an_origin_that_is_dropped_closes_everything() {
    let mut setup = http();
    setup.threads = 2;
    let (origin, at) = start(setup);
    let mut idle: Vec<_> = (0..20).map(|_| connect(at)).collect();
    // One that is in the middle of a hang, one in the middle of a body nobody reads.
    idle[0].write_all(b"GET / HTTP/1.1\r\nX-Fault: hang\r\n\r\n").unwrap();
    idle[1].write_all(b"GET /bytes/1000000000 HTTP/1.1\r\n\r\n").unwrap();
    wire::until("all are accepted", || origin.counts().connections == 20);
    wire::until("two are asked", || origin.counts().requests == 2);
    drop(origin);
    for stream in idle.iter_mut().skip(2) {
        assert!(matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_)));
    }
    assert!(std::net::TcpStream::connect(at).is_err(), "nobody listens any more");
}

#[test]
fn the_command_prints_an_address_and_ends_in_order() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["origin", "http", "--size", "77", "--first", "503,ok", "--for", "60s"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    io::BufRead::read_line(&mut io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    let at: SocketAddr = line.trim().strip_prefix("http://").unwrap().parse().unwrap();
    assert_eq!(get(at, "/").status, 503);
    assert_eq!(get(at, "/").body.len(), 77);
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("2 requests, 1 spoiled"), "{said}");
}

#[test]
fn bad_arguments_get_one_line() {
    for (arguments, word) in [
        (&["http", "--fault", "2:reset"][..], "part of all"),
        (&["http", "--first", "explode"], "no fault"),
        (&["http", "--write-rate", "0"], "never end"),
        (&["http", "--fault", "60%:reset", "--fault", "60%:503"], "more than all"),
        (&["llm", "--token-rate", "1e9"], "token-rate"),
        (&["sse", "--size", "2MiB"], "1 MiB"),
        (&["http", "--listen", "203.0.113.1:1"], "203.0.113.1:1"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        let output = command.arg("origin").args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}
