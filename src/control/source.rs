//! Where configuration comes from. A source gives text; what it means is `config`'s.
//!
//! Refuses to judge: a text that cannot be used is the control loop's to report. Another kind of
//! source (xDS) is another variant.

#![expect(clippy::disallowed_methods, reason = "reads the disk, on the control thread")]

pub mod file;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::limits::CONFIG_FILE_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Watched, and read again on SIGHUP.
    File(PathBuf),
    /// Text of the command line or of the program itself: it never changes.
    Fixed(Text),
}

/// A configuration as it was written, and the name to use for it in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub origin: String,
}

impl Source {
    pub fn read(&self) -> Result<Text, String> {
        match self {
            Self::Fixed(text) => Ok(text.clone()),
            Self::File(path) => match read(path) {
                Ok(text) => Ok(Text { text, origin: self.origin() }),
                Err(why) => Err(format!("cannot read {}: {why}", path.display())),
            },
        }
    }

    /// What to call it in messages.
    pub fn origin(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Fixed(text) => text.origin.clone(),
        }
    }

    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Fixed(_) => None,
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(CONFIG_FILE_BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Err(error) => Err(error.to_string()),
        Ok(bytes) if bytes as u64 > CONFIG_FILE_BYTES_MAX => {
            Err(format!("larger than {CONFIG_FILE_BYTES_MAX} bytes"))
        }
        Ok(_) => Ok(text),
    }
}
