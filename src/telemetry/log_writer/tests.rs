#![allow(clippy::disallowed_methods)] // tests read files

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::base::id::{LabelsId, WorkerId};
use crate::telemetry::access_log::{Record, Recorder, recorder, recorder_of};
use crate::telemetry::labels::Registry;
use crate::telemetry::shard::Shard;
use crate::telemetry::value::{Counter, HttpVersion, Reason};

const PATIENCE: Duration = Duration::from_secs(20);

fn record(path: &[u8]) -> Record<'_> {
    Record {
        unix_micros: 0,
        duration_nanos: 0,
        labels: LabelsId(0),
        reason: Reason::Upstream,
        source: None,
        endpoint: b"",
        method: b"GET",
        host: b"h",
        path,
        version: HttpVersion::Http11,
        status: 200,
        trace_id: b"",
        request_id: b"",
        error: b"",
        received_bytes: 0,
        sent_bytes: 0,
        identity: b"",
        subject: b"",
        upstream_status: 0,
        upstream_nanos: 0,
        retries: 0,
        gen_ai: None,
        fields: b"",
    }
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringway-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(path: &Path, rings: Vec<Consumer>) -> LogWriter {
    let target = Target::File(path.to_owned());
    LogWriter::start(rings, Registry::new().names(), &target, LineFormat::Text).unwrap()
}

fn paths_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let path = |line: &str| {
        let field = line.split(' ').find_map(|field| field.strip_prefix("http.path="));
        field.unwrap_or_else(|| panic!("a torn line: {line}")).to_owned()
    };
    text.lines().map(path).collect()
}

fn log(recorder: &Recorder, shard: &Shard, path: &str) {
    recorder.record(&record(path.as_bytes()), shard);
}

#[test]
fn every_ring_is_drained_and_nothing_lost() {
    let folder = Folder::new("drained");
    let file = folder.0.join("access.log");
    let (recorders, rings): (Vec<_>, Vec<_>) = (0..3).map(|_| recorder()).unzip();
    let writer = start(&file, rings);
    let workers = recorders.into_iter().enumerate().map(|(worker, recorder)| {
        std::thread::spawn(move || {
            let shard = Shard::new(WorkerId(worker as u32));
            for n in 0..5000 {
                log(&recorder, &shard, &format!("/{worker}/{n}"));
            }
            shard.counter(Counter::AccessRecordsDropped)
        })
    });
    let dropped: u64 = workers.map(|worker| worker.join().unwrap()).sum();
    assert!(writer.flush(PATIENCE));
    assert_eq!(paths_in(&file).len() as u64, 3 * 5000 - dropped);
    assert_eq!((writer.lost_records(), writer.errors()), (0, 0));
    assert!(writer.stop(PATIENCE));
    let of_first: Vec<_> = paths_in(&file).into_iter().filter(|p| p.starts_with("/0/")).collect();
    let numbers = of_first.iter().map(|path| path[3..].parse::<u32>().unwrap());
    assert!(numbers.is_sorted(), "the order of one worker is kept");
}

#[test]
fn records_are_written_without_being_told() {
    let folder = Folder::new("unasked");
    let file = folder.0.join("access.log");
    let (recorder, ring) = recorder();
    let _writer = start(&file, vec![ring]);
    log(&recorder, &Shard::new(WorkerId(0)), "/x");
    let deadline = Instant::now() + PATIENCE;
    while paths_in(&file) != ["/x"] {
        assert!(Instant::now() < deadline, "nothing was written");
        std::thread::yield_now();
    }
}

#[test]
fn a_stop_writes_what_waits() {
    let folder = Folder::new("stop");
    let file = folder.0.join("access.log");
    let (recorder, ring) = recorder();
    let writer = start(&file, vec![ring]);
    let shard = Shard::new(WorkerId(0));
    (0..100).for_each(|n| log(&recorder, &shard, &format!("/{n}")));
    assert!(writer.stop(PATIENCE));
    assert_eq!(paths_in(&file).len(), 100);
}

#[test]
fn a_writer_that_is_let_go_writes_what_waits() {
    let folder = Folder::new("let-go");
    let file = folder.0.join("access.log");
    let (recorder, ring) = recorder();
    let writer = start(&file, vec![ring]);
    log(&recorder, &Shard::new(WorkerId(0)), "/x");
    drop(writer);
    let deadline = Instant::now() + PATIENCE;
    while paths_in(&file) != ["/x"] {
        assert!(Instant::now() < deadline, "nothing was written");
        std::thread::yield_now();
    }
}

#[test]
fn a_rotated_file_is_let_go() {
    let folder = Folder::new("rotated");
    let (file, rotated) = (folder.0.join("access.log"), folder.0.join("access.log.1"));
    let (recorder, ring) = recorder();
    let shard = Shard::new(WorkerId(0));
    let writer = start(&file, vec![ring]);
    log(&recorder, &shard, "/before");
    assert!(writer.flush(PATIENCE));
    fs::rename(&file, &rotated).unwrap();
    log(&recorder, &shard, "/between");
    assert!(writer.flush(PATIENCE));
    assert!(writer.reopen());
    assert!(writer.flush(PATIENCE));
    log(&recorder, &shard, "/after");
    assert!(writer.stop(PATIENCE));
    assert_eq!(paths_in(&rotated), ["/before", "/between"]);
    assert_eq!(paths_in(&file), ["/after"]);
}

#[test]
fn a_file_that_cannot_be_reopened_is_kept() {
    let folder = Folder::new("kept");
    let inner = folder.0.join("inner");
    fs::create_dir(&inner).unwrap();
    let (recorder, ring) = recorder();
    let writer = start(&inner.join("access.log"), vec![ring]);
    let moved = folder.0.join("moved");
    fs::rename(&inner, &moved).unwrap();
    assert!(writer.reopen());
    assert!(writer.flush(PATIENCE));
    assert_eq!((writer.errors(), writer.lost_records()), (1, 0));
    log(&recorder, &Shard::new(WorkerId(0)), "/still");
    assert!(writer.stop(PATIENCE));
    assert_eq!(paths_in(&moved.join("access.log")), ["/still"]);
}

#[test]
fn a_full_disk_costs_records_and_no_more() {
    let (recorder, ring) = recorder();
    let writer = start(Path::new("/dev/full"), vec![ring]);
    let shard = Shard::new(WorkerId(0));
    for _ in 0..3 {
        (0..10).for_each(|_| log(&recorder, &shard, "/x"));
        assert!(writer.flush(PATIENCE));
    }
    assert_eq!(writer.lost_records(), 30);
    assert!(writer.errors() >= 3);
    assert!(writer.stop(PATIENCE));
}

#[test]
fn a_target_that_cannot_be_opened_is_an_error_at_the_start() {
    let names = Registry::new().names();
    let target = Target::File("/nonexistent/access.log".into());
    assert!(LogWriter::start(Vec::new(), names, &target, LineFormat::Text).is_err());
}

#[test]
fn a_reader_that_stops_reading_stops_no_worker_and_no_stop() {
    let (reader, pipe) = io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let (recorder, ring) = recorder_of(64 * 1024);
    let writer = start(Path::new(&path), vec![ring]);
    let shard = Shard::new(WorkerId(0));
    // More than the pipe, the ring and the writer's hands hold together.
    let path = "/".repeat(1000);
    let deadline = Instant::now() + PATIENCE;
    while shard.counter(Counter::AccessRecordsDropped) < 10 {
        log(&recorder, &shard, &path);
        assert!(Instant::now() < deadline, "the pipe never filled");
    }
    assert!(!writer.flush(Duration::from_millis(50)));
    assert!(!writer.stop(Duration::from_millis(50)));
    drop(reader);
}
