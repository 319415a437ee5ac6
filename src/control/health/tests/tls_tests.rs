//! Checks over TLS: who is believed, and that what is asked is asked inside.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::net::tls::tests::{THEIRS, client, make, server};
use crate::net::tls::{
    Alpn, ClientSettings, ServerName, Verification, client_config, with_alpn, without_sessions,
};
use crate::proto::proxy_protocol::Version;

/// An endpoint that is `example.com`, and does this with each connection behind its handshake.
async fn secured<F>(serve: impl Fn(TlsStream<TcpStream>) -> F + Send + 'static) -> At
where
    F: Future<Output = ()> + Send,
{
    let acceptor = TlsAcceptor::from(make(&server()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = At::Inet(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream).await;
            }
        }
    });
    at
}

fn over_tls(at: &At, settings: ClientSettings, name: &str, alpn: Option<Alpn>) -> Way {
    let config = client_config(&settings).unwrap();
    let config = match alpn {
        Some(alpn) => with_alpn(&config, alpn),
        None => config,
    };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let secured = Secured { settings: Arc::new(settings), config: without_sessions(&config), name };
    Way { at: at.clone(), header: None, tls: Some(secured) }
}

#[test]
fn http_is_asked_inside() {
    run(async {
        let at = secured(|mut stream| async move {
            let mut asked = vec![0; 1024];
            let count = stream.read(&mut asked).await.unwrap();
            let asked = String::from_utf8_lossy(&asked[..count]).into_owned();
            let named = asked.contains("\r\nHost: example.com\r\n");
            let sni = stream.get_ref().1.server_name() == Some("example.com");
            let status = if named && sni { "204 No Content" } else { "400 Bad Request" };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        })
        .await;
        let probe =
            HttpProbe { path: "/".into(), host: None, statuses: vec![(200, 299)], body: None };
        let kind = Kind::Http(probe);
        let ask = |settings, name| {
            let way = over_tls(&at, settings, name, Some(Alpn::Http1));
            let kind = &kind;
            async move { ask::ask(&way, kind).await }
        };
        assert_eq!(ask(client(), "example.com").await, Ok(()));
        let wrong_name = ask(client(), "example.org").await.unwrap_err();
        assert!(wrong_name.starts_with("no TLS: "), "{wrong_name}");
        let strangers = ClientSettings { roots: THEIRS.roots(), ..client() };
        assert!(ask(strangers.clone(), "example.com").await.is_err());
        let anybody = ClientSettings { verification: Verification::Nothing, ..strangers };
        assert_eq!(ask(anybody, "example.com").await, Ok(()));
        let plainly = ask::ask(&plain(at.clone()), &kind).await;
        assert!(plainly.is_err(), "plain text is no answer");
    });
}

#[test]
fn a_handshake_is_enough_for_tcp() {
    run(async {
        let at = secured(|_| async {}).await;
        let way = over_tls(&at, client(), "example.com", None);
        assert_eq!(ask::ask(&way, &Kind::Tcp).await, Ok(()));
        let (deaf, _) = answering(b"220 smtp ready\r\n").await.unwrap();
        let way = over_tls(&deaf, client(), "example.com", None);
        assert!(ask::ask(&way, &Kind::Tcp).await.is_err(), "a connection alone is not");
    });
}

#[test]
fn grpc_is_asked_inside_where_the_endpoint_chooses_http2() {
    run(async {
        let at = secured(|stream| async {
            let Ok(mut server) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, mut respond))) = server.accept().await {
                assert_eq!(request.uri().scheme_str(), Some("https"));
                assert_eq!(request.uri().host(), Some("example.com"));
                let response = http::Response::new(());
                let mut body = respond.send_response(response, false).unwrap();
                body.send_data(bytes::Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1]), false).unwrap();
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                body.send_trailers(trailers).unwrap();
            }
        })
        .await;
        let kind = Kind::Grpc(String::new());
        let way = over_tls(&at, client(), "example.com", Some(Alpn::H2));
        assert_eq!(ask::ask(&way, &kind).await, Ok(()));
        let way = over_tls(&at, client(), "example.com", Some(Alpn::Http1));
        assert_eq!(ask::ask(&way, &kind).await, Err("it chooses no HTTP/2".to_owned()));
    });
}

#[test]
fn a_header_of_nobody_goes_first() {
    run(async {
        let (at, asked) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let way = Way { header: Some(Version::V1), ..plain(at) };
        let kind = http(&[(200, 299)], None);
        assert_eq!(ask::ask(&way, &kind).await, Ok(()));
        let asked = asked.await.unwrap().unwrap();
        assert!(asked.starts_with("PROXY UNKNOWN\r\n"), "{asked}");
    });
}

/// One certificate, or one name, and it is another way: what was believed is asked anew.
#[test]
fn ways_are_told_apart_by_what_they_are_made_of() {
    let at = At::Unix("/run/none".into());
    let one = over_tls(&at, client(), "example.com", None);
    let same = one.clone();
    assert_eq!(one.key(), same.key());
    assert_ne!(one.key(), plain(at.clone()).key());
    assert_ne!(one.key(), over_tls(&at, client(), "example.com", None).key(), "other settings");
    let mut named = one.clone();
    let name = ServerName::try_from("example.org").unwrap();
    named.tls = named.tls.map(|tls| Secured { name, ..tls });
    assert_ne!(one.key(), named.key());
}
