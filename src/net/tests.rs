//! What the tests of this band and of those above share: a runtime on either driver, sockets whose
//! other end is a blocking one of the standard library, and waits that are bounded.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::runtime::{self, Driver, DriverChoice};
use super::{Stream, Wheel};
use crate::base::buffer::Buffer;
use crate::base::clock::Clock;

/// No test waits for anything longer than this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a test runs with: a wheel that turns.
pub(crate) struct Rig {
    pub(crate) wheel: Rc<Wheel>,
    pub(crate) driver: Driver,
}

/// Runs `body` on each driver that this machine has.
pub(crate) fn on_both_drivers(body: impl AsyncFn(Rig) + Clone + Send + 'static) {
    match runtime::probe(DriverChoice::Uring) {
        Ok(driver) => on(driver, body.clone()),
        Err(error) => println!("skipped on io_uring, which is not to be had here: {error}"),
    }
    on(Driver::Epoll, body);
}

/// Runs `body` on a thread of its own.
pub(crate) fn on(driver: Driver, body: impl AsyncFnOnce(Rig) + Send + 'static) {
    let (ended, end) = mpsc::channel();
    let thread = thread::spawn(move || {
        let main = async move {
            let wheel = Wheel::new(Clock::new(), driver).unwrap();
            let turning = Rc::clone(&wheel);
            let turn = async move { turning.run(|_| ()).await.unwrap() };
            runtime::spawn(turn, None, || panic!("the wheel stopped"));
            body(Rig { wheel, driver }).await;
        };
        runtime::run(driver, main).unwrap();
        ended.send(()).unwrap();
    });
    match end.recv_timeout(2 * PATIENCE) {
        Ok(()) => thread.join().unwrap(),
        Err(RecvTimeoutError::Timeout) => panic!("on {driver}: hangs"),
        Err(RecvTimeoutError::Disconnected) => {
            println!("on {driver}:");
            std::panic::resume_unwind(thread.join().unwrap_err());
        }
    }
}

impl Rig {
    /// A connection on loopback: ours, and the peer's.
    pub(crate) fn pair(&self) -> (Stream, TcpStream) {
        let (ours, theirs) = sockets();
        (self.adopt(ours), theirs)
    }

    pub(crate) fn adopt(&self, socket: TcpStream) -> Stream {
        socket.set_nonblocking(true).unwrap();
        Stream::adopt(socket.into(), &self.wheel).unwrap()
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.wheel.sleep(duration).await;
    }
}

/// Two ends of a connection on loopback, with bounded waits.
pub(crate) fn sockets() -> (TcpStream, TcpStream) {
    let listener = listener();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    for socket in [&ours, &theirs] {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
    }
    (ours, theirs)
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

pub(crate) fn buffer_of(bytes: &[u8]) -> Buffer {
    let mut buffer = Buffer::with_capacity(bytes.len().max(1024));
    buffer.put(bytes);
    buffer
}

/// Bytes that repeat nowhere soon, so that what is lost or doubled shows.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    let random = crate::base::random::Random::seeded(count as u64);
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

/// Holds a peer up, on a thread that is the peer's own.
#[expect(clippy::disallowed_methods, reason = "no worker runs on a peer's thread")]
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}

/// All that the peer gets until the end of the stream.
pub(crate) fn read_all(mut peer: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn read_some(mut peer: &TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    peer.read_exact(&mut bytes).unwrap();
    bytes
}

pub(crate) fn write(mut peer: &TcpStream, bytes: &[u8]) {
    peer.write_all(bytes).unwrap();
}

/// Sends in pieces of `size`, with a pause before each, on a thread that is the peer's own.
pub(crate) fn drip(peer: &TcpStream, bytes: &[u8], size: usize, every: Duration) -> JoinHandle<()> {
    let (peer, bytes) = (peer.try_clone().unwrap(), bytes.to_vec());
    thread::spawn(move || {
        for piece in bytes.chunks(size) {
            pause(every);
            write(&peer, piece);
        }
    })
}

/// Reads `count` bytes in pieces of `size`, with a pause before each.
pub(crate) fn sip(peer: &TcpStream, count: usize, size: usize, every: Duration) -> Vec<u8> {
    let mut got = Vec::with_capacity(count);
    while got.len() < count {
        pause(every);
        got.extend(read_some(peer, size.min(count - got.len())));
    }
    got
}

/// The end of the stream without an error: nothing was reset.
pub(crate) fn is_at_end(mut peer: &TcpStream) -> bool {
    let read = peer.read_exact(&mut [0; 1]);
    read.is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof)
}

pub(crate) fn option(fd: RawFd, level: i32, name: i32) -> i32 {
    let mut value = 0_i32;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: pointer and length are of one live value.
    let result =
        unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut length) };
    assert_eq!(result, 0, "getsockopt");
    value
}

pub(crate) fn keepalive_of(fd: RawFd) -> (i32, i32, i32, i32) {
    let tcp = |name| option(fd, libc::IPPROTO_TCP, name);
    let on = option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE);
    (on, tcp(libc::TCP_KEEPCNT), tcp(libc::TCP_KEEPIDLE), tcp(libc::TCP_KEEPINTVL))
}

/// What `fcntl` says with a command that takes no argument.
pub(crate) fn flags(fd: RawFd, command: i32) -> i32 {
    // SAFETY: no pointers.
    unsafe { libc::fcntl(fd, command) }
}

/// A close of this peer's resets the connection.
pub(crate) fn reset(peer: TcpStream) {
    super::socket::set_reset_on_close(peer.as_raw_fd()).unwrap();
}
