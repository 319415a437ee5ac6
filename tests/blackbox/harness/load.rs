//! Requests in the background, each checked: what a reload or a drain must not disturb.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::client::Client;
use super::h2_client::{H2, asked};
use super::message::Response;
use super::tls::Caller;

/// What a client does with its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Keeps it until the proxy says `Connection: close`.
    KeepAlive,
    /// One for each request.
    Churn,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// No new connections: as a balancer that took the proxy out does.
    leave: AtomicBool,
    done: AtomicUsize,
}

/// Opens a client's connections.
type Open = Arc<dyn Fn() -> io::Result<Client> + Send + Sync>;

pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    /// Clients that ask for `path` and want `body`, over and over.
    pub fn start(address: SocketAddr, path: &str, body: &str, habits: &[Habit]) -> Self {
        Self::start_by(Arc::new(move || Client::connect(address)), path, body, habits)
    }

    /// The same over TLS; the host is still `test`.
    pub fn start_tls(address: SocketAddr, caller: &Caller, body: &str, habits: &[Habit]) -> Self {
        let caller = caller.clone();
        Self::start_by(Arc::new(move || caller.connect(address, "test")), "/", body, habits)
    }

    /// HTTP/2 over TLS: connections of many streams, each kept until the proxy says GOAWAY.
    pub fn start_h2(address: SocketAddr, caller: &Caller, body: &str, habits: &[Habit]) -> Self {
        let (caller, body) = (caller.clone(), body.to_owned());
        Self::spawn(habits, move |shared, habit| {
            let open = || caller.connect(address, "test");
            run_h2(shared, &open, habit, ("https", &body))
        })
    }

    /// HTTP/2 without TLS.
    pub fn start_h2c(address: SocketAddr, body: &str, habits: &[Habit]) -> Self {
        let body = body.to_owned();
        Self::spawn(habits, move |shared, habit| {
            run_h2(shared, &|| Client::connect(address), habit, ("http", &body))
        })
    }

    /// Words to an origin that sends them back, and says `bye` in the end. `KeepAlive` says many
    /// on one connection, with pauses.
    pub fn start_tcp(address: SocketAddr, habits: &[Habit]) -> Self {
        Self::spawn(habits, move |shared, habit| {
            let mut failed = Vec::new();
            let words = [1, 20][usize::from(habit == Habit::KeepAlive)];
            while !shared.stop.load(Ordering::SeqCst) && failed.len() < FAILURES_MAX {
                match talk(address, words) {
                    Ok(()) => drop(shared.done.fetch_add(1, Ordering::SeqCst)),
                    Err(error) => failed.push(format!("TCP, {habit:?}: {error}")),
                }
            }
            failed
        })
    }

    fn start_by(open: Open, path: &str, body: &str, habits: &[Habit]) -> Self {
        let (path, body) = (path.to_owned(), body.to_owned());
        Self::spawn(habits, move |shared, habit| run(shared, &open, habit, &path, &body))
    }

    fn spawn(
        habits: &[Habit],
        run: impl Fn(&Shared, Habit) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        let (shared, run) = (Arc::new(Shared::default()), Arc::new(run));
        let client = |habit: &Habit| {
            let (shared, run, habit) = (Arc::clone(&shared), Arc::clone(&run), *habit);
            thread::spawn(move || run(&shared, habit))
        };
        let clients = habits.iter().map(client).collect();
        Self { shared, clients }
    }

    /// Requests that were answered as they should.
    pub fn done(&self) -> usize {
        self.shared.done.load(Ordering::SeqCst)
    }

    /// So many more requests are answered, as long as they are: how fast is the machine's business.
    pub fn wait_for(&self, more: usize) {
        let wanted = self.done() + more;
        let is_over = || self.clients.iter().all(JoinHandle::is_finished);
        while self.done() < wanted && !is_over() {
            let before = self.done();
            super::wait::until("requests go on being answered", || {
                self.done() > before || is_over()
            });
        }
    }

    pub fn leave(&self) {
        self.shared.leave.store(true, Ordering::SeqCst);
    }

    /// Until all clients have left; not one request may have failed.
    pub fn wait_until_left(self) -> usize {
        self.join()
    }

    pub fn stop(self) -> usize {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.join()
    }

    fn join(self) -> usize {
        let ended = self.clients.into_iter().map(|client| client.join().expect("a client ends"));
        let failed: Vec<String> = ended.flatten().collect();
        let done = self.shared.done.load(Ordering::SeqCst);
        assert!(failed.is_empty(), "{} of {done} failed: {failed:#?}", failed.len());
        assert!(done > 0, "no request was made");
        done
    }
}

fn run(shared: &Shared, open: &Open, habit: Habit, path: &str, body: &str) -> Vec<String> {
    let mut failed = Vec::new();
    let mut client: Option<Client> = None;
    while !shared.stop.load(Ordering::SeqCst) && failed.len() < FAILURES_MAX {
        if client.is_none() && shared.leave.load(Ordering::SeqCst) {
            break;
        }
        let before = client.is_some();
        match one(&mut client, open, path) {
            Ok(response) if response.status == 200 && response.body() == body => {
                shared.done.fetch_add(1, Ordering::SeqCst);
                if habit == Habit::Churn || response.closes() {
                    client = None;
                }
            }
            Ok(response) => {
                failed.push(format!("{habit:?}: {} {:?}", response.status, response.body()));
            }
            Err(error) => {
                let which = if before { "kept" } else { "new" };
                failed.push(format!("{habit:?}, {which} connection: {error}"));
                client = None;
            }
        }
    }
    failed
}

fn one(client: &mut Option<Client>, open: &Open, path: &str) -> io::Result<Response> {
    let client = match client {
        Some(client) => client,
        None => client.insert(open()?),
    };
    client.try_ask(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
}

fn run_h2(
    shared: &Shared,
    open: &dyn Fn() -> io::Result<Client>,
    habit: Habit,
    (scheme, body): (&str, &str),
) -> Vec<String> {
    let mut failed = Vec::new();
    let mut client: Option<H2> = None;
    while !shared.stop.load(Ordering::SeqCst) && failed.len() < FAILURES_MAX {
        if client.is_none() && shared.leave.load(Ordering::SeqCst) {
            break;
        }
        match some(&mut client, open, (scheme, body)) {
            Ok(done) => {
                shared.done.fetch_add(done, Ordering::SeqCst);
                client =
                    client.filter(|client| habit == Habit::KeepAlive && client.goaways.is_empty());
            }
            Err(error) => {
                failed.push(format!("{habit:?}: {error}"));
                client = None;
            }
        }
    }
    failed
}

/// As many requests at once as there are streams to a browser, and how many of them were answered:
/// what a GOAWAY leaves out was not looked at, and is no failure.
fn some(
    client: &mut Option<H2>,
    open: &dyn Fn() -> io::Result<Client>,
    (scheme, body): (&str, &str),
) -> io::Result<usize> {
    let client = match client {
        Some(client) => client,
        None => client.insert(H2::over(open()?.wire.socket, &[])),
    };
    let mut request = asked("GET", "/");
    request[1].1 = scheme;
    let ids: Vec<u32> = (0..8).map(|_| client.open(&request, true)).collect();
    let mut done = 0;
    for id in ids {
        let is_left_out = |client: &H2| client.goaways.last().is_some_and(|(last, _)| id > *last);
        while !client.stream(id).ended && !is_left_out(client) {
            let reset = client.stream(id).reset;
            if reset.is_some() || !client.step()? {
                let goaways = &client.goaways;
                let text = format!("stream {id} is cut by {reset:?}, GOAWAY {goaways:?}");
                return Err(io::Error::other(text));
            }
        }
        let reply = client.stream(id).clone();
        if reply.ended && (reply.status(), reply.body().as_str()) != (200, body) {
            let text = format!("stream {id}: {} {:?}", reply.status(), reply.body());
            return Err(io::Error::other(text));
        }
        done += usize::from(reply.ended);
    }
    client.streams.clear();
    Ok(done)
}

fn talk(address: SocketAddr, words: usize) -> io::Result<()> {
    let mut client = Client::connect(address)?;
    for n in 0..words {
        let word = format!("word {n:04}");
        client.wire.send(&word)?;
        if client.wire.exactly(word.len())? != word.as_bytes() {
            return Err(io::Error::other(format!("not {word:?} came back")));
        }
        if words > 1 {
            super::wait::never("a pause", PAUSE, || false);
        }
    }
    client.shut_write();
    match client.wire.exactly(3)? == b"bye" {
        true => Ok(()),
        false => Err(io::Error::other("no end")),
    }
}

const PAUSE: Duration = Duration::from_millis(20);
const FAILURES_MAX: usize = 10;
