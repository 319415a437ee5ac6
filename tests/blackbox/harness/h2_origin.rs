//! Origins that speak HTTP/2 by prior knowledge, on the `h2` crate: one thread with a runtime of its
//! own each. What is answered goes by the path; how connections are run is chosen at the start.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub authority: String,
    pub fields: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

/// How connections are run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    pub streams_max: Option<u32>,
    /// GOAWAY behind so many requests of a connection.
    pub retire_after: Option<usize>,
    /// The connection is dropped behind so many, without a word.
    pub drop_after: Option<usize>,
    /// A PING on each connection, whose answer is counted.
    pub pings: bool,
}

#[derive(Default)]
struct Record {
    seen: Mutex<Vec<Seen>>,
    /// How often each path was asked for.
    asked: Mutex<HashMap<String, usize>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    pongs: AtomicUsize,
    streams: AtomicUsize,
    /// Nothing of what was asked for as `/held` is held back any more.
    released: AtomicBool,
    stop: AtomicBool,
}

pub struct H2Origin {
    address: SocketAddr,
    record: Arc<Record>,
}

type Body = (Bytes, Option<HeaderMap>);

impl H2Origin {
    pub fn start(manners: Manners) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port for the origin");
        let address = listener.local_addr().expect("a bound socket has an address");
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let record = Arc::new(Record::default());
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(accept(listener, shared, manners));
        });
        Self { address, record }
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.record.seen.lock().expect("no origin thread panics with the lock").clone()
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().expect("the origin saw a request")
    }

    /// How often `path` was asked for, refused or not.
    pub fn asked(&self, path: &str) -> usize {
        let asked = self.record.asked.lock().expect("no origin thread panics with the lock");
        asked.get(path).copied().unwrap_or(0)
    }

    pub fn accepted(&self) -> usize {
        self.record.accepted.load(Ordering::SeqCst)
    }

    pub fn open(&self) -> usize {
        self.record.open.load(Ordering::SeqCst)
    }

    pub fn pongs(&self) -> usize {
        self.record.pongs.load(Ordering::SeqCst)
    }

    /// Streams that are at work, over all connections.
    pub fn streams(&self) -> usize {
        self.record.streams.load(Ordering::SeqCst)
    }

    /// Whoever asked for `/held` is answered from now on.
    pub fn release(&self) {
        self.record.released.store(true, Ordering::SeqCst);
    }
}

impl Drop for H2Origin {
    fn drop(&mut self) {
        self.record.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting task.
        drop(std::net::TcpStream::connect(self.address));
    }
}

async fn accept(listener: std::net::TcpListener, record: Arc<Record>, manners: Manners) {
    let listener = TcpListener::from_std(listener).expect("a socket for the runtime");
    let tasks = tokio::task::LocalSet::new();
    let serving = async {
        while let Ok((socket, _)) = listener.accept().await {
            if record.stop.load(Ordering::SeqCst) {
                return;
            }
            record.accepted.fetch_add(1, Ordering::SeqCst);
            let record = Arc::clone(&record);
            tokio::task::spawn_local(async move {
                record.open.fetch_add(1, Ordering::SeqCst);
                // However it ends, it ends: the tests look at what the client got.
                let _ = serve(socket, &record, manners).await;
                record.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    };
    tasks.run_until(serving).await;
}

async fn serve(socket: TcpStream, record: &Arc<Record>, manners: Manners) -> Result<(), h2::Error> {
    let _ = socket.set_nodelay(true);
    let mut builder = h2::server::Builder::new();
    if let Some(most) = manners.streams_max {
        builder.max_concurrent_streams(most);
    }
    let mut connection: Connection<TcpStream, Bytes> = builder.handshake(socket).await?;
    if manners.pings {
        let mut ping = connection.ping_pong().expect("it is asked for once");
        let record = Arc::clone(record);
        tokio::task::spawn_local(async move {
            if ping.ping(h2::Ping::opaque()).await.is_ok() {
                record.pongs.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let mut served = 0;
    while let Some(request) = connection.accept().await {
        let (request, respond) = request?;
        let exchange = exchange(request, respond, Arc::clone(record));
        served += 1;
        if manners.drop_after == Some(served) {
            // Answered first, then gone.
            let done = tokio::task::spawn_local(exchange);
            tokio::pin!(done);
            poll_fn(|context| {
                let _ = connection.poll_closed(context);
                done.as_mut().poll(context)
            })
            .await
            .expect("an exchange does not panic");
            let flush = poll_fn(|context| connection.poll_closed(context));
            let _ = tokio::time::timeout(Duration::from_millis(20), flush).await;
            return Ok(());
        }
        if manners.retire_after == Some(served) {
            connection.graceful_shutdown();
        }
        tokio::task::spawn_local(exchange);
    }
    Ok(())
}

async fn exchange(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    record: Arc<Record>,
) {
    record.streams.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    let count = {
        let mut asked = record.asked.lock().expect("no origin thread panics with the lock");
        let count = asked.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let _ = answer(request, &mut respond, &path, count, &record).await;
    record.streams.fetch_sub(1, Ordering::SeqCst);
}

#[expect(clippy::too_many_lines, reason = "a table of what an origin may do")]
async fn answer(
    request: Request<RecvStream>,
    respond: &mut SendResponse<Bytes>,
    path: &str,
    count: usize,
    record: &Record,
) -> Result<(), h2::Error> {
    let mut parts = path.split('/').skip(1);
    let (what, number) = (parts.next().unwrap_or_default(), parts.next());
    let number = number.and_then(|text| text.parse().ok());
    match what {
        "refuse" => {
            respond.send_reset(Reason::REFUSED_STREAM);
            return Ok(());
        }
        "refuse-once" if count == 1 => {
            respond.send_reset(Reason::REFUSED_STREAM);
            return Ok(());
        }
        "cancel" => {
            respond.send_reset(Reason::CANCEL);
            return Ok(());
        }
        "early" => {
            // Says no without having read the body, and wants no more of it.
            let head = Response::builder().status(413).header("content-length", 5);
            let mut body = respond.send_response(head.body(()).expect("a head"), false)?;
            body.send_data(Bytes::from_static(b"early"), true)?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            return Ok(());
        }
        _ => {}
    }
    let method = request.method().to_string();
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let fields = request.headers().clone();
    let (body, trailers) = read(request.into_body()).await?;
    let grpc = fields.contains_key("te");
    let echoed = body.clone();
    record.seen.lock().expect("no origin thread panics with the lock").push(Seen {
        method: method.clone(),
        path: path.to_owned(),
        authority,
        fields,
        body: body.to_vec(),
        trailers,
    });
    let plain = Response::builder().status(200);
    match (what, number) {
        ("read-and-cancel", _) => respond.send_reset(Reason::CANCEL),
        ("echo", _) => {
            let head = plain.header("content-type", "application/grpc").body(()).expect("a head");
            let mut stream = respond.send_response(head, false)?;
            send(&mut stream, echoed, !grpc).await?;
            if grpc {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().expect("a value"));
                stream.send_trailers(trailers)?;
            }
        }
        ("bytes", Some(count)) => {
            let head = plain.body(()).expect("a head");
            let mut stream = respond.send_response(head, false)?;
            send(&mut stream, pattern(count), true).await?;
        }
        ("status", Some(status)) => {
            let head = Response::builder().status(status as u16).body(()).expect("a head");
            respond.send_response(head, true)?;
        }
        ("cut", _) => {
            let head = plain.header("content-length", 100).body(()).expect("a head");
            let mut stream = respond.send_response(head, false)?;
            stream.send_data(Bytes::from_static(b"half"), false)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        ("begin", _) => {
            // Says no more, until it is told that nobody listens.
            let head = plain.header("content-length", 100).body(()).expect("a head");
            let mut stream = respond.send_response(head, false)?;
            stream.send_data(Bytes::from_static(b"begin"), false)?;
            poll_fn(|context| stream.poll_reset(context)).await?;
        }
        ("held", _) => {
            while !record.released.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            hello(respond, &method)?;
        }
        _ => hello(respond, &method)?,
    }
    Ok(())
}

fn hello(respond: &mut SendResponse<Bytes>, method: &str) -> Result<(), h2::Error> {
    let head = Response::builder().header("content-length", 5).body(()).expect("a head");
    let mut stream = respond.send_response(head, method == "HEAD")?;
    if method != "HEAD" {
        stream.send_data(Bytes::from_static(b"hello"), true)?;
    }
    Ok(())
}

async fn read(mut stream: RecvStream) -> Result<Body, h2::Error> {
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        body.extend_from_slice(&piece);
        stream.flow_control().release_capacity(piece.len())?;
    }
    let trailers = stream.trailers().await?;
    Ok((body.into(), trailers))
}

async fn send(stream: &mut SendStream<Bytes>, mut body: Bytes, end: bool) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len().min(1 << 16));
        let Some(room) = poll_fn(|context| stream.poll_capacity(context)).await else {
            return Ok(());
        };
        let piece = body.split_to(room?.min(body.len()));
        stream.send_data(piece, false)?;
    }
    if end { stream.send_data(Bytes::new(), true) } else { Ok(()) }
}

/// Bytes that tell where they stand.
pub fn pattern(count: usize) -> Bytes {
    // It comes again after so many; a debug build would take seconds for each one of millions.
    const PERIOD: usize = 251 * 256;
    let period: Vec<u8> = (0..PERIOD).map(|at| (at / 251 + at) as u8).collect();
    let mut bytes = period.repeat(count.div_ceil(PERIOD));
    bytes.truncate(count);
    bytes.into()
}
