//! A proxy and the processes that took its place: asked for, waited for, ended.

use std::path::PathBuf;
use std::time::Duration;

use super::proxy::{Proxy, executable, signal};
use super::{scratch, wait};

impl Proxy {
    /// `ringway upgrade`: the process that serves now, or why there is none.
    pub fn upgrade(&self, words: &[&str]) -> Result<u32, String> {
        let mut command = executable();
        command.arg("upgrade").arg("--upgrade-socket").arg(self.scratch().path(SOCKET));
        let output = command.args(words).output().expect("the executable runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.code() {
            Some(0) => {
                let said = text(&output.stdout);
                let pid = said.strip_prefix("process ").and_then(|rest| rest.split(' ').next());
                Ok(pid.and_then(|pid| pid.parse().ok()).expect("it says which process serves"))
            }
            Some(1) => Err(text(&output.stderr)),
            code => panic!("exit code {code:?}: {}", text(&output.stderr)),
        }
    }

    /// The words for a process like this one with another number of workers.
    pub fn words(&self, file: &str, workers: usize) -> Vec<String> {
        let path = |name: &str| self.scratch().path(name).display().to_string();
        let (file, socket, workers) = (path(file), path(SOCKET), workers.to_string());
        let words =
            ["--", "-f", &file, "--announce", "--workers", &workers, "--upgrade-socket", &socket];
        words.map(str::to_owned).to_vec()
    }

    /// All that were started to take its place, whatever came of them.
    pub fn successors(&self) -> Vec<u32> {
        let said = self.stderr();
        let named = said.split(" runs as process ").skip(1);
        named.filter_map(|rest| rest.split_whitespace().next()?.parse().ok()).collect()
    }

    /// Those of its processes that have not ended.
    pub fn alive(&self) -> Vec<u32> {
        let all = std::iter::once(self.pid()).chain(self.successors());
        all.filter(|pid| is_alive(*pid)).collect()
    }

    /// Until this process is the only one that is left.
    pub fn await_alone(&self, pid: u32) {
        wait::within(ENDED, "the old processes end", || (self.alive() == [pid]).then_some(()));
    }

    /// Until the new process stands still at this step.
    pub fn await_halt(&self, step: &str) -> u32 {
        let end = format!(" halts at `{step}`");
        wait::eventually(&format!("it halts at {step}"), || {
            let said = self.stderr();
            let line = said.lines().find(|line| line.ends_with(&end))?;
            let pid = line.strip_suffix(&end)?.rsplit(' ').next()?.parse().ok()?;
            (state(pid) == Some('T')).then_some(pid)
        })
    }
}

/// As the kernel calls it; none for one that is gone.
fn state(pid: u32) -> Option<char> {
    let stat = scratch::read(format!("/proc/{pid}/stat").as_ref());
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
}

/// One that has ended and is not reaped yet has.
pub fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|state| !"ZX".contains(state))
}

/// Ends those that still are what they were: a number may be another process's by now.
pub fn end_all(pids: &[u32], folder: PathBuf) {
    let folder = folder.display().to_string();
    for pid in pids {
        let line = scratch::read(format!("/proc/{pid}/cmdline").as_ref());
        if line.contains(&folder) && is_alive(*pid) {
            signal(*pid, "KILL");
        }
    }
}

pub const SOCKET: &str = "u.sock";
/// An old process drains for as long as its connections take.
const ENDED: Duration = Duration::from_secs(60);
