//! Streams that have begun and go on after a long while: what does one cost in memory?

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{ANSWER_TIME_MAX, CONNECT_TIME_MAX, Error, Job};

pub(crate) struct Streams {
    _held: Vec<TcpStream>,
}

impl Streams {
    /// Opens `count` of them, one after the other, each up to the first event of its answer.
    pub(crate) fn open(job: &Job, count: usize) -> Result<Self, Error> {
        let held = (0..count).map(|_| begin(job)).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { _held: held })
    }
}

fn begin(job: &Job) -> Result<TcpStream, Error> {
    let address = SocketAddr::V4(job.address);
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIME_MAX)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(&job.request)?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part)? {
            0 => return Err(Error::ClosedEarly),
            count => answer.extend_from_slice(&part[..count]),
        }
        if answer.windows(EVENT_END.len()).any(|window| window == EVENT_END) {
            return Ok(stream);
        }
    }
}

const EVENT_END: &[u8] = b"}\n\n";
