//! The origin that answers gRPC: HTTP/2 without TLS, every call unary, the message sent back as it
//! came, the status in trailers. nginx has no trailers, hence one of our own; on the load's core.
//!
//! It refuses calls that do not say who the client was: a proxy that forgets it saves work. One
//! thread owns everything; the process ends by being killed.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddrV4;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

pub(crate) const PATH: &str = "/bench.Echo/Unary";
/// A frame of gRPC (not compressed, length) with a message of 16 bytes.
pub(crate) const MESSAGE: &[u8] = b"\0\0\0\0\x10sixteen bytes   ";

/// Answers on `listen` for ever.
pub(crate) fn run(listen: SocketAddrV4) -> io::Result<Infallible> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            // A broken connection is the load's to notice: it counts every answer.
            tokio::spawn(async { drop(serve(socket).await) });
        }
    })
}

async fn serve(socket: TcpStream) -> Result<(), h2::Error> {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(STREAMS_MAX);
    let mut connection = builder.handshake::<_, Bytes>(socket).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, answer) = accepted?;
        tokio::spawn(async { drop(echo(request, answer).await) });
    }
    Ok(())
}

async fn echo(
    request: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let status = if request.headers().contains_key("x-forwarded-for") { "0" } else { "3" };
    let message = collect(request.into_body()).await?;
    let mut head = Response::new(());
    let content_type = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    let mut stream = answer.send_response(head, false)?;
    stream.send_data(message, false)?;
    let mut trailers = HeaderMap::new();
    let name = HeaderName::from_static("grpc-status");
    trailers.insert(name, HeaderValue::from_static(status));
    stream.send_trailers(trailers)
}

/// One piece as a rule, which then is not copied.
async fn collect(mut body: RecvStream) -> Result<Bytes, h2::Error> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() { Ok(first) } else { Ok([first, rest.freeze()].concat().into()) }
}

const STREAMS_MAX: u32 = 1024;
