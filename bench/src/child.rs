//! A child process that cannot outlive the comparison: it leads a process group of its own, which
//! is killed when its owner goes out of scope, for whatever reason; and should this process die
//! without unwinding, the kernel sends the child SIGTERM.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io;
use std::mem::zeroed;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::ptr;

use crate::affinity;

pub(crate) struct Child {
    process: std::process::Child,
    output: PathBuf,
    /// It has ended and has been collected.
    waited: bool,
}

impl Child {
    /// Starts `command` on `core` alone, its output in `<name>.log` below `folder`.
    pub(crate) fn spawn(
        mut command: Command,
        core: usize,
        folder: &Path,
        name: &str,
    ) -> io::Result<Self> {
        let output = folder.join(format!("{name}.log"));
        let log = File::create(&output)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        // SAFETY: between fork and exec only two system calls are made, without allocation.
        unsafe { command.pre_exec(move || prepare(core)) };
        Ok(Self { process: command.spawn()?, output, waited: false })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has. What it left behind in its group ends with it: from here on, the
    /// group's id may be given to others.
    pub(crate) fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        if !self.waited {
            if !self.has_ended()? {
                return Ok(None);
            }
            self.kill_group();
            self.waited = true;
        }
        self.process.try_wait()
    }

    /// Looks without collecting.
    fn has_ended(&self) -> io::Result<bool> {
        // SAFETY: all zeroes is a valid siginfo_t.
        let mut found: libc::siginfo_t = unsafe { zeroed() };
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: `found` is a whole siginfo_t, alive during the call.
        match unsafe { libc::waitid(libc::P_PID, self.process.id(), &raw mut found, flags) } {
            // SAFETY: the call fills in the process, or leaves the zero.
            0 => Ok(unsafe { found.si_pid() } != 0),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Only while the child has not been waited for: until then its id is its own.
    fn kill_group(&self) {
        debug_assert!(!self.waited, "the group may be somebody else's by now");
        // SAFETY: takes no pointers.
        unsafe { libc::kill(-self.group(), libc::SIGKILL) };
    }

    fn group(&self) -> libc::pid_t {
        libc::pid_t::try_from(self.process.id()).expect("the kernel gave out this id")
    }

    /// What it has written so far.
    pub(crate) fn words(&self) -> String {
        let text = fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The end of what it wrote, in one line, for a message.
    pub(crate) fn last_words(&self) -> String {
        let text = self.words();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join(" | ")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.waited {
            self.kill_group();
        }
        // All are killed, so that waiting ends; there is nobody to tell that it failed.
        let _ = self.process.wait();
        // What descended from it has become ours, if `adopt_orphans` was called.
        // SAFETY: a null status is allowed; the rest are numbers.
        while unsafe { libc::waitpid(-self.group(), ptr::null_mut(), 0) } > 0 {}
    }
}

/// Makes this process the parent of its children's orphans, so that killing a child leaves no
/// zombies of its children behind: not every init collects them.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    // SAFETY: takes no pointers.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1 as libc::c_ulong) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn prepare(core: usize) -> io::Result<()> {
    affinity::confine(core)?;
    // SAFETY: takes no pointers.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as libc::c_ulong) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

const LAST_LINES: usize = 3;

#[cfg(test)]
mod tests;
