//! What is spoken, and that the other side understands it.

use std::io::{BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::certificate::Certificate;
use super::support::server::{Request, ok};
use super::support::{Ended, Folder, Server, command, load, run};

fn all_right(ended: &Ended) {
    let (answers, errors) = (ended.number("/answers"), ended.number("/errors"));
    assert!(answers > 1.0 && errors == 0.0 && ended.code() == Some(0), "{ended:?}");
}

#[test]
fn http1_on_either_driver_and_on_two_threads() {
    let server = Server::hello();
    for flags in ["-c 1", "-c 8", "-c 8 -t 2", "-c 8 --pipeline 4", "-c 8 --cores 0"] {
        let words = format!("run --json - {} -d 300ms --expect-bytes 5 {flags}", server.url());
        all_right(&run(command(&words)));
        let mut epoll = command(&words);
        epoll.env("LOADTEST_DRIVER", "epoll");
        let ended = run(epoll);
        all_right(&ended);
        assert!(ended.out.contains("epoll"), "it says so: {ended:?}");
    }
}

#[test]
fn bodies_of_any_framing_are_read_to_their_end() {
    let large = "x".repeat(1 << 20);
    let server = Server::http(move |request| match request.line() {
        line if line.contains("/large") => ok(&large),
        line if line.contains("/chunked") => {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec()
        }
        line if line.starts_with("HEAD") => ok("")
            .strip_suffix(b"0\r\n\r\n")
            .map(|head| [head, b"5\r\n\r\n"].concat())
            .expect("it ends like this"),
        _ => [b"HTTP/1.1 100 Continue\r\n\r\n", &ok("hello")[..]].concat(),
    });
    let url = server.url();
    for words in [
        format!("{url}large --expect-bytes 1M"),
        format!("{url}chunked --expect-bytes 5"),
        format!("{url} -X HEAD --expect-bytes 0"),
        format!("{url} --expect-bytes 5"),
        format!("{url}large {url} --weights 1,3"),
    ] {
        all_right(&load(&format!("{words} -c 3 -d 300ms")));
    }
}

#[test]
fn requests_are_what_was_asked_for() {
    let bad = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&bad);
    let server = Server::http(move |request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let number = body.strip_prefix("n=").and_then(|number| number.parse::<u64>().ok());
        let right = request.line() == "PUT /x?y=1 HTTP/1.1"
            && request.head.contains("\r\nAuthorization: Bearer secret\r\n")
            && request.head.contains("\r\nX-Id: ")
            && number.is_some();
        if !right {
            count.fetch_add(1, Ordering::SeqCst);
        }
        ok(&body)
    });
    let folder = Folder::new("requests");
    let tokens = folder.file("tokens", "secret\n\nsecret\n");
    let flags = format!("-X PUT -H X-Id:{{{{uuid}}}} --body n={{{{seq}}}} --bearer @{tokens}");
    all_right(&load(&format!("{}x?y=1 -c 2 -d 300ms {flags}", server.url())));
    assert_eq!(bad.load(Ordering::SeqCst), 0);
}

#[test]
fn tls_with_and_without_resumption() {
    let certificate = Certificate::new(&["http/1.1"]);
    let folder = Folder::new("tls");
    let roots = folder.file("roots.pem", &certificate.pem);
    let server = certificate.hello();
    let url = format!("https://localhost:{}/", server.address.port());
    let ended = load(&format!("{url} -c 2 -d 300ms --cacert {roots}"));
    all_right(&ended);
    assert_eq!(ended.number("/tls_ns/count"), 2.0);
    all_right(&load(&format!("{url} -c 2 -d 300ms -k")));
    let other = format!("https://127.0.0.1:{}/", server.address.port());
    all_right(&load(&format!("{other} -c 2 -d 300ms --cacert {roots} --server-name localhost")));
    let churn = "-c 1 -d 500ms --requests-per-connection 2";
    let ended = load(&format!("{url} {churn} --cacert {roots}"));
    all_right(&ended);
    assert!(ended.number("/tls_resumed") > 0.0, "{ended:?}");
    let ended = load(&format!("{url} {churn} --cacert {roots} --no-resumption"));
    all_right(&ended);
    assert_eq!(ended.number("/tls_resumed"), 0.0, "{ended:?}");
}

#[test]
fn http2_with_many_streams() {
    let url = format!("http://{}/x", http2_server());
    let ended = load(&format!("{url} --http2 --streams 5 -c 2 -d 500ms --expect-bytes 5"));
    all_right(&ended);
    assert_eq!(ended.number("/connections_opened"), 2.0);
    assert!(ended.number("/received_bytes") > 0.0, "{ended:?}");
    all_right(&load(&format!("{url} --http2 --streams 5 -c 2 -d 500ms --rate 100")));
    all_right(&load(&format!(
        "{url} --http2 --streams 2 -c 1 -d 300ms --body {}",
        "y".repeat(3000)
    )));
    let ended = load(&format!("{url}/404 --http2 -c 1 -d 300ms"));
    assert!(ended.errors("status 404") > 0, "{ended:?}");
}

/// `hello` on every stream, 404 where the path says so.
fn http2_server() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    listener.set_nonblocking(true).expect("it can be");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        runtime.expect("a runtime").block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_http2(stream));
            }
        });
    });
    address
}

async fn serve_http2(stream: tokio::net::TcpStream) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((mut request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            while let Some(Ok(part)) = request.body_mut().data().await {
                let _ = request.body_mut().flow_control().release_capacity(part.len());
            }
            let status = if request.uri().path().contains("404") { 404 } else { 200 };
            let answer = http::Response::builder().status(status).body(());
            let Ok(answer) = answer else { return };
            if let Ok(mut body) = respond.send_response(answer, false) {
                let _ = body.send_data(bytes::Bytes::from_static(b"hello"), true);
            }
        });
    }
}

#[test]
fn streams_of_events_are_timed() {
    let server = Server::start(|mut stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        while Request::read(&mut reader)?.is_some() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for event in ["data: a\n\n", "data: b\n\n", "data: c\n\n", "data: [DONE]\n\n"] {
                std::thread::sleep(std::time::Duration::from_millis(20));
                write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
            }
            stream.write_all(b"0\r\n\r\n")?;
        }
        Ok(())
    });
    let ended = load(&format!("{} --events -c 2 -d 500ms", server.url()));
    all_right(&ended);
    let (answers, tokens) = (ended.number("/answers"), ended.number("/tokens"));
    assert_eq!(tokens, answers * 3.0, "{ended:?}");
    assert_eq!(ended.number("/token_gap_ns/count"), answers * 2.0, "{ended:?}");
    assert!(ended.number("/first_token_ns/min") >= 20e6, "{ended:?}");
    assert!(ended.number("/token_gap_ns/p50") >= 10e6, "{ended:?}");
    assert!(ended.number("/stream_tokens_per_kilosecond/p50") <= 100_000.0, "{ended:?}");
}

#[test]
fn websockets_echo() {
    let server = Server::start(|mut stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        let Some(request) = Request::read(&mut reader)? else { return Ok(()) };
        let key = request.head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let sum = format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.unwrap_or_default());
        let algorithm = &ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
        let accept = base64(ring::digest::digest(algorithm, sum.as_bytes()).as_ref());
        let head = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n";
        write!(stream, "{head}Sec-WebSocket-Accept: {accept}\r\n\r\n")?;
        loop {
            let mut head = [0; 6];
            reader.read_exact(&mut head)?;
            let mut payload = vec![0; usize::from(head[1] & 0x7F)];
            reader.read_exact(&mut payload)?;
            let mask = &head[2..];
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            // A ping before each echo, which must not count as one.
            if head[0] & 0xF == 1 {
                stream.write_all(&[0x89, 1, b'?', 0x81, payload.len() as u8])?;
                stream.write_all(&payload)?;
            }
        }
    });
    let url = format!("ws://{}/chat", server.address);
    let ended = load(&format!("{url} -c 2 -d 300ms --body hello --expect-bytes 5"));
    all_right(&ended);
    assert_eq!(server.accepted(), 2);
    let refuses = Server::hello();
    let ended = load(&format!("ws://{}/ -c 1 -d 300ms --body x", refuses.address));
    assert!(ended.errors("status 200") > 0, "{ended:?}");
}

#[test]
fn raw_tcp_echoes() {
    let server = Server::start(|mut stream| {
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count])?,
            }
        }
    });
    let url = format!("tcp://{}", server.address);
    let ended = load(&format!("{url} -c 2 -d 300ms --body ping"));
    all_right(&ended);
    assert_eq!(ended.number("/received_bytes"), ended.number("/answers") * 4.0, "{ended:?}");
    let ended = load(&format!("{url} -c 1 -d 300ms --timeout 100ms --body ping --answer-bytes 5"));
    assert!(ended.errors("no answer in time") > 0, "{ended:?}");
}

fn base64(bytes: &[u8]) -> String {
    let letter = |bits: u32| match bits & 63 {
        n @ 0..=25 => (b'A' + n as u8) as char,
        n @ 26..=51 => (b'a' + n as u8 - 26) as char,
        n @ 52..=61 => (b'0' + n as u8 - 52) as char,
        62 => '+',
        _ => '/',
    };
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        (0..=three.len()).for_each(|index| out.push(letter(bits >> (18 - 6 * index))));
        out.push_str(&"=".repeat(3 - three.len()));
    }
    out
}
