//! One request with everything looked at, before a measurement: the load itself only counts bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};

use super::connection::LAST_CHUNK;
use super::tls::Client;
use super::{ANSWER_TIME_MAX, CONNECT_TIME_MAX, Error, Job, Life, response};

mod h2c;

pub(crate) use self::h2c::{call, fetch as fetch_h2c};

/// The body that `path` answers with, by one request on a connection of its own.
pub(crate) fn fetch(address: SocketAddrV4, path: &str) -> Result<Vec<u8>, Error> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(address), CONNECT_TIME_MAX)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(&Job::new(address, path, 0, Life::OneRequest).request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    response::whole(answer)
}

/// The head of an answer, and its body: of one in chunks, with these.
pub(super) fn ask(
    address: SocketAddrV4,
    request: &[u8],
) -> Result<(response::Head, Vec<u8>), Error> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(address), CONNECT_TIME_MAX)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = response::parse(&answer).map_err(Error::Response)?.ok_or(Error::ClosedEarly)?;
    let body = answer.split_off(head.head_bytes);
    let whole = if head.is_chunked {
        body.ends_with(LAST_CHUNK)
    } else {
        body.len() as u64 == head.body_bytes
    };
    match head.status {
        200 if whole => Ok((head, body)),
        200 => Err(Error::ClosedEarly),
        status => Err(Error::Status(status)),
    }
}

/// The same through TLS.
pub(crate) fn fetch_tls(
    client: &Client,
    address: SocketAddrV4,
    path: &str,
) -> Result<Vec<u8>, Error> {
    let job = Job::new(address, path, 0, Life::OneRequest);
    Ok(client.exchange(address, &job.request)?.body)
}
