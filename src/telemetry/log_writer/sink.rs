//! Where lines end up. What cannot be written is dropped and counted, with a warning a minute at
//! the most; a line that was torn by a failure is ended before the next.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits::{LOG_BLOCK_BYTES, LOG_WARNING_SECONDS};
use crate::telemetry::log_writer::{Losses, Target};

pub(super) struct Sink {
    file: File,
    /// To open it anew; `None` for what has no name.
    path: Option<PathBuf>,
    /// Whether a failure left a line without its end.
    torn: bool,
    losses: Arc<Losses>,
    warned: Option<Instant>,
}

impl Sink {
    pub(super) fn open(target: &Target, losses: Arc<Losses>) -> io::Result<Self> {
        let (file, path) = match target {
            // A descriptor of our own: the library's stdout searches each block for line ends.
            Target::Stdout => (File::from(io::stdout().as_fd().try_clone_to_owned()?), None),
            Target::File(path) => (append_to(path)?, Some(path.clone())),
        };
        Ok(Self { file, path, torn: false, losses, warned: None })
    }

    /// Opens the file under its name; keeps the old one when that fails.
    pub(super) fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append_to(path) {
            Ok(file) => {
                self.file = file;
                self.torn = false;
            }
            Err(error) => self.failed(&error, "the access log cannot be reopened", 0),
        }
    }

    /// Writes whole lines, in blocks.
    pub(super) fn write(&mut self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        if let Err((error, rest)) = self.end_torn_line(lines).and_then(|()| self.write_all(lines)) {
            // Each line has one line end, also one that was written in part.
            let lost = rest.iter().filter(|byte| **byte == b'\n').count();
            self.failed(&error, "the access log cannot be written", lost as u64);
        }
    }

    fn end_torn_line<'a>(&mut self, lines: &'a [u8]) -> Result<(), (io::Error, &'a [u8])> {
        if self.torn {
            self.write_all(b"\n").map_err(|(error, _)| (error, lines))?;
        }
        Ok(())
    }

    /// On an error, also what is not written.
    fn write_all<'a>(&mut self, bytes: &'a [u8]) -> Result<(), (io::Error, &'a [u8])> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let block = &rest[..rest.len().min(LOG_BLOCK_BYTES)];
            let written = self.write_some(block).map_err(|error| (error, rest))?;
            self.torn = block[written - 1] != b'\n';
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Writes at least one byte. Somebody may have made the pipe non-blocking that we share: then
    /// its reader has a moment to catch up.
    fn write_some(&mut self, block: &[u8]) -> io::Result<usize> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.file.write(block) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline =>
                {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                outcome => return outcome,
            }
        }
    }

    fn failed(&mut self, error: &io::Error, what: &str, lost_records: u64) {
        self.losses.errors.add(1);
        self.losses.records.add(lost_records);
        let silence = Duration::from_secs(LOG_WARNING_SECONDS);
        if self.warned.is_none_or(|warned| warned.elapsed() >= silence) {
            self.warned = Some(Instant::now());
            let lost_in_all = self.losses.records.value();
            tracing::warn!(%error, lost_records = lost_in_all, "{what}");
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// With a pipe that does not take a byte.
const PATIENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
