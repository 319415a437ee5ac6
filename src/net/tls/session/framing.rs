//! Where one record ends and the next begins, RFC 8446 section 5.1. Owns no state; knows nothing
//! of what is in a record.

use super::super::parameters::Version;
use crate::limits::{TLS_PLAIN_BYTES_MAX, TLS_RECORD_BYTES_MAX};

const HEAD_BYTES: usize = 5;
/// The shortest tag of a suite in use.
const TAG_BYTES: usize = 16;

/// What stands at the front of some ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A record of so many bytes, its head included.
    Whole(usize),
    /// At least so many bytes are missing.
    Partial(usize),
    Garbage,
}

pub(super) fn next(input: &[u8]) -> Record {
    // The first bytes tell plain text from TLS, before a length is believed.
    let garbage = input.first().is_some_and(|kind| !matches!(kind, 20..=24))
        || input.get(1).is_some_and(|&major| major != 3);
    if garbage {
        return Record::Garbage;
    }
    let [_, _, _, high, low, body @ ..] = input else {
        return Record::Partial(HEAD_BYTES - input.len());
    };
    let bytes = usize::from(u16::from_be_bytes([*high, *low]));
    if HEAD_BYTES + bytes > TLS_RECORD_BYTES_MAX {
        Record::Garbage
    } else if body.len() < bytes {
        Record::Partial(bytes - body.len())
    } else {
        Record::Whole(HEAD_BYTES + bytes)
    }
}

/// The plaintext that a record of so many bytes can have at most.
pub(super) fn plain_bytes_max(wire_bytes: usize, version: Version) -> usize {
    let inner_type = usize::from(version == Version::Tls13);
    wire_bytes.saturating_sub(HEAD_BYTES + TAG_BYTES + inner_type).min(TLS_PLAIN_BYTES_MAX)
}
