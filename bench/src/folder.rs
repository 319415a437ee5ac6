//! A folder for one run, in memory where there is a tmpfs, deleted when its owner goes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io, process};

pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn create() -> io::Result<Self> {
        let tmpfs = Path::new("/dev/shm");
        let parent = if tmpfs.is_dir() { tmpfs.to_owned() } else { env::temp_dir() };
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("ringway-bench-{}-{number}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be deleted stays; there is nobody left to tell.
        let _ = fs::remove_dir_all(&self.path);
    }
}

static CREATED: AtomicU32 = AtomicU32::new(0);
