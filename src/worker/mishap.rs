//! For tests: a worker that panics, or stalls, when a file appears. Where `RINGWAY_TEST_MISHAPS` names
//! no folder, which is read once, nothing is looked for.
#![expect(clippy::disallowed_methods, reason = "to stall is what is asked for")]

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::Worker;
use crate::base::id::WorkerId;

pub(super) struct Mishaps {
    folder: Option<PathBuf>,
    worker: WorkerId,
}

impl Mishaps {
    pub(super) fn of(worker: WorkerId) -> Self {
        Self { folder: std::env::var_os("RINGWAY_TEST_MISHAPS").map(PathBuf::from), worker }
    }

    /// `stall-N` stalls worker N for as long as it is there, `task-N` makes a task of it panic, and
    /// `panic-N` its ticker, of which the worker dies. The last two are removed.
    pub(super) fn look(&self, worker: &Rc<Worker>) {
        let Some(folder) = &self.folder else { return };
        let file = |what: &str| folder.join(format!("{what}-{}", self.worker.0));
        while file("stall").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if std::fs::remove_file(file("task")).is_ok() {
            worker.spawn(async { panic!("as a test wishes") });
        }
        assert!(std::fs::remove_file(file("panic")).is_err(), "as a test wishes");
    }
}
