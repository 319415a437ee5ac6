//! The threads of an origin, from its start to its end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use monoio::io::AsyncReadRent;
use monoio::net::TcpStream;
use socket2::{Domain, Socket as RawSocket, Type};

use super::pace::{Random, Slots};
use super::socket::{Counters, Socket, add, shut};
use super::{Kind, Setup, connection, tcp};

/// An origin that serves. Dropped, it resets nothing, but closes all it has.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    counters: Vec<Arc<Counters>>,
    threads: Vec<(UnixStream, JoinHandle<()>)>,
}

/// What an origin has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    pub requests: u64,
    /// Answers that went wrong on purpose.
    pub faults: u64,
    /// What came and was no request.
    pub malformed: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Connections that are open now.
    pub open: u64,
}

impl Running {
    pub(super) fn start(setup: Setup) -> io::Result<Self> {
        let setup = Arc::new(setup);
        let mut address = setup.listen;
        let mut running = Self { address, counters: Vec::new(), threads: Vec::new() };
        for number in 0..setup.threads.max(1) {
            let listener = listen(address)?;
            address = listener.local_addr()?;
            let (stop, stopped) = UnixStream::pair()?;
            let counters = Arc::<Counters>::default();
            running.counters.push(Arc::clone(&counters));
            let setup = Arc::clone(&setup);
            let thread = thread::Builder::new().name(format!("origin-{number}"));
            let work = move || serve(&setup, number, listener, stopped, counters);
            let thread = thread.spawn(move || {
                let _ = work().inspect_err(|error| eprintln!("origin: {error}"));
            })?;
            running.threads.push((stop, thread));
        }
        running.address = address;
        Ok(running)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn counts(&self) -> Counts {
        let sum = |of: fn(&Counters) -> u64| self.counters.iter().map(|c| of(c)).sum();
        Counts {
            connections: sum(|c| c.connections.load(Relaxed)),
            requests: sum(|c| c.requests.load(Relaxed)),
            faults: sum(|c| c.faults.load(Relaxed)),
            malformed: sum(|c| c.malformed.load(Relaxed)),
            bytes_in: sum(|c| c.bytes_in.load(Relaxed)),
            bytes_out: sum(|c| c.bytes_out.load(Relaxed)),
            open: sum(|c| c.open.load(Relaxed)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (stop, thread) in self.threads.drain(..) {
            drop(stop);
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} connections, {} requests, {} spoiled, {} malformed, {} bytes in, {} bytes out",
            self.connections,
            self.requests,
            self.faults,
            self.malformed,
            self.bytes_in,
            self.bytes_out,
        )
    }
}

/// What the connections of one thread share.
pub(super) struct Local {
    pub(super) setup: Arc<Setup>,
    pub(super) random: RefCell<Random>,
    /// None: a request waits for nobody.
    pub(super) slots: Option<RefCell<Slots>>,
    pub(super) counters: Arc<Counters>,
    open: RefCell<HashMap<u64, Rc<OwnedFd>>>,
    in_flight: Rc<Cell<usize>>,
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn serve(
    setup: &Arc<Setup>,
    number: usize,
    listener: TcpListener,
    stopped: UnixStream,
    counters: Arc<Counters>,
) -> io::Result<()> {
    let local = Rc::new(Local {
        setup: Arc::clone(setup),
        random: RefCell::new(Random::new(setup.seed.wrapping_add(number as u64))),
        slots: setup.pace.slots.map(|slots| RefCell::new(Slots::new(slots, Instant::now()))),
        counters,
        open: RefCell::default(),
        in_flight: Rc::default(),
    });
    let main = async move {
        stopped.set_nonblocking(true)?;
        let mut stopped = monoio::net::UnixStream::from_std(stopped)?;
        let listening = listener.as_fd().try_clone_to_owned()?;
        let accepting = monoio::spawn(accept(listener, Rc::clone(&local)));
        // Ends when the other end is dropped.
        let _ = stopped.read(Vec::with_capacity(1)).await;
        // It no longer listens, which ends the wait and so the task.
        shut(listening.as_fd());
        let _ = accepting.await;
        local.stop().await;
        Ok(())
    };
    run(main)
}

/// On io_uring where the kernel allows it, else on epoll.
fn run<T>(main: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut ring = io_uring::IoUring::builder();
    ring.setup_single_issuer().setup_defer_taskrun().setup_submit_all();
    ring.setup_cqsize(COMPLETIONS).dontfork();
    if ring.build(8).is_ok() {
        let runtime = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new();
        let runtime = runtime.with_entries(SUBMISSIONS).uring_builder(ring);
        return runtime.enable_timer().build()?.block_on(main);
    }
    monoio::RuntimeBuilder::<monoio::LegacyDriver>::new().enable_timer().build()?.block_on(main)
}

/// Waits for the socket and takes all that is queued: no accept is ever in flight.
async fn accept(listener: TcpListener, local: Rc<Local>) -> io::Result<()> {
    // A stream in name only: all that is done with it is to wait.
    let waiting = TcpStream::from_std(OwnedFd::from(listener.try_clone()?).into())?;
    loop {
        waiting.readable(false).await?;
        loop {
            match listener.accept() {
                Ok((stream, _)) => local.begin(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // It was shut.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(()),
                // Descriptors are used up, or the peer is gone: the queue keeps.
                Err(_) => {
                    monoio::time::sleep(EXHAUSTED).await;
                    break;
                }
            }
        }
    }
}

impl Local {
    fn begin(self: &Rc<Self>, stream: std::net::TcpStream) {
        let (counters, in_flight) = (Arc::clone(&self.counters), Rc::clone(&self.in_flight));
        // A socket that takes no options has been closed by its peer.
        let Ok(socket) = Socket::new(stream, self.setup.pace, counters, in_flight) else { return };
        let number = self.counters.connections.load(Relaxed);
        add(&self.counters.connections, 1);
        self.open.borrow_mut().insert(number, socket.handle());
        self.note_open();
        let local = Rc::clone(self);
        monoio::spawn(async move {
            match &local.setup.kind {
                Kind::Tcp(tcp) => tcp::serve(tcp, socket, &local).await,
                _ => connection::serve(socket, &local).await,
            }
            local.open.borrow_mut().remove(&number);
            local.note_open();
        });
    }

    fn note_open(&self) {
        self.counters.open.store(self.open.borrow().len() as u64, Relaxed);
    }

    /// Until no operation is in flight: the kernel must not write to buffers that are gone. Who
    /// only sleeps is left behind.
    async fn stop(&self) {
        let until = Instant::now() + STOP;
        loop {
            self.open.borrow().values().for_each(|handle| shut(handle.as_fd()));
            // A turn of the loop, in which sockets that are done with are closed.
            monoio::time::sleep(Duration::from_millis(2)).await;
            if self.in_flight.get() == 0 || Instant::now() > until {
                return;
            }
        }
    }
}

const BACKLOG: i32 = 16384;
const SUBMISSIONS: u32 = 4096;
const COMPLETIONS: u32 = 16384;
const EXHAUSTED: Duration = Duration::from_millis(50);
const STOP: Duration = Duration::from_secs(5);
