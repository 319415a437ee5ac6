//! One connection of the load: a request out, its response in, step by step as the socket allows.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

use super::poll::Interest;
use super::{Error, Job, Life, response, socket};

pub(super) struct Connection {
    stream: TcpStream,
    stage: Stage,
    /// A head that came in pieces; empty, and without memory, as a rule.
    partial: Vec<u8>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waits(Interest),
    /// The response is complete; of a one-request connection, so is the close.
    Done,
}

enum Stage {
    Resting,
    Sending {
        sent_bytes: usize,
    },
    Head,
    Body {
        left_bytes: u64,
    },
    /// The last bytes that came of a body in chunks.
    Chunks {
        tail: [u8; LAST_CHUNK.len()],
    },
    Closing,
}

impl Connection {
    pub(super) fn open(job: &Job) -> io::Result<Self> {
        let stream = socket::connect(job.address)?;
        Ok(Self { stream, stage: Stage::Resting, partial: Vec::new() })
    }

    pub(super) fn busy(&self) -> bool {
        !matches!(self.stage, Stage::Resting)
    }

    pub(super) fn begin(&mut self, job: &Job) -> Result<Progress, Error> {
        debug_assert!(!self.busy(), "a connection carries one exchange at a time");
        self.send(job, 0)
    }

    /// Called when the socket is ready. `scratch` is memory to read into, shared by all.
    pub(super) fn advance(&mut self, job: &Job, scratch: &mut [u8]) -> Result<Progress, Error> {
        match self.stage {
            Stage::Resting => self.read_unasked(scratch),
            Stage::Sending { sent_bytes } => self.send(job, sent_bytes),
            Stage::Head => self.read_head(job, scratch),
            Stage::Body { left_bytes } => self.read_body(job, left_bytes, scratch),
            Stage::Chunks { tail } => self.read_chunks(tail, scratch),
            Stage::Closing => self.read_end(scratch),
        }
    }

    fn send(&mut self, job: &Job, sent_bytes: usize) -> Result<Progress, Error> {
        let rest = &job.request[sent_bytes..];
        let sent_bytes = sent_bytes + ready(self.stream.write(rest))?.unwrap_or(0);
        if sent_bytes < job.request.len() {
            self.stage = Stage::Sending { sent_bytes };
            return Ok(Progress::Waits(Interest::Write));
        }
        self.stage = Stage::Head;
        Ok(Progress::Waits(Interest::Read))
    }

    fn read_head(&mut self, job: &Job, scratch: &mut [u8]) -> Result<Progress, Error> {
        let read_bytes = match ready(self.stream.read(scratch))? {
            None => return Ok(Progress::Waits(Interest::Read)),
            Some(0) => return Err(Error::ClosedEarly),
            Some(read_bytes) => read_bytes,
        };
        let mut input = &scratch[..read_bytes];
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(input);
            input = &self.partial;
        }
        let Some(head) = response::parse(input).map_err(Error::Response)? else {
            if self.partial.is_empty() {
                self.partial.extend_from_slice(&scratch[..read_bytes]);
            }
            return Ok(Progress::Waits(Interest::Read));
        };
        if head.status != 200 {
            return Err(Error::Status(head.status));
        }
        if head.is_chunked && job.is_chunked {
            let tail = tail_of([0; LAST_CHUNK.len()], &input[head.head_bytes..]);
            self.partial = Vec::new();
            return Ok(self.after_chunks(tail));
        }
        if head.is_chunked || head.body_bytes != job.body_bytes {
            let (expected, announced) = (job.body_bytes, head.body_bytes);
            return Err(Error::BodyBytes { expected, announced });
        }
        let body_bytes = (input.len() - head.head_bytes) as u64;
        let left_bytes = head.body_bytes.checked_sub(body_bytes).ok_or(Error::Excess)?;
        self.partial = Vec::new();
        self.after_body_bytes(job, left_bytes, scratch)
    }

    fn read_body(&mut self, job: &Job, left: u64, scratch: &mut [u8]) -> Result<Progress, Error> {
        let wanted = scratch.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match ready(socket::discard(&self.stream, &mut scratch[..wanted]))? {
            None => Ok(Progress::Waits(Interest::Read)),
            Some(0) => Err(Error::ClosedEarly),
            Some(read_bytes) => self.after_body_bytes(job, left - read_bytes as u64, scratch),
        }
    }

    fn read_chunks(
        &mut self,
        tail: [u8; LAST_CHUNK.len()],
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        match ready(self.stream.read(scratch))? {
            None => Ok(Progress::Waits(Interest::Read)),
            Some(0) => Err(Error::ClosedEarly),
            Some(read_bytes) => Ok(self.after_chunks(tail_of(tail, &scratch[..read_bytes]))),
        }
    }

    /// A chunk that ends like the last one is not the load's to be asked for.
    fn after_chunks(&mut self, tail: [u8; LAST_CHUNK.len()]) -> Progress {
        if &tail[..] == LAST_CHUNK {
            self.stage = Stage::Resting;
            return Progress::Done;
        }
        self.stage = Stage::Chunks { tail };
        Progress::Waits(Interest::Read)
    }

    fn after_body_bytes(
        &mut self,
        job: &Job,
        left_bytes: u64,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        if left_bytes > 0 {
            self.stage = Stage::Body { left_bytes };
            return Ok(Progress::Waits(Interest::Read));
        }
        match job.life {
            Life::KeptAlive => {
                self.stage = Stage::Resting;
                Ok(Progress::Done)
            }
            Life::OneRequest => {
                self.stage = Stage::Closing;
                self.read_end(scratch)
            }
        }
    }

    fn read_end(&mut self, scratch: &mut [u8]) -> Result<Progress, Error> {
        match ready(self.stream.read(scratch))? {
            None => Ok(Progress::Waits(Interest::Read)),
            Some(0) => {
                self.stage = Stage::Resting;
                Ok(Progress::Done)
            }
            Some(_) => Err(Error::Excess),
        }
    }

    fn read_unasked(&mut self, scratch: &mut [u8]) -> Result<Progress, Error> {
        match ready(self.stream.read(scratch))? {
            None => Ok(Progress::Waits(Interest::Read)),
            Some(0) => Err(Error::ClosedWhileIdle),
            Some(_) => Err(Error::Excess),
        }
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

/// What comes behind the last chunk of a body without trailers.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The last bytes of what came, and of what came before it.
fn tail_of(mut tail: [u8; LAST_CHUNK.len()], came: &[u8]) -> [u8; LAST_CHUNK.len()] {
    let new = &came[came.len().saturating_sub(tail.len())..];
    tail.rotate_left(new.len());
    let old = tail.len() - new.len();
    tail[old..].copy_from_slice(new);
    tail
}

/// `None` when the socket would block.
fn ready(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
