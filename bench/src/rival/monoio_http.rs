//! A small proxy on monoio and monoio-http: what the runtime gives with the codec that exists for
//! it. A rival and no more: that codec buffers bodies whole and is unsafe on hostile input.
//!
//! It does what the others do: kept-alive connections on both sides, a pool, X-Forwarded-For,
//! hop-by-hop fields removed. It refuses chunked responses. One thread owns everything.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddrV4};
use std::rc::Rc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue};
use http::{HeaderMap, HeaderName};
use monoio::io::sink::SinkExt;
use monoio::io::stream::Stream;
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};
use monoio_http::common::body::{Body, StreamHint};
use monoio_http::common::error::HttpError;
use monoio_http::common::request::Request;
use monoio_http::common::response::Response;
use monoio_http::h1::codec::decoder::{DecodeError, FillPayload};
use monoio_http::h1::codec::{ClientCodec, ServerCodec};
use monoio_http::h1::payload::{FixedPayload, Payload};

/// Proxies `listen` to `upstream` for ever.
pub(crate) fn run(listen: SocketAddrV4, upstream: SocketAddrV4) -> io::Result<Infallible> {
    let mut flags = ring_flags::IoUring::builder();
    flags.setup_single_issuer().setup_defer_taskrun().setup_submit_all();
    flags.setup_cqsize(COMPLETIONS);
    let mut runtime = RuntimeBuilder::<IoUringDriver>::new()
        .with_entries(SUBMISSIONS)
        .uring_builder(flags)
        .build()?;
    runtime.block_on(accept(listen, Rc::new(Pool { upstream, idle: RefCell::default() })))
}

struct Pool {
    upstream: SocketAddrV4,
    idle: RefCell<Vec<ClientCodec<TcpStream>>>,
}

impl Pool {
    async fn take(&self) -> io::Result<ClientCodec<TcpStream>> {
        if let Some(idle) = self.idle.borrow_mut().pop() {
            return Ok(idle);
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        Ok(ClientCodec::new(stream))
    }
}

async fn accept(listen: SocketAddrV4, pool: Rc<Pool>) -> io::Result<Infallible> {
    let listener = TcpListener::bind(listen)?;
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pool = pool.clone();
        monoio::spawn(async move {
            // A broken connection is the load's to notice: it counts every answer.
            let _ = serve(stream, peer.ip(), &pool).await;
        });
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, pool: &Pool) -> Result<(), HttpError> {
    let mut downstream = ServerCodec::new(stream);
    while let Some(request) = downstream.next().await {
        let mut request: Request = request?;
        downstream.fill_payload().await?;
        let close = strip(request.headers_mut());
        add_forwarded_for(request.headers_mut(), peer);
        let mut response = exchange(request, pool).await?;
        if close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        downstream.send_and_flush(response).await?;
        if close {
            break;
        }
    }
    Ok(())
}

async fn exchange(request: Request, pool: &Pool) -> Result<Response, HttpError> {
    let mut upstream = pool.take().await?;
    upstream.send_and_flush(request).await?;
    let response = upstream.next().await.ok_or(DecodeError::UnexpectedEof)??;
    let (mut head, decoder) = response.into_parts();
    let mut body = decoder.with_io(&mut upstream);
    let payload: Payload<Bytes, HttpError> = match body.stream_hint() {
        StreamHint::None => Payload::None,
        StreamHint::Fixed => {
            let content = body.next_data().await.ok_or(DecodeError::UnexpectedEof)??;
            Payload::Fixed(FixedPayload::new(content))
        }
        StreamHint::Stream => return Err(DecodeError::Chunked.into()),
    };
    if !strip(&mut head.headers) {
        pool.idle.borrow_mut().push(upstream);
    }
    Ok(Response::from_parts(head, payload))
}

/// Removes the fields that belong to one connection; says whether it is to be closed.
fn strip(headers: &mut HeaderMap) -> bool {
    let Some(options) = headers.remove(CONNECTION) else { return false };
    let mut close = false;
    for option in options.to_str().unwrap_or_default().split(',').map(str::trim) {
        close |= option.eq_ignore_ascii_case("close");
        match HeaderName::try_from(option) {
            Ok(name) if name != HOST => drop(headers.remove(name)),
            _ => (),
        }
    }
    close
}

fn add_forwarded_for(headers: &mut HeaderMap, peer: IpAddr) {
    let before = headers.get(FORWARDED_FOR).and_then(|value| value.to_str().ok());
    let value = match before {
        Some(before) => format!("{before}, {peer}"),
        None => peer.to_string(),
    };
    let value = HeaderValue::try_from(value).expect("addresses and commas are visible characters");
    headers.insert(FORWARDED_FOR, value);
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const SUBMISSIONS: u32 = 4096;
const COMPLETIONS: u32 = 16384;
