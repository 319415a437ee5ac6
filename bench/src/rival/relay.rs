//! The floor: a relay on raw io_uring that parses nothing. Multishot accept and receive, provided
//! buffers, DEFER_TASKRUN: the sends and receives that an HTTP proxy cannot avoid, and no more.
//!
//! Each downstream connection has an upstream one to itself, so it is a floor for kept-alive work
//! only. One thread owns everything; the process ends by being killed.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::io;
use std::net::{Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use self::buffers::{Buffers, Chain, Piece};
use self::token::{Operation, Side, Token};

mod buffers;
mod token;

/// Relays between `listen` and `upstream` for ever.
pub(crate) fn run(listen: SocketAddrV4, upstream: SocketAddrV4) -> io::Result<Infallible> {
    let listener = TcpListener::bind(listen)?;
    let mut relay = Relay::new(upstream)?;
    relay.accept(&listener)?;
    let mut completions = Vec::with_capacity(COMPLETIONS as usize);
    loop {
        match relay.ring.submit_and_wait(1) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            submitted => submitted?,
        };
        completions.extend(relay.ring.completion());
        for completion in completions.drain(..) {
            relay.complete(&completion, &listener)?;
        }
        relay.give_back_buffers()?;
    }
}

struct Relay {
    ring: IoUring,
    buffers: Buffers,
    upstream: SocketAddrV4,
    pairs: Vec<Option<Pair>>,
    vacant: Vec<usize>,
    /// Ends whose receive found no buffer: armed again when some come back.
    starved: Vec<Token>,
}

/// A downstream connection and its upstream one.
struct Pair {
    ends: [End; 2],
}

struct End {
    stream: TcpStream,
    /// A receive is armed on this end.
    receiving: bool,
    /// Nothing more will come from this end.
    ended: bool,
    /// What came from the other end and is to be sent on this one; the first piece is being sent.
    outgoing: Chain,
}

impl Relay {
    fn new(upstream: SocketAddrV4) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_single_issuer().setup_defer_taskrun().setup_cqsize(COMPLETIONS);
        let ring = builder.build(SUBMISSIONS)?;
        let buffers = Buffers::register(&ring)?;
        let (pairs, vacant, starved) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { ring, buffers, upstream, pairs, vacant, starved })
    }

    fn complete(&mut self, completion: &cqueue::Entry, listener: &TcpListener) -> io::Result<()> {
        let token = Token::unpack(completion.user_data());
        let (result, flags) = (completion.result(), completion.flags());
        match token.operation {
            Operation::Accept => self.accepted(result, flags, listener),
            Operation::Receive => self.received(token, result, flags),
            Operation::Send => self.sent(token, result),
        }
    }

    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        let token = Token { operation: Operation::Accept, side: Side::Downstream, pair: 0 };
        self.push(opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).build(), token)
    }

    fn accepted(&mut self, result: i32, flags: u32, listener: &TcpListener) -> io::Result<()> {
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result));
        }
        // SAFETY: the kernel has just given out this descriptor; it has no other owner.
        let downstream = TcpStream::from(unsafe { OwnedFd::from_raw_fd(result) });
        // On loopback the handshake is over when the call returns: nothing waits here.
        let upstream = TcpStream::connect(self.upstream)?;
        let end = |stream: TcpStream| -> io::Result<End> {
            stream.set_nodelay(true)?;
            Ok(End { stream, receiving: false, ended: false, outgoing: Chain::default() })
        };
        let pair = Pair { ends: [end(downstream)?, end(upstream)?] };
        let index = self.vacant.pop().unwrap_or(self.pairs.len());
        if index == self.pairs.len() {
            self.pairs.push(None);
        }
        self.pairs[index] = Some(pair);
        for side in [Side::Downstream, Side::Upstream] {
            self.receive(Token { operation: Operation::Receive, side, pair: index })?;
        }
        if cqueue::more(flags) { Ok(()) } else { self.accept(listener) }
    }

    fn receive(&mut self, token: Token) -> io::Result<()> {
        let Some(pair) = self.pairs[token.pair].as_mut() else { return Ok(()) };
        let end = &mut pair.ends[token.side as usize];
        end.receiving = true;
        let fd = types::Fd(end.stream.as_raw_fd());
        self.push(opcode::RecvMulti::new(fd, buffers::GROUP).build(), token)
    }

    fn received(&mut self, token: Token, result: i32, flags: u32) -> io::Result<()> {
        let pair = self.pairs[token.pair].as_mut().expect("a pair outlives its operations");
        let receiving = cqueue::more(flags);
        pair.ends[token.side as usize].receiving = receiving;
        if let Some(id) = cqueue::buffer_select(flags).filter(|_| result > 0) {
            let piece = Piece { id, bytes: result as u32 };
            let outgoing = &mut pair.ends[token.side.other() as usize].outgoing;
            let sending = !outgoing.is_empty();
            self.buffers.append(outgoing, piece);
            if !sending {
                self.send_first(token.pair, token.side.other())?;
            }
            return if receiving { Ok(()) } else { self.receive(token) };
        }
        if result == -libc::ENOBUFS {
            self.starved.push(token);
            return Ok(());
        }
        pair.ends[token.side as usize].ended = true;
        if result < 0 {
            pair.break_off();
        }
        self.settle(token.pair);
        Ok(())
    }

    fn send_first(&mut self, index: usize, side: Side) -> io::Result<()> {
        let pair = self.pairs[index].as_ref().expect("a pair outlives its operations");
        let end = &pair.ends[side as usize];
        let piece = end.outgoing.first().expect("only called with something to send");
        let start = self.buffers.start(piece.id);
        let send = opcode::Send::new(types::Fd(end.stream.as_raw_fd()), start, piece.bytes)
            .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
            .build();
        self.push(send, Token { operation: Operation::Send, side, pair: index })
    }

    fn sent(&mut self, token: Token, result: i32) -> io::Result<()> {
        let pair = self.pairs[token.pair].as_mut().expect("a pair outlives its operations");
        let outgoing = &mut pair.ends[token.side as usize].outgoing;
        let piece = self.buffers.take_first(outgoing).expect("a piece stays until it is sent");
        if u32::try_from(result) != Ok(piece.bytes) {
            while self.buffers.take_first(outgoing).is_some() {}
            pair.break_off();
        }
        if !pair.ends[token.side as usize].outgoing.is_empty() {
            return self.send_first(token.pair, token.side);
        }
        self.settle(token.pair);
        Ok(())
    }

    /// Passes an end of stream on when everything before it is sent, and lets go of a pair that
    /// has nothing under way.
    fn settle(&mut self, index: usize) {
        let pair = self.pairs[index].as_ref().expect("a pair outlives its operations");
        let [downstream, upstream] = &pair.ends;
        for (source, sink) in [(downstream, upstream), (upstream, downstream)] {
            if source.ended && sink.outgoing.is_empty() {
                // The other end may be gone already; its own receive tells.
                let _ = sink.stream.shutdown(Shutdown::Write);
            }
        }
        if pair.ends.iter().all(|end| end.ended && !end.receiving && end.outgoing.is_empty()) {
            self.pairs[index] = None;
            self.vacant.push(index);
        }
    }

    fn give_back_buffers(&mut self) -> io::Result<()> {
        if self.buffers.publish() {
            for token in std::mem::take(&mut self.starved) {
                self.receive(token)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, entry: squeue::Entry, token: Token) -> io::Result<()> {
        let entry = entry.user_data(token.pack());
        // SAFETY: what the entry points to, a buffer of the ring's own or nothing, lives as long
        // as the process; descriptors are closed when no operation is under way on them.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            self.ring.submit()?;
        }
        Ok(())
    }
}

impl Pair {
    /// Both ends stop; their receives then end by themselves.
    fn break_off(&self) {
        for end in &self.ends {
            // It may be down already, which is what is wanted.
            let _ = end.stream.shutdown(Shutdown::Both);
        }
    }
}

const SUBMISSIONS: u32 = 2048;
const COMPLETIONS: u32 = 8192;
