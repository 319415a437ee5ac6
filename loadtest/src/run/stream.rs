//! A connection as bytes, in the clear or inside TLS. Reads append to a buffer that comes along and
//! goes back; no operation is ever dropped, deadlines end them by a shutdown of the socket.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd, RawFd};

use bytes::{Buf, Bytes};
use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRent, OwnedReadHalf, OwnedWriteHalf, Splitable};
use monoio::net::TcpStream;
use rustls::{ClientConnection, HandshakeKind};

pub(super) enum Stream {
    Plain(Wire),
    Tls(Box<Tls>),
}

/// A socket whose two directions are used at the same time.
pub(super) struct Wire {
    pub(super) read: OwnedReadHalf<TcpStream>,
    pub(super) write: OwnedWriteHalf<TcpStream>,
    fd: RawFd,
}

pub(super) struct Tls {
    pub(super) wire: Wire,
    pub(super) session: ClientConnection,
    cipher: Vec<u8>,
}

impl Wire {
    pub(super) fn new(socket: TcpStream) -> Self {
        let fd = socket.as_raw_fd();
        let (read, write) = socket.into_split();
        Self { read, write, fd }
    }

    async fn receive(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        receive(&mut self.read, buffer).await
    }
}

/// Appends what comes to the buffer, as much as it has room for.
pub(super) async fn receive(
    read: &mut OwnedReadHalf<TcpStream>,
    mut buffer: Vec<u8>,
) -> (io::Result<usize>, Vec<u8>) {
    if buffer.len() == buffer.capacity() {
        buffer.reserve(buffer.capacity().max(MIN_ROOM_BYTES));
    }
    if buffer.is_empty() {
        return read.read(buffer).await;
    }
    let (start, end) = (buffer.len(), buffer.capacity());
    let (result, slice) = read.read(buffer.slice_mut(start..end)).await;
    (result, slice.into_inner())
}

pub(super) async fn send(
    write: &mut OwnedWriteHalf<TcpStream>,
    mut bytes: Bytes,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let (result, rest) = write.write(bytes).await;
        bytes = rest;
        match result? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            sent => bytes.advance(sent),
        }
    }
    Ok(())
}

impl Stream {
    pub(super) fn fd(&self) -> RawFd {
        match self {
            Self::Plain(wire) => wire.fd,
            Self::Tls(tls) => tls.wire.fd,
        }
    }

    pub(super) async fn send(&mut self, bytes: Bytes) -> io::Result<()> {
        match self {
            Self::Plain(wire) => send(&mut wire.write, bytes).await,
            Self::Tls(tls) => tls.send(&bytes).await,
        }
    }

    /// 0 is the end. Of a peer that ends TLS without saying so too: what matters is whether the
    /// answer was complete.
    pub(super) async fn receive(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        match self {
            Self::Plain(wire) => wire.receive(buffer).await,
            Self::Tls(tls) => tls.receive(buffer).await,
        }
    }

    /// Sends, and receives the first of the answer. With `overlap`, a small request in the clear
    /// is handed to the kernel together with the read for its answer, so that the task is woken
    /// once instead of twice.
    pub(super) async fn ask(
        &mut self,
        bytes: Bytes,
        buffer: Vec<u8>,
        overlap: bool,
    ) -> (io::Result<usize>, Vec<u8>) {
        if let Self::Plain(wire) = self
            && overlap
            && bytes.len() <= OVERLAP_BYTES_MAX
            && buffer.is_empty()
        {
            let length = bytes.len();
            // The operation is begun here; it is awaited when it has long been done.
            let sending = wire.write.write(bytes);
            let (result, buffer) = wire.read.read(buffer).await;
            let (sent, _) = sending.await;
            return match sent {
                Ok(sent) if sent == length => (result, buffer),
                // What the peer said before it closed is worth more than that we could not send.
                Err(_) if matches!(result, Ok(1..)) => (result, buffer),
                Err(error) => (Err(error), buffer),
                Ok(_) => (Err(io::ErrorKind::WriteZero.into()), buffer),
            };
        }
        match self.send(bytes).await {
            Ok(()) => self.receive(buffer).await,
            Err(error) => (Err(error), buffer),
        }
    }
}

impl Tls {
    /// # Errors
    /// Of the socket, or of the handshake: those hold a `rustls::Error`.
    pub(super) async fn shake_hands(wire: Wire, session: ClientConnection) -> io::Result<Self> {
        let cipher = Vec::with_capacity(CIPHER_BYTES);
        let mut tls = Self { wire, session, cipher };
        while tls.session.is_handshaking() {
            tls.flush().await?;
            if tls.session.is_handshaking() && tls.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        tls.flush().await?;
        Ok(tls)
    }

    pub(super) fn resumed(&self) -> bool {
        self.session.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.session.writer().write(bytes)?;
            bytes = &bytes[taken..];
            self.flush().await?;
        }
        Ok(())
    }

    async fn receive(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        loop {
            match read_plain(&mut self.session, &mut buffer) {
                Ok(0) => return (Ok(0), buffer),
                Ok(count) => return (Ok(count), buffer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return (Err(error), buffer),
            }
            match self.fill().await {
                Ok(0) => return (Ok(0), buffer),
                Ok(_) => (),
                Err(error) => return (Err(error), buffer),
            }
        }
    }

    /// Ciphertext from the socket into the session.
    async fn fill(&mut self) -> io::Result<usize> {
        let mut cipher = std::mem::take(&mut self.cipher);
        cipher.clear();
        let (result, cipher) = self.wire.receive(cipher).await;
        self.cipher = cipher;
        let count = result?;
        feed(&mut self.session, &self.cipher)?;
        if self.session.wants_write() {
            self.flush().await?;
        }
        Ok(count)
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.session.wants_write() {
            return Ok(());
        }
        let records = take_records(&mut self.session)?;
        send(&mut self.wire.write, records).await
    }
}

/// Everything that the session has to send.
pub(super) fn take_records(session: &mut ClientConnection) -> io::Result<Bytes> {
    let mut records = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut records)?;
    }
    Ok(records.into())
}

/// Gives ciphertext to the session.
pub(super) fn feed(session: &mut ClientConnection, mut cipher: &[u8]) -> io::Result<()> {
    while !cipher.is_empty() {
        if session.read_tls(&mut cipher)? == 0 {
            return Err(io::Error::other("more ciphertext than the session takes"));
        }
        session.process_new_packets().map_err(io::Error::other)?;
    }
    Ok(())
}

/// Appends plaintext, up to the buffer's capacity. An end without notice is an end.
pub(super) fn read_plain(
    session: &mut ClientConnection,
    buffer: &mut Vec<u8>,
) -> io::Result<usize> {
    let start = buffer.len();
    let room = (buffer.capacity() - start).max(MIN_ROOM_BYTES);
    buffer.resize(start + room, 0);
    let result = session.reader().read(&mut buffer[start..]);
    let count = match result {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
        Ok(count) => count,
        Err(error) => {
            buffer.truncate(start);
            return Err(error);
        }
    };
    buffer.truncate(start + count);
    Ok(count)
}

/// A request that surely fits into an empty send buffer.
const OVERLAP_BYTES_MAX: usize = 4096;
const MIN_ROOM_BYTES: usize = 4096;
const CIPHER_BYTES: usize = 16 * 1024 + 512;
