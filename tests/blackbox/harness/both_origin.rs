//! An origin behind TLS that speaks what a handshake settles, HTTP/2 or HTTP/1.1, and may change
//! its mind: one thread with a runtime of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use bytes::Bytes;
use http::Response;
use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::tls::Shown;

/// What it saw so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What each ClientHello offered by ALPN.
    pub offers: Vec<Vec<String>>,
    /// Requests by what they came as: `h2`, `http/1.1`.
    pub requests: BTreeMap<&'static str, usize>,
    /// Connections that stand.
    pub open: usize,
}

#[derive(Default)]
struct Record {
    seen: Mutex<Seen>,
}

/// What is shown; nothing ends the origin. A change ends all connections.
type Shows = Option<Shown>;

pub struct BothOrigin {
    address: SocketAddr,
    record: Arc<Record>,
    shows: watch::Sender<Shows>,
}

impl BothOrigin {
    pub fn start(shown: &Shown) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port for the origin");
        let address = listener.local_addr().expect("a bound socket has an address");
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let record = Arc::new(Record::default());
        let (shows, showing) = watch::channel(Some(shown.clone()));
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let tasks = tokio::task::LocalSet::new();
            let serving = tasks.run_until(accept(listener, showing, shared));
            runtime.expect("a runtime").block_on(serving);
        });
        Self { address, record, shows }
    }

    /// As if it had been stopped, and started as another one.
    pub fn restart(&self, shown: &Shown) {
        self.shows.send_replace(Some(shown.clone()));
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn seen(&self) -> Seen {
        self.record.seen().clone()
    }

    /// Requests that came as `protocol`.
    pub fn requests(&self, protocol: &str) -> usize {
        self.record.seen().requests.get(protocol).copied().unwrap_or(0)
    }
}

impl Drop for BothOrigin {
    fn drop(&mut self) {
        self.shows.send_replace(None);
    }
}

impl Record {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no origin thread panics with the lock")
    }

    fn request(&self, protocol: &'static str) {
        *self.seen().requests.entry(protocol).or_default() += 1;
    }
}

async fn accept(
    listener: std::net::TcpListener,
    mut showing: watch::Receiver<Shows>,
    record: Arc<Record>,
) {
    let listener = TcpListener::from_std(listener).expect("a socket for the runtime");
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => Some(accepted.expect("a connection").0),
            _ = showing.changed() => None,
        };
        // Looked at behind the accept: who comes after a restart meets what was started.
        let Some(shown) = showing.borrow_and_update().clone() else { return };
        let Some(socket) = socket else { continue };
        let (record, mut showing) = (Arc::clone(&record), showing.clone());
        tokio::task::spawn_local(async move {
            tokio::select! {
                // However it ends, it ends: the tests look at what the client got.
                _ = serve(socket, &shown, &record) => {}
                _ = showing.changed() => {}
            }
        });
    }
}

async fn serve(socket: TcpStream, shown: &Shown, record: &Arc<Record>) -> io::Result<()> {
    let _ = socket.set_nodelay(true);
    let begun = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let hello = begun.client_hello();
    let offer = hello.alpn().map(|names| names.map(text).collect()).unwrap_or_default();
    record.seen().offers.push(offer);
    let stream = begun.into_stream(shown.config()).await?;
    record.seen().open += 1;
    let _open = Open(record);
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2(stream, record).await.map_err(io::Error::other),
        _ => http1(stream, record).await,
    }
}

/// Counts a connection for as long as it stands.
struct Open<'a>(&'a Record);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.seen().open -= 1;
    }
}

async fn http2(stream: TlsStream<TcpStream>, record: &Record) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request?;
        record.request("h2");
        let head = Response::builder().header("content-length", 2).body(()).expect("a head");
        respond.send_response(head, false)?.send_data(Bytes::from_static(b"h2"), true)?;
    }
    Ok(())
}

/// Requests without bodies. An upgrade becomes an echo.
async fn http1(mut stream: TlsStream<TcpStream>, record: &Record) -> io::Result<()> {
    let mut unread = Vec::new();
    loop {
        let end = unread.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else {
            if stream.read_buf(&mut unread).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let head: Vec<u8> = unread.drain(..end + 4).collect();
        record.request("http/1.1");
        if String::from_utf8_lossy(&head).to_lowercase().contains("upgrade: echo") {
            let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                            Upgrade: echo\r\n\r\n";
            stream.write_all(switched.as_bytes()).await?;
            let (mut reader, mut writer) = tokio::io::split(stream);
            return tokio::io::copy(&mut reader, &mut writer).await.map(drop);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhttp/1.1").await?;
    }
}
