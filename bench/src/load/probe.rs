//! One request with everything looked at, before a measurement: the load itself only counts bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};

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

/// The same through TLS.
pub(crate) fn fetch_tls(
    client: &Client,
    address: SocketAddrV4,
    path: &str,
) -> Result<Vec<u8>, Error> {
    let job = Job::new(address, path, 0, Life::OneRequest);
    Ok(client.exchange(address, &job.request)?.body)
}
