//! A folder of a test's own, gone with it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Short: the path of a unix socket has 108 bytes at most.
        let path = std::env::temp_dir().join(format!("rw-{}-{count}", process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// As editors and Kubernetes do it: nobody ever sees half of the file.
    pub fn replace(&self, name: &str, text: &str) -> PathBuf {
        let (target, fresh) = (self.path(name), self.path("fresh.tmp"));
        fs::write(&fresh, text).expect("a file for the test");
        fs::rename(&fresh, &target).expect("the file takes its place");
        target
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
