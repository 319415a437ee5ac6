//! How this process was started, so that another one can be started like it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command};

use crate::net::rights;

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

impl Launch {
    /// The path as it was written, where one was: it may be a link that another version is put
    /// behind. To be called before the file is replaced.
    pub fn of_this_process() -> Self {
        let mut words = std::env::args_os();
        let written = words.next().map(PathBuf::from);
        let written = written.filter(|path| path.components().count() > 1);
        let written = written.and_then(|path| std::path::absolute(path).ok());
        let program = written.or_else(|| std::env::current_exe().ok()).unwrap_or_default();
        Self { program, arguments: words.collect() }
    }

    /// The same, but for what is given.
    pub fn with(&self, program: Option<String>, arguments: Option<Vec<String>>) -> Self {
        let words = |words: Vec<String>| words.into_iter().map(OsString::from).collect();
        Self {
            program: program.map_or_else(|| self.program.clone(), PathBuf::from),
            arguments: arguments.map_or_else(|| self.arguments.clone(), words),
        }
    }

    /// Starts it, with `end` of a conversation with this process.
    pub fn start(&self, end: OwnedFd) -> io::Result<Child> {
        let fd = rights::leave_open(&end)?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env(SUCCEED, fd.to_string());
        // They are of this process alone.
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"] {
            command.env_remove(name);
        }
        command.spawn()
    }
}

/// The descriptor of the conversation that a process was started with.
pub(super) const SUCCEED: &str = "RINGWAY_SUCCEED_FD";
