//! Serves a router on what was opened, with bounds that the server library leaves to its user: on
//! the number of connections, on how long one may idle, and on how long it may live.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::limits::{
    ADMIN_CONNECTIONS_MAX, ADMIN_IDLE_MS_MAX, ADMIN_LIFE_MS_MAX, ADMIN_STOP_MS_MAX,
};

/// An open listening socket of one of the servers.
#[derive(Debug)]
pub enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Servers that run, until `stop` or the end of the runtime.
#[derive(Debug)]
pub struct Servers {
    stopping: watch::Sender<bool>,
    leaving: watch::Sender<bool>,
    /// A permit of it is out for each connection that waits for an answer.
    unanswered: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Servers {
    pub fn new() -> Self {
        Self {
            stopping: watch::Sender::new(false),
            leaving: watch::Sender::new(false),
            unanswered: Arc::new(Semaphore::new(UNANSWERED_MAX)),
            tasks: JoinSet::new(),
        }
    }

    /// Starts serving on all doors; they share the bound on connections.
    pub fn serve(&mut self, doors: Vec<Door>, router: &Router) {
        let leaving = self.leaving.subscribe();
        let router = router.clone().layer(map_response(move |response| {
            let is_left = *leaving.borrow();
            std::future::ready(if is_left { closing(response) } else { response })
        }));
        let turns = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
        for door in doors {
            let turns = Arc::clone(&turns);
            match door {
                Door::Tcp(listener) => self.run(self.bounded(listener, turns), router.clone()),
                Door::Unix(listener) => self.run(self.bounded(listener, turns), router.clone()),
            }
        }
    }

    fn bounded<L>(&self, listener: L, turns: Arc<Semaphore>) -> Bounded<L> {
        let unanswered = Arc::clone(&self.unanswered);
        let leaving = Some(self.leaving.subscribe());
        Bounded { listener: Some(listener), turns, unanswered, leaving }
    }

    /// Accepts no more: another process does, on the same sockets. Who was accepted is answered,
    /// and then has to connect anew.
    pub fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// Nobody waits for an answer.
    pub fn is_quiet(&self) -> bool {
        self.unanswered.available_permits() == UNANSWERED_MAX
    }

    /// Lets requests that are under way have their answer, for a moment: whoever asked the process
    /// to quit should hear that it does.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // Who has not read its answer by then does not get it.
        let _ = timeout(STOP_MAX, ended).await;
    }

    fn run<L>(&mut self, listener: Bounded<L>, router: Router)
    where
        L: Listener,
        L::Addr: std::fmt::Debug,
    {
        let mut stopping = self.stopping.subscribe();
        let stop = async move {
            // An error says that nobody is left who could stop it: that is the end too.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        };
        // It answers an accept error by waiting, and never ends by itself.
        let server = axum::serve(listener, router).with_graceful_shutdown(stop);
        self.tasks.spawn(async move { drop(server.await) });
    }
}

impl Default for Servers {
    fn default() -> Self {
        Self::new()
    }
}

/// A listener that accepts no more connections than may be open at a time: the next one waits.
#[derive(Debug)]
pub struct Bounded<L> {
    /// None once it is another process's.
    listener: Option<L>,
    turns: Arc<Semaphore>,
    unanswered: Arc<Semaphore>,
    /// None for one that nobody takes over.
    leaving: Option<watch::Receiver<bool>>,
}

impl<L> Bounded<L> {
    pub fn new(listener: L, connections_max: usize) -> Self {
        let turns = Arc::new(Semaphore::new(connections_max));
        let unanswered = Arc::new(Semaphore::new(connections_max));
        Self { listener: Some(listener), turns, unanswered, leaving: None }
    }
}

/// Until another process takes over.
async fn left(leaving: &mut Option<watch::Receiver<bool>>) {
    match leaving {
        // An error says that nobody is left who could leave.
        Some(leaving) => drop(leaving.wait_for(|leaving| *leaving).await),
        None => std::future::pending().await,
    }
}

impl<L: Listener> Listener for Bounded<L> {
    type Io = Limited<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.expect("nobody closes this semaphore");
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                biased;
                () = left(&mut self.leaving) => {}
                (stream, address) = listener.accept() => {
                    let unanswered = Arc::clone(&self.unanswered);
                    let limited = Limited::new(stream, turn, unanswered, (IDLE_MAX, LIFE_MAX));
                    return (limited, address);
                }
            }
        }
        self.listener = None;
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.listener.as_ref().ok_or_else(gone)?.local_addr()
    }
}

/// A connection that ends when nothing moved for too long, or when it is too old.
#[derive(Debug)]
pub struct Limited<T> {
    stream: T,
    idle_max: Duration,
    end: Instant,
    idle: Pin<Box<Sleep>>,
    unanswered: Arc<Semaphore>,
    /// From the start, and from the first byte of a request, to the first byte of its answer.
    waits: Option<OwnedSemaphorePermit>,
    _turn: OwnedSemaphorePermit,
}

impl<T> Limited<T> {
    fn new(
        stream: T,
        turn: OwnedSemaphorePermit,
        unanswered: Arc<Semaphore>,
        (idle_max, life_max): (Duration, Duration),
    ) -> Self {
        let now = Instant::now();
        let idle = Box::pin(sleep_until(now + idle_max));
        let waits = Arc::clone(&unanswered).try_acquire_owned().ok();
        Self { stream, idle_max, end: now + life_max, idle, unanswered, waits, _turn: turn }
    }

    fn answered(&mut self, written: &Poll<io::Result<usize>>) {
        if written.is_ready() {
            self.waits = None;
        }
    }

    /// Passes `polled` on and counts it as a move; while it waits, an error once it is too late.
    fn timed<R>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            let late = (Instant::now() + self.idle_max).min(self.end);
            self.idle.as_mut().reset(late);
            return polled;
        }
        ready!(self.idle.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Limited<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() && self.waits.is_none() {
            self.waits = Arc::clone(&self.unanswered).try_acquire_owned().ok();
        }
        self.timed(context, polled)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Limited<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.answered(&polled);
        self.timed(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.answered(&polled);
        self.timed(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // A flush moves nothing of its own on a socket: it may not keep a connection alive.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Three servers.
const UNANSWERED_MAX: usize = 3 * ADMIN_CONNECTIONS_MAX;
const IDLE_MAX: Duration = Duration::from_millis(ADMIN_IDLE_MS_MAX);
const LIFE_MAX: Duration = Duration::from_millis(ADMIN_LIFE_MS_MAX);
const STOP_MAX: Duration = Duration::from_millis(ADMIN_STOP_MS_MAX);

#[cfg(test)]
mod tests;
