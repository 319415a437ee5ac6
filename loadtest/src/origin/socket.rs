//! One connection of an origin: reads and writes at the origin's pace, counted.
//!
//! An operation in flight is never dropped: what ends one early is `shut`, by the thread that
//! stops, and the operation then comes back by itself.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, TcpStream as StdStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::Bytes;
use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRent};
use monoio::net::TcpStream;
use socket2::SockRef;

use super::pace::Pace;

/// What one thread of an origin has counted. It alone writes here.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) faults: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) open: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
}

pub(super) struct Socket {
    stream: TcpStream,
    /// A second descriptor of the same socket: for options, and to end operations.
    handle: Rc<OwnedFd>,
    pace: Pace,
    counters: std::sync::Arc<Counters>,
    in_flight: Rc<Cell<usize>>,
}

impl Socket {
    pub(super) fn new(
        stream: StdStream,
        pace: Pace,
        counters: std::sync::Arc<Counters>,
        in_flight: Rc<Cell<usize>>,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let handle = Rc::new(stream.as_fd().try_clone_to_owned()?);
        Ok(Self { stream: TcpStream::from_std(stream)?, handle, pace, counters, in_flight })
    }

    pub(super) fn handle(&self) -> Rc<OwnedFd> {
        Rc::clone(&self.handle)
    }

    /// Adds what comes to the buffer, up to `most` bytes. 0: the peer has ended.
    pub(super) async fn read(
        &mut self,
        mut buffer: Vec<u8>,
        most: usize,
    ) -> (io::Result<usize>, Vec<u8>) {
        let most = self.pace.read_rate.map_or(most, |rate| most.min(a_tick_of(rate)));
        let begin = buffer.len();
        buffer.reserve(most);
        self.in_flight.set(self.in_flight.get() + 1);
        let (result, slice) = self.stream.read(buffer.slice_mut(begin..begin + most)).await;
        self.in_flight.set(self.in_flight.get() - 1);
        if let Ok(count) = result {
            add(&self.counters.bytes_in, count as u64);
            if let Some(rate) = self.pace.read_rate {
                monoio::time::sleep(time_of(count, rate)).await;
            }
        }
        (result, slice.into_inner())
    }

    pub(super) async fn write_all(&mut self, mut bytes: Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            let most = self.pace.write_bytes.unwrap_or(usize::MAX).max(1);
            let most = self.pace.write_rate.map_or(most, |rate| most.min(a_tick_of(rate)));
            let piece = bytes.split_to(most.min(bytes.len()));
            let count = piece.len();
            self.write_piece(piece).await?;
            if let Some(rate) = self.pace.write_rate {
                monoio::time::sleep(time_of(count, rate)).await;
            }
        }
        Ok(())
    }

    async fn write_piece(&mut self, mut piece: Bytes) -> io::Result<()> {
        while !piece.is_empty() {
            self.in_flight.set(self.in_flight.get() + 1);
            let (result, given_back) = self.stream.write(piece).await;
            self.in_flight.set(self.in_flight.get() - 1);
            piece = given_back;
            let count = result?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            add(&self.counters.bytes_out, count as u64);
            piece = piece.split_off(count);
        }
        Ok(())
    }

    /// The end of the connection is a reset: what is in the buffers is thrown away.
    pub(super) fn reset(self) {
        // A socket that refuses is closed all the same.
        let _ = SockRef::from(&self.handle).set_linger(Some(Duration::ZERO));
    }

    /// The end in the regular way: what was sent arrives, even if the peer still sends.
    pub(super) async fn finish(mut self) {
        let _ = SockRef::from(&self.handle).shutdown(Shutdown::Write);
        let mut buffer = Vec::new();
        let until = Instant::now() + LINGER;
        let mut left = LINGER_BYTES_MAX;
        while Instant::now() < until && left > 0 {
            buffer.clear();
            let (result, back) = self.read(buffer, READ_BYTES).await;
            buffer = back;
            match result {
                Ok(count) if count > 0 => left = left.saturating_sub(count),
                _ => break,
            }
        }
    }
}

/// Ends whatever is in flight on this socket.
pub(super) fn shut(handle: BorrowedFd<'_>) {
    // It may be closed by its peer already.
    let _ = SockRef::from(&handle).shutdown(Shutdown::Both);
}

/// What a rate allows in a twentieth of a second: the grain of slow reads and writes.
fn a_tick_of(rate: u64) -> usize {
    usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1)
}

fn time_of(bytes: usize, rate: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64)
}

pub(super) const READ_BYTES: usize = 16 * 1024;
/// A peer that goes on sending after the end gets this much of our time.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1024 * 1024;
