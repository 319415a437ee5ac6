//! Notices that a configuration file, or a file that it names, changed.
//!
//! What is watched are folders, not the file: an editor replaces a file by renaming another one
//! over it, and a Kubernetes ConfigMap swaps a symbolic link some levels up. So every folder in
//! which a component of the path is a link, on the way to the file, is watched as well as the
//! folder the file is in. Events are collected until it is quiet: a write is many of them.
//!
//! That something happened in those folders does not mean that the text is another one: whoever
//! reads it compares. Owned by the control loop; the watching thread only knocks.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::limits::{FILE_BUSY_MS_MAX, FILE_QUIET_MS, SYMLINKS_MAX};

#[derive(Debug)]
pub struct FileWatch {
    /// Of the configuration, unless it is no file.
    own: Option<PathBuf>,
    /// Those that the configuration names.
    files: Vec<PathBuf>,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    knocks: mpsc::Receiver<()>,
    /// Since when something is going on, and when it was last noticed.
    busy: Option<(Instant, Instant)>,
}

impl FileWatch {
    pub fn new(own: Option<&Path>) -> notify::Result<Self> {
        // Room for one: a knock says that something happened, not how often.
        let (knock, knocks) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| changes(event.kind)) {
                // A full channel has a knock in it already; a closed one has no reader.
                let _ = knock.try_send(());
            }
        })?;
        let own = own.map(std::path::absolute).transpose()?;
        let (files, watched) = (Vec::new(), BTreeSet::new());
        let mut watch = Self { own, files, watcher, watched, knocks, busy: None };
        watch.follow()?;
        Ok(watch)
    }

    /// In place of the files that were named before.
    pub fn also(&mut self, files: &[PathBuf]) -> notify::Result<()> {
        self.files = files.iter().map(std::path::absolute).collect::<Result<_, _>>()?;
        self.follow()
    }

    /// Something changed, and it is quiet again. Nothing is lost when this is dropped before it is
    /// ready.
    pub async fn changed(&mut self) {
        loop {
            let Some((since, last)) = self.busy else {
                knock(&mut self.knocks).await;
                let now = Instant::now();
                self.busy = Some((now, now));
                continue;
            };
            let quiet = (last + QUIET).min(since + BUSY_MAX);
            tokio::select! {
                biased;
                () = sleep_until(quiet) => {
                    self.busy = None;
                    // A swapped link leads elsewhere now. What cannot be watched may be there
                    // again at the next change of what can.
                    let _ = self.follow();
                    return;
                }
                () = knock(&mut self.knocks) => self.busy = Some((since, Instant::now())),
            }
        }
    }

    fn follow(&mut self) -> notify::Result<()> {
        let paths = self.own.iter().chain(&self.files);
        let wanted: BTreeSet<_> = paths.flat_map(|path| folders(path)).collect();
        let mut failed = None;
        for folder in self.watched.difference(&wanted) {
            // A folder that was deleted is not watched any more: that is no failure.
            let _ = self.watcher.unwatch(folder);
        }
        self.watched.retain(|folder| wanted.contains(folder));
        for folder in wanted {
            // Again even when it is watched: it may be another folder of the same name.
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.watched.insert(folder)),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if self.watched.is_empty() => Err(error),
            _ => Ok(()),
        }
    }
}

async fn knock(knocks: &mut mpsc::Receiver<()>) {
    if knocks.recv().await.is_none() {
        // The watching thread is gone; there is SIGHUP.
        std::future::pending::<()>().await;
    }
}

/// Reading a file is an event too, and reading is what follows an event.
fn changes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// The folders whose entries decide what `path` leads to, without links in them.
fn folders(path: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut links = 0;
    let mut folder = PathBuf::from("/");
    let mut rest: VecDeque<OsString> = parts(path);
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            folder.pop();
            continue;
        }
        let place = folder.join(&part);
        if let Ok(target) = fs::read_link(&place) {
            found.insert(folder.clone());
            links += 1;
            if links > SYMLINKS_MAX {
                break;
            }
            if target.is_absolute() {
                folder = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                rest.push_front(part);
            }
        } else if rest.is_empty() {
            found.insert(folder.clone());
        } else {
            folder = place;
        }
    }
    found
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

const QUIET: Duration = Duration::from_millis(FILE_QUIET_MS);
const BUSY_MAX: Duration = Duration::from_millis(FILE_BUSY_MS_MAX);

#[cfg(test)]
mod tests;
