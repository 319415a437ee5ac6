//! Certificates, keys and roots, as files: read when a configuration is loaded, beside the loop,
//! and again when one of them changes. Refuses to judge what is in them: that is compiled.
//!
//! The loop owns what was read last, whether it could be used or not, to see that it changed.

#![expect(clippy::disallowed_methods, reason = "reads the disk, off the workers")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits::TLS_PEM_BYTES_MAX;

/// By path, what a file holds or why it cannot be read.
pub type Files = BTreeMap<PathBuf, Result<Arc<[u8]>, String>>;

/// Waits for the disk.
pub fn read(paths: Vec<PathBuf>) -> Files {
    let read = |path: PathBuf| {
        let bytes = read_one(&path);
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// Whether one of them reads otherwise by now. Waits for the disk.
pub fn changed(files: &Files) -> bool {
    files.iter().any(|(path, known)| read_one(path) != *known)
}

fn read_one(path: &Path) -> Result<Arc<[u8]>, String> {
    let text = |error: std::io::Error| error.to_string();
    // To open a pipe is to wait for who writes into it.
    if !fs::metadata(path).map_err(text)?.is_file() {
        return Err("not a file".to_owned());
    }
    // One byte more tells whoever looks into it that it is too much.
    let most = TLS_PEM_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    File::open(path).map_err(text)?.take(most).read_to_end(&mut bytes).map_err(text)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
