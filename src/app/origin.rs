//! The built-in origin: a server on loopback that answers with what it received, as JSON. It is
//! there so that a proxy without any configuration has something to show.
//!
//! It runs on the control thread, so it is nothing to measure against. It is started when a
//! configuration uses it first, on a port that the kernel chooses.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use serde_json::{Map, Value, json};

use crate::control::admin::serve::Bounded;
use crate::limits::{ORIGIN_CONNECTIONS_MAX, ORIGIN_TEXT_BYTES_MAX};

/// Owned by the control thread.
#[derive(Debug, Default)]
pub struct Origin {
    address: OnceCell<SocketAddr>,
}

impl Origin {
    /// Where it listens; starts it if need be. Must be called within a tokio runtime.
    pub fn address(&self) -> io::Result<SocketAddr> {
        if let Some(address) = self.address.get() {
            return Ok(*address);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let service = Router::new().fallback(answer).into_make_service_with_connect_info::<Peer>();
        let listener = Bounded::new(listener, ORIGIN_CONNECTIONS_MAX);
        tokio::spawn(axum::serve(listener, service).into_future());
        Ok(*self.address.get_or_init(|| address))
    }
}

#[derive(Clone, Debug)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Bounded<tokio::net::TcpListener>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded<tokio::net::TcpListener>>) -> Self {
        Self(*stream.remote_addr())
    }
}

async fn answer(ConnectInfo(Peer(peer)): ConnectInfo<Peer>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok((bytes, shown)) = read(body).await else {
        return (StatusCode::BAD_REQUEST, "the body ended early\n").into_response();
    };
    let received = json!({
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("/", |path| path.as_str()),
        "version": format!("{:?}", head.version),
        "headers": fields(&head.headers),
        "body": { "bytes": bytes, "text": String::from_utf8_lossy(&shown) },
        "remote": peer.to_string(),
    });
    ([(header::CONTENT_TYPE, "application/json")], format!("{received:#}\n")).into_response()
}

/// A field that occurs more than once is a list.
fn fields(headers: &HeaderMap) -> Value {
    let mut fields = Map::new();
    for name in headers.keys() {
        let text = |value: &header::HeaderValue| {
            Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut values: Vec<Value> = headers.get_all(name).iter().map(text).collect();
        let value = if values.len() == 1 { values.remove(0) } else { Value::from(values) };
        fields.insert(name.to_string(), value);
    }
    Value::from(fields)
}

/// How many bytes the body has, and its begin.
async fn read(mut body: Body) -> Result<(u64, Vec<u8>), axum::Error> {
    let (mut bytes, mut shown) = (0, Vec::new());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(part) = frame?.into_data() else { continue };
        bytes += part.len() as u64;
        let room = ORIGIN_TEXT_BYTES_MAX.saturating_sub(shown.len());
        shown.extend_from_slice(&part[..part.len().min(room)]);
    }
    Ok((bytes, shown))
}

#[cfg(test)]
mod tests;
