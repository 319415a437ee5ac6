//! A blocking stream socket: TCP, unix, or TLS over TCP.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::SockRef;

use super::tls::Tls;
use super::wait::PATIENCE;

#[derive(Debug)]
pub enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Tls>),
}

impl Socket {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = Self::Tcp(TcpStream::connect_timeout(&address, PATIENCE)?);
        socket.prepare();
        Ok(socket)
    }

    /// Nothing in a test waits for ever.
    pub fn prepare(&self) {
        self.set_read_timeout(PATIENCE);
        let set = match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(PATIENCE)),
            Self::Unix(stream) => stream.set_write_timeout(Some(PATIENCE)),
            Self::Tls(tls) => tls.tcp().set_write_timeout(Some(PATIENCE)),
        };
        set.expect("a write timeout");
        if let Self::Tcp(stream) = self {
            let _ = stream.set_nodelay(true);
        }
    }

    pub fn set_read_timeout(&self, limit: Duration) {
        let set = match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(limit)),
            Self::Unix(stream) => stream.set_read_timeout(Some(limit)),
            Self::Tls(tls) => tls.tcp().set_read_timeout(Some(limit)),
        };
        set.expect("a read timeout");
    }

    pub fn another(&self) -> Self {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tls(_) => panic!("a session has one owner"),
        }
        .expect("a second descriptor")
    }

    pub fn shutdown(&self, how: Shutdown) {
        // It fails on a connection that is gone already, which is as good.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
            Self::Tls(tls) => tls.tcp().shutdown(how),
        };
    }

    /// Says that nothing more comes, by the word of TLS where that is spoken, and goes on reading.
    pub fn end(&mut self) {
        match self {
            Self::Tls(tls) => tls.shutdown(Shutdown::Write),
            Self::Tcp(_) | Self::Unix(_) => (*self).shutdown(Shutdown::Write),
        }
    }

    /// Closes with RST in the place of FIN.
    pub fn reset(self) {
        if let Self::Tcp(stream) = &self {
            SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("linger can be set");
        }
    }

    pub fn peer_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
            Self::Tls(tls) => tls.tcp().peer_addr().ok(),
        }
    }

    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            Self::Unix(_) => None,
            Self::Tls(tls) => tls.tcp().local_addr().ok(),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(stream) => stream.read(buffer),
                Self::Unix(stream) => stream.read(buffer),
                Self::Tls(tls) => tls.read(buffer),
            };
            // A read with a time limit is interrupted when the test process was stopped for a
            // moment, whatever the signals are.
            if !read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
                return read;
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(tls) => tls.flush(),
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }
}
