//! Checks of small endpoints on loopback, and when they are believed.

mod tls_tests;

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use super::*;
use crate::upstream::probe::{HttpProbe, Kind};

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(Duration::from_secs(60), future).await.expect("in time") })
}

fn plain(at: At) -> Way {
    Way { at, header: None, tls: None }
}

fn http(statuses: &[(u16, u16)], body: Option<&str>) -> Kind {
    Kind::Http(HttpProbe {
        path: "/healthz?full".into(),
        host: Some("a.test".into()),
        statuses: statuses.to_vec(),
        body: body.map(str::to_owned),
    })
}

/// An endpoint that answers each connection with these bytes; what it was asked.
async fn answering(bytes: &'static [u8]) -> io::Result<(At, JoinHandle<io::Result<String>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = At::Inet(listener.local_addr()?);
    let answer = async move {
        let (mut stream, _) = listener.accept().await?;
        let mut asked = vec![0; 1024];
        let count = stream.read(&mut asked).await?;
        stream.write_all(bytes).await?;
        Ok(String::from_utf8_lossy(&asked[..count]).into_owned())
    };
    Ok((at, tokio::spawn(answer)))
}

#[test]
fn an_answer_is_looked_into() {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready";
    const INTERIM: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let any: &[(u16, u16)] = &[(200, 299)];
    for (bytes, kind, expected) in [
        (OK, http(any, None), Ok(())),
        (OK, http(any, Some("ready")), Ok(())),
        (OK, http(any, Some("steady")), Err("its body has no `steady`")),
        (OK, http(&[(204, 204), (300, 399)], None), Err("it answers 200")),
        (INTERIM, http(any, None), Ok(())),
        (b"HTTP/1.1 503 No\r\n\r\n", http(any, None), Err("it answers 503")),
        (b"HTTP/1.1 200", http(any, None), Err("it closed before its answer was complete")),
        (b"", http(any, None), Err("it closed before its answer was complete")),
    ] {
        run(async {
            let (at, asked) = answering(bytes).await.unwrap();
            let result = ask::ask(&plain(at), &kind).await;
            assert_eq!(result, expected.map_err(str::to_owned));
            let asked = asked.await.unwrap().unwrap();
            assert!(asked.starts_with("GET /healthz?full HTTP/1.1\r\nHost: a.test\r\n"), "{asked}");
        });
    }
    run(async {
        let (at, _) = answering(b"SSH-2.0-OpenSSH\r\n\r\n").await.unwrap();
        let why = ask::ask(&plain(at), &http(any, None)).await.unwrap_err();
        assert!(why.starts_with("its answer is no response"), "{why}");
    });
}

#[test]
fn a_connection_is_enough_for_tcp() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = plain(At::Inet(listener.local_addr().unwrap()));
        assert_eq!(ask::ask(&way, &Kind::Tcp).await, Ok(()));
        drop(listener);
        assert!(ask::ask(&way, &Kind::Tcp).await.is_err());
        let path = std::env::temp_dir().join(format!("ringway-probe-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(ask::ask(&plain(At::Unix(path.clone())), &Kind::Tcp).await, Ok(()));
        drop(listener);
        let _ = std::fs::remove_file(path);
    });
}

/// An endpoint that says a status of the health protocol, or fails the call.
async fn grpc(message: &'static [u8], status: &'static str) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = At::Inet(listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = server.accept().await {
            assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
            let response = http::Response::builder().header("content-type", "application/grpc");
            let mut body = respond.send_response(response.body(()).unwrap(), false).unwrap();
            if !message.is_empty() {
                body.send_data(bytes::Bytes::from_static(message), false).unwrap();
            }
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            body.send_trailers(trailers).unwrap();
        }
    });
    ask::ask(&plain(at), &Kind::Grpc("a.Service".into())).await
}

#[test]
fn grpc_says_serving_or_it_is_not_well() {
    run(async {
        assert_eq!(grpc(&[0, 0, 0, 0, 2, 8, 1], "0").await, Ok(()));
        let not = grpc(&[0, 0, 0, 0, 2, 8, 2], "0").await;
        assert_eq!(not, Err("it says status 2, not SERVING".into()));
        assert_eq!(grpc(&[0, 0, 0, 0, 0], "0").await, Err("it says no status".into()));
        assert_eq!(grpc(&[], "12").await, Err("it answers grpc-status 12".into()));
        let (at, _) = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        assert!(ask::ask(&plain(at), &Kind::Grpc(String::new())).await.is_err(), "no HTTP/2");
    });
}

#[test]
fn one_result_alone_changes_nothing() {
    let mut opinion = Opinion::default();
    let mut believe = |passed| opinion.after(passed, 3, 2);
    let news: Vec<_> =
        [false, false, true, false, false, false, true, true].map(&mut believe).into();
    assert_eq!(news, [None, None, None, None, None, Some(false), None, Some(true)]);
}

fn checked(at: At, health: &Arc<Health>) -> Checked {
    Checked {
        backend: "b".into(),
        endpoint: "e".into(),
        way: plain(at),
        probe: Probe {
            kind: Kind::Tcp,
            interval: Duration::from_millis(10),
            jitter_percent: 50,
            timeout: Duration::from_secs(5),
            failures_needed: 2,
            passes_needed: 2,
        },
        health: Arc::clone(health),
        board: Arc::default(),
        clock: Clock::new(),
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..4_000 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

#[test]
fn an_endpoint_that_dies_goes_down_and_comes_back() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let health = Arc::new(Health::default());
        let mut prober = Prober::default();
        prober.follow(vec![checked(At::Inet(address), &health)]);
        until("a check passes", || health.checks_passed.load(Relaxed) > 1).await;
        assert!(!health.is_down());
        drop(listener);
        until("it is seen to be down", || health.is_down()).await;
        // The same one goes on being asked by the same task.
        prober.follow(vec![checked(At::Inet(address), &health)]);
        assert!(health.is_down() && prober.len() == 1);
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let _listener = socket.listen(64).unwrap();
        until("it is back", || !health.is_down()).await;
        assert!(health.up_since().is_some());
    });
}

#[test]
fn who_is_no_longer_checked_is_not_down() {
    run(async {
        let health = Arc::new(Health::default());
        let nobody = At::Unix("/nonexistent/ringway".into());
        let mut prober = Prober::default();
        prober.follow(vec![checked(nobody, &health)]);
        until("it is down", || health.is_down()).await;
        prober.follow(Vec::new());
        assert!(!health.is_down() && prober.is_empty());
    });
}
