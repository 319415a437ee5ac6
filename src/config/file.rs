//! Paths to certificates, keys and roots. A file is opened long after its path was read, so a path
//! remembers where it stands: what is wrong with the file is told there. Opens nothing itself.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::diagnostic::Problem;
use super::reader::{Cursor, Mark};
use super::scalar;

/// Two are equal if they lead to the same file, wherever they stand.
#[derive(Clone)]
pub struct FilePath {
    path: PathBuf,
    mark: Mark,
}

impl FilePath {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let file = Self { path: scalar::read_path(cursor)?, mark: cursor.mark() };
        cursor.session().note(|ledger| ledger.files.push(file.path.clone()));
        Some(file)
    }

    /// One that stands nowhere.
    #[cfg(test)]
    pub(crate) fn unplaced(path: &str) -> Self {
        let mark = Mark { path: String::new(), place: super::Place::CommandLine };
        Self { path: path.into(), mark }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with the file, as a problem of the key that names it.
    pub fn problem(&self, message: String) -> Problem {
        Problem { place: self.mark.place, path: self.mark.path.clone(), message, hint: None }
    }
}

impl PartialEq for FilePath {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for FilePath {}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

impl Serialize for FilePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.path.serialize(serializer)
    }
}

/// How a configuration was written. It is no part of what it says: all are equal.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The name of the text in messages.
    pub origin: String,
    /// The files that the configuration is to be compiled with: certificates, keys, roots. A file
    /// that is named twice is in it twice.
    pub files: Vec<PathBuf>,
}

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
