//! One check of one endpoint: a connection, over TLS where requests go over TLS, a request, what is
//! looked for in the answer. HTTP is asked in version 1.1, whatever requests speak.

use std::future::Future;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::{At, Secured, Way};
use crate::base::buffer::Buffer;
use crate::limits::{FIELDS_MAX, HEAD_BYTES_MAX, PROBE_BYTES_MAX, TARGET_BYTES_MAX};
use crate::net::tls::{Alpn, ServerName};
use crate::proto::http1::head::ResponseHead;
use crate::proto::http1::{BodyLength, HeadLimits, Method, Parsed};
use crate::proto::proxy_protocol::{self, Version};
use crate::upstream::probe::{HttpProbe, Kind};

/// # Errors
/// Why the endpoint is not well.
pub(super) async fn ask(way: &Way, kind: &Kind) -> Result<(), String> {
    match &way.at {
        At::Inet(address) => {
            let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
            let _ = stream.set_nodelay(true);
            Box::pin(reached(stream, way, &address.to_string(), kind)).await
        }
        At::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| error.to_string())?;
            Box::pin(reached(stream, way, "localhost", kind)).await
        }
    }
}

/// What comes before the question.
async fn reached(
    mut stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    way: &Way,
    host: &str,
    kind: &Kind,
) -> Result<(), String> {
    if let Some(version) = way.header {
        stream.write_all(&header(version)).await.map_err(|error| error.to_string())?;
    }
    let Some(Secured { config, name, .. }) = &way.tls else {
        return over(stream, ("http", host), kind).await;
    };
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
    let stream = handshake.await.map_err(|error| format!("no TLS: {error}"))?;
    let chosen = stream.get_ref().1.alpn_protocol();
    if matches!(kind, Kind::Grpc(_)) && chosen != Some(Alpn::H2.name()) {
        return Err("it chooses no HTTP/2".to_owned());
    }
    match name {
        ServerName::DnsName(name) => over(stream, ("https", name.as_ref()), kind).await,
        _ => over(stream, ("https", host), kind).await,
    }
}

/// Of a connection that is nobody's.
fn header(version: Version) -> Vec<u8> {
    let mut header = Buffer::with_capacity(0);
    proxy_protocol::encode_local(version, &mut header);
    header.filled().to_vec()
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (scheme, host): (&str, &str),
    kind: &Kind,
) -> Result<(), String> {
    match kind {
        Kind::Tcp => Ok(()),
        Kind::Http(probe) => over_http(stream, host, probe).await,
        Kind::Grpc(service) => over_grpc(stream, (scheme, host), service).await,
    }
}

async fn over_http(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    probe: &HttpProbe,
) -> Result<(), String> {
    let host = probe.host.as_deref().unwrap_or(host);
    let path = &probe.path;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ringway-health\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let mut head = ResponseHead::default();
    while !head_is_whole(&mut head, &mut bytes)? {
        more(&mut stream, &mut bytes).await?;
    }
    let status = head.status;
    if !probe.statuses.iter().any(|(first, last)| (*first..=*last).contains(&status)) {
        return Err(format!("it answers {status}"));
    }
    let Some(wanted) = &probe.body else { return Ok(()) };
    let length = head.body_length(Method::Get);
    let start = head.len;
    loop {
        let body = &bytes[start..];
        if memchr::memmem::find(body, wanted.as_bytes()).is_some() {
            return Ok(());
        }
        let is_whole = match length {
            BodyLength::None => true,
            BodyLength::Fixed(length) => body.len() as u64 >= length,
            BodyLength::Chunked | BodyLength::UntilClose => false,
        };
        if is_whole || more(&mut stream, &mut bytes).await.is_err() {
            return Err(format!("its body has no `{wanted}`"));
        }
    }
}

/// Past interim responses.
fn head_is_whole(head: &mut ResponseHead, bytes: &mut Vec<u8>) -> Result<bool, String> {
    loop {
        head.reset();
        let parsed = head.parse(bytes, &LIMITS);
        match parsed.map_err(|error| format!("its answer is no response: {}", error.name()))? {
            Parsed::Partial => return Ok(false),
            Parsed::Complete if (100..200).contains(&head.status) && head.status != 101 => {
                bytes.drain(..head.len);
            }
            Parsed::Complete => return Ok(true),
        }
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Result<(), String> {
    if bytes.len() >= PROBE_BYTES_MAX {
        return Err("its answer is too long".to_owned());
    }
    match stream.read_buf(bytes).await {
        Ok(0) => Err("it closed before its answer was complete".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

const LIMITS: HeadLimits = HeadLimits {
    head_bytes_max: HEAD_BYTES_MAX,
    fields_max: FIELDS_MAX,
    target_bytes_max: TARGET_BYTES_MAX,
};

/// `grpc.health.v1.Health/Check`, by prior knowledge of HTTP/2.
async fn over_grpc(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (scheme, host): (&str, &str),
    service: &str,
) -> Result<(), String> {
    let told = |error: h2::Error| error.to_string();
    let (client, connection) = h2::client::handshake(stream).await.map_err(told)?;
    let exchange = async move {
        let mut client = client.ready().await.map_err(told)?;
        let request = Request::post(format!("{scheme}://{host}/grpc.health.v1.Health/Check"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| error.to_string())?;
        let (response, mut body) = client.send_request(request, false).map_err(told)?;
        body.send_data(question(service), true).map_err(told)?;
        let response = response.await.map_err(told)?;
        if response.status() != 200 {
            return Err(format!("it answers {}", response.status().as_u16()));
        }
        let grpc_status = |fields: &http::HeaderMap| {
            fields.get("grpc-status").filter(|status| *status != "0").cloned()
        };
        let failed = |status: http::HeaderValue| {
            Err(format!("it answers grpc-status {}", status.to_str().unwrap_or("?")))
        };
        if let Some(status) = grpc_status(response.headers()) {
            return failed(status);
        }
        let mut body = response.into_body();
        let mut answer = BytesMut::new();
        while let Some(piece) = body.data().await {
            let piece = piece.map_err(told)?;
            let _ = body.flow_control().release_capacity(piece.len());
            answer.put(piece);
            if answer.len() > PROBE_BYTES_MAX {
                return Err("its answer is too long".to_owned());
            }
        }
        if let Some(status) = body.trailers().await.map_err(told)?.as_ref().and_then(grpc_status) {
            return failed(status);
        }
        serves(answer.freeze())
    };
    beside(exchange, connection).await
}

/// Runs an exchange and what carries it, until the exchange is over.
async fn beside<T>(
    exchange: impl Future<Output = Result<T, String>>,
    connection: impl Future<Output = Result<(), h2::Error>>,
) -> Result<T, String> {
    tokio::pin!(exchange, connection);
    tokio::select! {
        // Both may be ready: an endpoint may close behind its answer.
        biased;
        result = &mut exchange => result,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(error.to_string()),
        },
    }
}

/// `HealthCheckRequest { service = 1 }` behind the five bytes of gRPC.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        put_varint(&mut message, service.len());
        message.put(service.as_bytes());
    }
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put(message);
    framed.freeze()
}

fn put_varint(out: &mut BytesMut, mut number: usize) {
    while number >= 0x80 {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

/// `HealthCheckResponse { status = 1 }`; 1 is SERVING. Nothing else is in it.
fn serves(mut answer: Bytes) -> Result<(), String> {
    if answer.len() < 5 {
        return Err("its answer is no message".to_owned());
    }
    answer.advance(5);
    match &answer[..] {
        [0x08, 1, ..] => Ok(()),
        [0x08, status, ..] => Err(format!("it says status {status}, not SERVING")),
        _ => Err("it says no status".to_owned()),
    }
}
