#![allow(clippy::disallowed_methods)] // tests open files

use std::io::{PipeReader, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::mpsc;

use super::*;

fn sink_to(file: File) -> Sink {
    Sink { file, path: None, torn: false, losses: Arc::default(), warned: None }
}

/// A pipe whose writing end never waits.
fn pipe() -> (PipeReader, Sink) {
    let (reader, writer) = io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let writer = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    (reader, sink_to(writer))
}

#[test]
fn a_line_that_was_torn_is_ended_before_the_next() {
    let (mut reader, mut sink) = pipe();
    let line = [&[b'x'; 999][..], b"\n"].concat();
    let lines = line.repeat(200);
    sink.write(&lines);
    let losses = (sink.losses.errors.value(), sink.losses.records.value());
    // A pipe of 64 KiB takes 65 whole lines and a part of the next.
    assert_eq!(losses, (1, 200 - 65));
    let mut taken = vec![0; 65_536];
    reader.read_exact(&mut taken).unwrap();
    assert!(!taken.ends_with(b"\n"), "nothing was torn: the test proves nothing");
    sink.write(b"next\n");
    drop(sink);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "\nnext\n");
}

#[test]
fn a_closed_pipe_is_counted_and_survived() {
    let (reader, mut sink) = pipe();
    drop(reader);
    sink.write(b"one\ntwo\n");
    sink.write(b"three\n");
    assert_eq!((sink.losses.errors.value(), sink.losses.records.value()), (2, 3));
}

#[test]
fn many_failures_are_one_warning() {
    let (sender, warnings) = mpsc::channel();
    let writer = move || Warnings(sender.clone());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut sink = sink_to(append_to(Path::new("/dev/full")).unwrap());
        for _ in 0..10 {
            sink.write(b"line\n");
        }
        assert_eq!(sink.losses.errors.value(), 10);
        sink.warned = Instant::now().checked_sub(Duration::from_secs(LOG_WARNING_SECONDS));
        sink.write(b"line\n");
    });
    let warnings: Vec<String> = warnings.try_iter().collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[1].contains("lost_records=11"), "{warnings:?}");
}

struct Warnings(mpsc::Sender<String>);

impl Write for Warnings {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
