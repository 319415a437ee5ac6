//! One request with everything looked at, before a measurement: the load itself only counts bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use super::{ANSWER_TIME_MAX, Error, Job, Life, response};

/// The body that `path` answers with, by one request on a connection of its own.
pub(crate) fn fetch(address: SocketAddrV4, path: &str) -> Result<Vec<u8>, Error> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(address), CONNECT_TIME_MAX)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(&Job::new(address, path, 0, Life::OneRequest).request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = response::parse(&answer).map_err(Error::Response)?.ok_or(Error::ClosedEarly)?;
    if head.status != 200 {
        return Err(Error::Status(head.status));
    }
    let body = answer.split_off(head.head_bytes);
    if body.len() as u64 != head.body_bytes {
        return Err(Error::BodyBytes { expected: head.body_bytes, announced: body.len() as u64 });
    }
    Ok(body)
}

const CONNECT_TIME_MAX: Duration = Duration::from_millis(500);
