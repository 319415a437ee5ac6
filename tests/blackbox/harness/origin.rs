//! Origins: one thread to accept, one for each connection, and a record of what they were sent.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::message::{Framing, Head, Trailers, Wire};
use super::socket::Socket;
use super::tls::Shown;

/// A request that an origin read, whole.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub target: String,
    pub head: Head,
    pub body: Vec<u8>,
    pub trailers: Trailers,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Keep,
    Close,
}

/// One connection, as a script sees it.
pub struct Visit {
    pub wire: Wire,
    record: Arc<Record>,
}

type Answer = Box<dyn Fn(&Request, &mut Visit) -> Next + Send + Sync>;
type Script = Box<dyn Fn(&mut Visit) -> io::Result<()> + Send + Sync>;

#[derive(Default)]
struct Record {
    seen: Mutex<Vec<Request>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    stop: AtomicBool,
}

enum Doing {
    Answers(BTreeMap<String, Answer>),
    Script(Script),
}

pub struct Blueprint {
    doing: Doing,
    unix: Option<PathBuf>,
    tls: Option<Shown>,
}

pub struct Origin {
    host: String,
    address: Option<SocketAddr>,
    path: Option<PathBuf>,
    record: Arc<Record>,
}

impl Origin {
    /// Answers by path; 404 for all others. The query does not count.
    pub fn http1() -> Blueprint {
        Blueprint { doing: Doing::Answers(BTreeMap::new()), unix: None, tls: None }
    }

    /// Does as told with each connection, which closes at the end of the script.
    pub fn script(script: impl Fn(&mut Visit) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Blueprint { doing: Doing::Script(Box::new(script)), unix: None, tls: None }.start()
    }

    /// Answers each request with the same bytes, then closes.
    pub fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::script(move |visit| {
            visit.request()?;
            visit.wire.send(&bytes)
        })
    }

    /// As a backend is named in a configuration.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn address(&self) -> SocketAddr {
        self.address.expect("an origin on TCP")
    }

    /// The requests that came, whole ones only.
    pub fn seen(&self) -> Vec<Request> {
        self.record.seen.lock().expect("no origin thread panics with the lock").clone()
    }

    pub fn last(&self) -> Request {
        self.seen().last().cloned().expect("the origin saw a request")
    }

    /// Connections that were accepted so far.
    pub fn accepted(&self) -> usize {
        self.record.accepted.load(Ordering::SeqCst)
    }

    /// Connections whose script still runs.
    pub fn open(&self) -> usize {
        self.record.open.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.record.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        match (&self.address, &self.path) {
            (Some(address), _) => drop(Socket::connect(*address)),
            (None, Some(path)) => drop(std::os::unix::net::UnixStream::connect(path)),
            (None, None) => (),
        }
    }
}

impl Blueprint {
    /// 200 with a body of known length.
    pub fn route(self, path: &str, body: impl Into<Vec<u8>>) -> Self {
        let response = ok(body);
        self.on(path, move |_, visit| visit.reply(&response))
    }

    /// These bytes, on a connection that stays.
    pub fn answer(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.on(path, move |_, visit| visit.reply(&bytes))
    }

    pub fn on(
        mut self,
        path: &str,
        answer: impl Fn(&Request, &mut Visit) -> Next + Send + Sync + 'static,
    ) -> Self {
        if let Doing::Answers(answers) = &mut self.doing {
            answers.insert(path.to_owned(), Box::new(answer));
        }
        self
    }

    pub fn unix(mut self, path: &Path) -> Self {
        self.unix = Some(path.to_owned());
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, shown: &Shown) -> Self {
        self.tls = Some(shown.clone());
        self
    }

    pub fn start(self) -> Origin {
        let record = Arc::new(Record::default());
        let doing = Arc::new(self.doing);
        if let Some(path) = self.unix {
            let listener = UnixListener::bind(&path).expect("a unix socket for the origin");
            let accept = move || listener.accept().map(|(stream, _)| Socket::Unix(stream));
            spawn_accept(accept, &record, doing);
            let host = format!("unix:{}", path.display());
            return Origin { host, address: None, path: Some(path), record };
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the origin");
        Self::serve(listener, self.tls, record, doing)
    }

    /// On an address of the caller's choice; `None` if that is taken.
    pub fn start_at(self, address: SocketAddr) -> Option<Origin> {
        let listener = TcpListener::bind(address).ok()?;
        Some(Self::serve(listener, self.tls, Arc::default(), Arc::new(self.doing)))
    }

    fn serve(
        listener: TcpListener,
        tls: Option<Shown>,
        record: Arc<Record>,
        doing: Arc<Doing>,
    ) -> Origin {
        let address = listener.local_addr().expect("a bound socket has an address");
        let accept = move || {
            let socket = Socket::Tcp(listener.accept()?.0);
            Ok(match &tls {
                Some(shown) => shown.over(socket),
                None => socket,
            })
        };
        spawn_accept(accept, &record, doing);
        Origin { host: address.to_string(), address: Some(address), path: None, record }
    }
}

impl Visit {
    /// Reads a whole request and records it; an error when the connection ends.
    pub fn request(&mut self) -> io::Result<Request> {
        let head = self.head()?;
        self.rest_of(head)
    }

    pub fn head(&mut self) -> io::Result<Head> {
        self.wire.head()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The body that belongs to a head; the request is recorded then.
    pub fn rest_of(&mut self, head: Head) -> io::Result<Request> {
        let framing = head.framing(Framing::Empty)?;
        let (body, trailers) = self.wire.body(framing)?;
        Ok(self.note(head, body, trailers))
    }

    pub fn note(&self, head: Head, body: Vec<u8>, trailers: Trailers) -> Request {
        let target = head.first_line.split(' ').nth(1).unwrap_or_default().to_owned();
        let request = Request { target, head, body, trailers };
        let mut seen = self.record.seen.lock().expect("no origin thread panics with the lock");
        seen.push(request.clone());
        request
    }

    pub fn reply(&mut self, bytes: &[u8]) -> Next {
        match self.wire.send(bytes) {
            Ok(()) => Next::Keep,
            Err(_) => Next::Close,
        }
    }

    /// Waits until the other side closes, and says what came before that.
    pub fn until_closed(&mut self) -> Vec<u8> {
        self.wire.rest().unwrap_or_default()
    }

    fn answer(&mut self, answers: &BTreeMap<String, Answer>) -> io::Result<()> {
        loop {
            let request = self.request()?;
            let path = request.target.split('?').next().unwrap_or_default();
            let next = match answers.get(path) {
                Some(answer) => answer(&request, self),
                None => self.reply(NOT_FOUND),
            };
            if next == Next::Close {
                return Ok(());
            }
        }
    }
}

pub fn ok(body: impl Into<Vec<u8>>) -> Vec<u8> {
    let body = body.into();
    let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    // A head and its body in one segment, as most servers send small ones.
    let mut bytes = std::mem::take(&mut response).into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

fn spawn_accept(
    accept: impl Fn() -> io::Result<Socket> + Send + 'static,
    record: &Arc<Record>,
    doing: Arc<Doing>,
) {
    let record = Arc::clone(record);
    thread::spawn(move || {
        while let Ok(socket) = accept() {
            if record.stop.load(Ordering::SeqCst) {
                return;
            }
            socket.prepare();
            record.accepted.fetch_add(1, Ordering::SeqCst);
            record.open.fetch_add(1, Ordering::SeqCst);
            let (doing, record) = (Arc::clone(&doing), Arc::clone(&record));
            thread::spawn(move || {
                let mut visit = Visit { wire: Wire::new(socket), record };
                // However it ends, it ends: the tests look at what the client got.
                let _ = match &*doing {
                    Doing::Answers(answers) => visit.answer(answers),
                    Doing::Script(script) => script(&mut visit),
                };
                visit.record.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
}

const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno origin";
