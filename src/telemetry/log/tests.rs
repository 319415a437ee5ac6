use std::io::Write;
use std::sync::mpsc;

use super::*;

#[derive(Clone)]
struct Lines(mpsc::Sender<Vec<u8>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `emit` logs under `filter`, after `change`.
fn logged(filter: &str, format: LogFormat, change: &[&str], emit: fn()) -> Vec<String> {
    let (sender, lines) = mpsc::channel();
    let (layer, log) = layer(filter, format, move || Lines(sender.clone())).unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        for directives in change {
            log.set(directives).unwrap();
        }
        emit();
    });
    drop(log);
    lines.try_iter().map(|line| String::from_utf8(line).unwrap()).collect()
}

fn three() {
    tracing::error!(target: "ringway::net", "net error");
    tracing::info!(target: "ringway::net", "net info");
    tracing::debug!(target: "ringway::control", version = 3, "control debug");
}

#[test]
fn the_filter_can_be_changed_while_it_runs() {
    let count = |filter, change: &[&str]| logged(filter, LogFormat::Text, change, three).len();
    assert_eq!(count("info", &[]), 2);
    assert_eq!(count("info", &["error"]), 1);
    assert_eq!(count("info", &["debug"]), 3);
    assert_eq!(count("info", &["ringway::control=debug"]), 3);
    assert_eq!(count("info", &["ringway::net=off"]), 0);
    assert_eq!(count("info", &["ringway::net=off", "ringway::net=error"]), 1);
    assert_eq!(count("info", &["ringway::net=off", "info"]), 2);
    assert_eq!(count("off", &[]), 0);
}

#[test]
fn json_has_one_object_a_line() {
    let lines = logged("debug", LogFormat::Json, &[], three);
    let last: serde_json::Value = serde_json::from_str(&lines[2]).unwrap();
    assert_eq!(last["message"], "control debug");
    assert_eq!(last["version"], 3);
    assert_eq!(last["level"], "DEBUG");
    assert_eq!(last["target"], "ringway::control");
}

#[test]
fn a_bad_filter_is_refused_and_changes_nothing() {
    let (_layer, log) = layer("warn", LogFormat::Text, io::stderr).unwrap();
    for bad in ["", "inof", "ringway=loud", "ringway::net", "a=b=c", "info,nonsense"] {
        assert_eq!(log.set(bad), Err(LogError::BadFilter(bad.to_owned())), "{bad}");
    }
    assert_eq!(log.filter(), "warn");
    assert!(layer("inof", LogFormat::Text, io::stderr).is_err());
}

#[test]
fn a_process_has_one_log() {
    let log = start("off", LogFormat::Text).unwrap();
    assert_eq!(log.filter(), "off");
    assert!(matches!(start("info", LogFormat::Json), Err(LogError::Started)));
}
