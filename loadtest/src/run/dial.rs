//! Opens connections: TCP, then TLS where the place has it. Each has a deadline and its time taken.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

use monoio::net::TcpStream;
use rustls::ClientConnection;
use socket2::{Domain, Protocol, Socket, Type};

use super::core::Core;
use super::site::Place;
use super::stream::{Stream, Tls, Wire};
use super::watch::SlotId;
use crate::outcome::{Fault, record};

/// A connection to the place, ready to be used.
pub(super) async fn dial(core: &Core, slot: SlotId, place: &Place) -> Result<Stream, Fault> {
    let _permit = core.may_dial().await;
    let begun = Instant::now();
    let deadline = begun + core.site.plan.connect_timeout;
    let connected = connect(core, slot, place, deadline).await;
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) => {
            let late = core.watch.disarm(slot);
            return Err(if late { Fault::ConnectTimeout } else { Fault::connect(&error) });
        }
    };
    {
        let mut book = core.book.borrow_mut();
        book.connections_opened += 1;
        record(&mut book.connect, begun.elapsed());
    }
    let Some(name) = &place.server_name else {
        core.watch.disarm(slot);
        return Ok(Stream::Plain(Wire::new(stream)));
    };
    let config = core.site.tls.as_ref().expect("a place with a name for TLS has it configured");
    let begun = Instant::now();
    let session = ClientConnection::new(Arc::clone(config), name.clone());
    let session = session.map_err(|error| Fault::tls(&error))?;
    let shaken = Tls::shake_hands(Wire::new(stream), session).await;
    let late = core.watch.disarm(slot);
    let tls =
        shaken.map_err(|error| if late { Fault::ConnectTimeout } else { tls_fault(&error) })?;
    let mut book = core.book.borrow_mut();
    record(&mut book.tls, begun.elapsed());
    book.tls_resumed += u64::from(tls.resumed());
    Ok(Stream::Tls(Box::new(tls)))
}

/// An open socket, with the deadline still armed.
async fn connect(
    core: &Core,
    slot: SlotId,
    place: &Place,
    deadline: Instant,
) -> io::Result<TcpStream> {
    let domain = Domain::for_address(place.address);
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    let waits = match socket.connect(&place.address.into()) {
        Ok(()) => false,
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => true,
        Err(error) => return Err(error),
    };
    let fd: RawFd = socket.as_raw_fd();
    let stream = TcpStream::from_std(socket.into())?;
    core.watch.arm(slot, fd, deadline);
    if waits {
        stream.writable(false).await?;
        crate::os::socket_error(fd)?;
    }
    Ok(stream)
}

fn tls_fault(error: &io::Error) -> Fault {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(reason) => Fault::tls(reason),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Fault::tls(&"closed during the handshake")
        }
        None => Fault::tls(error),
    }
}
