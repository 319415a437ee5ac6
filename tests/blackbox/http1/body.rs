//! Bodies: every framing in both directions, whole, of any size, in constant memory.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::thread;

use crate::harness::message::Framing;
use crate::harness::*;

drivers! {
    large_downloads_take_no_memory,
    large_uploads_take_no_memory,
    a_client_that_does_not_read_stops_the_origin,
    sizes_about_those_of_buffers,
    chunks_of_all_sizes,
}

matrix! {
    trailers_go_both_ways,
    a_response_that_ends_with_its_connection,
    both_directions_at_once,
    many_clients_at_once_get_their_own,
}

const LARGE_BYTES: usize = 50 * 1024 * 1024;
/// What a body may add to the memory of the process: buffers, and what the allocator keeps.
const GROWTH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The same bytes everywhere, and different ones at every place.
fn pattern(at: usize, length: usize) -> Vec<u8> {
    (at..at + length).map(|n| (n ^ (n >> 7) ^ (n >> 15)) as u8).collect()
}

fn pieces(mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    const PIECE: usize = 256 * 1024;
    let piece = pattern(0, PIECE);
    (0..LARGE_BYTES / PIECE).try_for_each(|_| take(&piece))
}

fn expected() -> u64 {
    let mut hasher = DefaultHasher::new();
    pieces(|piece| {
        hasher.write(piece);
        Ok(())
    })
    .unwrap();
    hasher.finish()
}

/// Reads so many bytes and says what they were.
fn hash(wire: &mut message::Wire, mut left: usize) -> io::Result<u64> {
    let mut hasher = Rolling::default();
    hasher.take(&wire.unread);
    left -= wire.unread.len();
    wire.unread.clear();
    let mut piece = vec![0; 256 * 1024];
    while left > 0 {
        let most = left.min(piece.len());
        let count = wire.socket.read(&mut piece[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.take(&piece[..count]);
        left -= count;
    }
    Ok(hasher.hasher.finish())
}

/// Hashes in pieces of one size, whatever the sizes they come in: a hasher may tell them apart.
#[derive(Default)]
struct Rolling {
    hasher: DefaultHasher,
    kept: Vec<u8>,
}

impl Rolling {
    fn take(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        let whole = self.kept.len() / (256 * 1024) * (256 * 1024);
        for piece in self.kept[..whole].chunks(256 * 1024) {
            self.hasher.write(piece);
        }
        self.kept.drain(..whole);
    }
}

fn large_downloads_take_no_memory(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE_BYTES}\r\n\r\n"))?;
        pieces(|piece| visit.wire.send(piece))
    });
    let proxy = cell.start(&config().route("/", &origin));
    let before = proxy.resident_bytes();
    for _ in 0..2 {
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(client.head().status().unwrap(), 200);
        assert_eq!(hash(&mut client.wire, LARGE_BYTES).unwrap(), expected());
    }
    let grown = proxy.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes more");
}

fn large_uploads_take_no_memory(cell: Cell) {
    let origin = Origin::script(|visit| {
        let head = visit.head()?;
        assert_eq!(head.framing(Framing::Empty)?, Framing::Length(LARGE_BYTES));
        let hash = hash(&mut visit.wire, LARGE_BYTES)?;
        visit.wire.send(origin::ok(hash.to_string()))
    });
    let proxy = cell.start(&config().route("/", &origin));
    let before = proxy.resident_bytes();
    let mut client = proxy.client();
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE_BYTES}\r\n\r\n"));
    pieces(|piece| client.wire.send(piece)).unwrap();
    assert_eq!(client.response().body(), expected().to_string());
    let grown = proxy.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes more");
}

/// The origin is ahead of a client that does not read: it has to wait, not the memory to grow.
fn a_client_that_does_not_read_stops_the_origin(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE_BYTES}\r\n\r\n"))?;
        let sent = pieces(|piece| visit.wire.send(piece));
        visit.note(message::Head::default(), Vec::new(), Vec::new());
        sent
    });
    let proxy = cell.start(&config().route("/", &origin));
    let before = proxy.resident_bytes();
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    client.head();
    let all_sent = || origin.seen().len() > 1;
    wait::never("everything was taken", std::time::Duration::from_millis(500), all_sent);
    let grown = proxy.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes more");
    assert_eq!(hash(&mut client.wire, LARGE_BYTES).unwrap(), expected());
}

fn sizes_about_those_of_buffers(cell: Cell) {
    let origin =
        Origin::http1().on("/", |request, visit| visit.reply(&origin::ok(&*request.body))).start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    let near = |size: usize| (size - 2)..(size + 3);
    let sizes = (0..3).chain(near(1024)).chain(near(16384)).chain(near(32768));
    for size in sizes.chain(near(65536)).chain(near(262_144)).chain([1_000_000]) {
        let body = pattern(size, size);
        assert!(client.post("/", &body).bytes == body, "{size} bytes came back different");
    }
    assert_eq!(origin.accepted(), 1);
}

fn chunks_of_all_sizes(cell: Cell) {
    let origin = Origin::http1()
        .on("/", |request, visit| {
            let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            let size = request.target.split('=').nth(1).and_then(|n| n.parse().ok());
            for chunk in request.body.chunks(size.unwrap_or(1)) {
                write!(response, "{:X}\r\n", chunk.len()).unwrap();
                response.extend_from_slice(chunk);
                response.extend_from_slice(b"\r\n");
            }
            response.extend_from_slice(b"0\r\n\r\n");
            visit.reply(&response)
        })
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    let body = pattern(0, 100_000);
    for size in [1usize, 2, 3, 15, 16, 17, 255, 4096, 16383, 16384, 16385, 70_000] {
        let mut request =
            format!("POST /?n={size} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
                .into_bytes();
        for chunk in body.chunks(size) {
            write!(request, "{:x}\r\n", chunk.len()).unwrap();
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        client.send(&request);
        assert!(client.response().bytes == body, "chunks of {size} came back different");
    }
}

fn trailers_go_both_ways(cell: Cell) {
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                    5\r\nhello\r\n0\r\nX-Sum: abc\r\nX-Two: 2\r\n\r\n";
    let origin = Origin::http1().answer("/", response).start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    let trailer = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for _ in 0..3 {
        client.send(
            "POST / HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
             \r\n3\r\nabc\r\n0\r\nX-Check: 1\r\n\r\n",
        );
        let response = client.response();
        assert_eq!(response.body(), "hello");
        assert_eq!(response.trailers, [trailer("X-Sum", "abc"), trailer("X-Two", "2")]);
        let seen = origin.last();
        assert_eq!(
            (seen.body.as_slice(), seen.trailers),
            (&b"abc"[..], vec![trailer("X-Check", "1")])
        );
    }
}

fn a_response_that_ends_with_its_connection(cell: Cell) {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nall of this");
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    // An HTTP/1.1 client can be told of the end without losing its connection.
    for _ in 0..3 {
        let response = client.get("/");
        assert_eq!(response.body(), "all of this");
        if response.closes() {
            client = proxy.client();
        }
    }
    assert_eq!(origin.accepted(), 3);
}

/// Neither side waits for the other to finish.
fn both_directions_at_once(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.head()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            let line = visit.wire.line()?;
            let size = usize::from_str_radix(&line, 16).unwrap();
            let chunk = visit.wire.exactly(size + 2)?;
            visit.wire.send(format!("{line}\r\n"))?;
            visit.wire.send(chunk)?;
            if size == 0 {
                return Ok(());
            }
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.head().status().unwrap(), 200);
    for n in 0..50 {
        let chunk = format!("{:x}\r\n{}\r\n", 1 + n, "x".repeat(1 + n));
        client.send(&chunk);
        let mut back = Vec::new();
        // The proxy may cut chunks anew, but not hold them back.
        while back.len() <= n {
            let size = usize::from_str_radix(&client.wire.line().unwrap(), 16).unwrap();
            back.extend_from_slice(&client.wire.exactly(size).unwrap());
            assert_eq!(client.wire.line().unwrap(), "");
        }
        assert_eq!(back.len(), 1 + n);
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.wire.line().unwrap(), "0");
}

fn many_clients_at_once_get_their_own(cell: Cell) {
    let origin =
        Origin::http1().on("/", |request, visit| visit.reply(&origin::ok(&*request.body))).start();
    let proxy = cell.start(&config().route("/", &origin));
    let address = proxy.address();
    let clients = (0..16usize).map(|n| {
        thread::spawn(move || {
            let mut client = Client::http1(address);
            for round in 0..20 {
                let body = pattern(n * 1000, 1 + n * 3000 + round);
                assert!(client.post("/", &body).bytes == body, "client {n}, round {round}");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().unwrap();
    }
}
