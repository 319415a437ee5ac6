//! The same by HTTP/2 without TLS: a fetch, and a gRPC call with its trailers.

use std::future::Future;
use std::io;
use std::net::SocketAddrV4;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::client::ResponseFuture;
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::time::timeout;

use super::super::tls::SERVER_NAME;
use super::{ANSWER_TIME_MAX, Error};

/// The body that `path` answers with.
pub(crate) fn fetch(address: SocketAddrV4, path: &str) -> Result<Vec<u8>, Error> {
    let request = Request::get(uri(path)).body(()).map_err(io::Error::other)?;
    let (body, _) = wait(exchange(address, request, None))?;
    Ok(body)
}

/// The answer to `message`, both framed; it must come with `grpc-status: 0` in its trailers.
pub(crate) fn call(address: SocketAddrV4, path: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    let request = Request::post(uri(path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .map_err(io::Error::other)?;
    let message = Bytes::copy_from_slice(message);
    let (body, trailers) = wait(exchange(address, request, Some(message)))?;
    match trailers.get("grpc-status").map(|status| status.as_bytes()) {
        Some(b"0") => Ok(body),
        status => {
            let status = status.map(|status| String::from_utf8_lossy(status).into_owned());
            let message = trailers.get("grpc-message");
            Err(Error::Trailers(format!("grpc-status {status:?}, message {message:?}")))
        }
    }
}

async fn exchange(
    address: SocketAddrV4,
    request: Request<()>,
    message: Option<Bytes>,
) -> Result<(Vec<u8>, HeaderMap), Error> {
    let socket = TcpStream::connect(address).await?;
    let (sender, connection) = h2::client::handshake(socket).await?;
    let driver = tokio::spawn(connection);
    let mut sender = sender.ready().await?;
    let (response, mut stream) = sender.send_request(request, message.is_none())?;
    if let Some(message) = message {
        stream.send_data(message, true)?;
    }
    let answered = collect(response).await;
    driver.abort();
    answered
}

async fn collect(response: ResponseFuture) -> Result<(Vec<u8>, HeaderMap), Error> {
    let response = response.await?;
    match response.status().as_u16() {
        200 => (),
        status => return Err(Error::Status(status)),
    }
    let mut stream: RecvStream = response.into_body();
    let mut body = BytesMut::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok((body.to_vec(), stream.trailers().await?.unwrap_or_default()))
}

fn wait<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    runtime.block_on(async { timeout(ANSWER_TIME_MAX, work).await.map_err(|_| late())? })
}

fn uri(path: &str) -> String {
    format!("http://{SERVER_NAME}{path}")
}
