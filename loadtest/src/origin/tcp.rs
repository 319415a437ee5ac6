//! An upstream for bytes: it returns them, swallows them, pours them out, or says nothing.

use std::time::Duration;

use bytes::Bytes;

use super::answer::block;
use super::faults::Fault;
use super::running::Local;
use super::socket::{READ_BYTES, Socket, add};

#[derive(Clone, Debug)]
pub struct Tcp {
    pub talk: Talk,
    /// A source gives this many bytes, and ends.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Talk {
    /// What comes goes back.
    Echo,
    /// What comes is counted; at its end, the count goes back as a line.
    Sink,
    /// Bytes go out as soon as a connection is there.
    Source,
    /// Connections are taken, and no word is said.
    Silent,
}

/// A connection counts as a request, so that faults by chance and by list are per connection.
pub(super) async fn serve(tcp: &Tcp, mut socket: Socket, local: &Local) {
    let number = local.counters.requests.load(std::sync::atomic::Ordering::Relaxed);
    add(&local.counters.requests, 1);
    let (fault, delay) = {
        let mut random = local.random.borrow_mut();
        let fault = local.setup.faults.pick(number, &mut random);
        (fault, local.setup.pace.delay.pick(&mut random))
    };
    if fault.is_some() {
        add(&local.counters.faults, 1);
    }
    // So much goes out before it breaks.
    let most = match fault {
        Some(Fault::Reset) => return socket.reset(),
        Some(Fault::Close) => return socket.finish().await,
        Some(Fault::Truncate(pieces) | Fault::Cut(pieces)) => pieces as u64 * READ_BYTES as u64,
        _ => u64::MAX,
    };
    let talk = if matches!(fault, Some(Fault::Hang)) { Talk::Silent } else { tcp.talk };
    let ended = match talk {
        Talk::Source => pour(&mut socket, tcp.bytes.min(most), delay).await,
        Talk::Echo => Box::pin(take(&mut socket, true, most, delay)).await,
        Talk::Sink | Talk::Silent => Box::pin(take(&mut socket, false, most, delay)).await,
    };
    if matches!(fault, Some(Fault::Cut(_))) || ended.is_none() {
        return socket.reset();
    }
    if talk == Talk::Sink {
        let line = format!("{}\n", ended.unwrap_or_default());
        let _ = socket.write_all(line.into()).await;
    }
    socket.finish().await;
}

/// How many bytes came until the peer ended. `None`: the connection broke.
async fn take(socket: &mut Socket, back: bool, most: u64, delay: Duration) -> Option<u64> {
    let (mut buffer, mut taken) = (Vec::new(), 0);
    loop {
        buffer.clear();
        let (result, given_back) = socket.read(buffer, READ_BYTES).await;
        buffer = given_back;
        let count = result.ok()?;
        taken += count as u64;
        if count == 0 {
            return Some(taken);
        }
        if !delay.is_zero() {
            monoio::time::sleep(delay).await;
        }
        if back {
            socket.write_all(Bytes::copy_from_slice(&buffer)).await.ok()?;
        }
        if taken >= most {
            return Some(taken);
        }
    }
}

async fn pour(socket: &mut Socket, mut left: u64, delay: Duration) -> Option<u64> {
    let block = block();
    let whole = left;
    if !delay.is_zero() {
        monoio::time::sleep(delay).await;
    }
    while left > 0 {
        let piece = block.slice(..block.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        left -= piece.len() as u64;
        socket.write_all(piece).await.ok()?;
    }
    Some(whole)
}
