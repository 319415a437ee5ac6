//! The state that goes over with `Go`: a file of memory, as the message's only descriptor. It begins
//! with the time at which it was written; the rest is the product's. A process that gets none, or
//! does not understand it, begins anew.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::message::Message;
use crate::control::Control;
use crate::control::wiring::Wiring;
use crate::limits::HANDED_BYTES_MAX;
use crate::net::rights;

impl<W: Wiring> Control<W> {
    /// The old process: the new one may accept, and knows what this one knew at this moment.
    pub(super) fn let_go(&self) -> io::Result<()> {
        let Some(handover) = &self.restart.handover else { return Ok(()) };
        let state = self.publisher.current().map(|snapshot| self.wiring.state(snapshot));
        let state = state.filter(|state| !state.is_empty());
        let file = state.map(|state| rights::file_of(&dated(SystemTime::now(), &state)));
        match file.transpose() {
            Ok(Some(file)) => handover.channel.send_with(&Message::Go, &[file.as_fd()]),
            Ok(None) => handover.channel.send(&Message::Go),
            Err(error) => {
                tracing::error!("the state is not handed over, its limits begin anew: {error}");
                handover.channel.send(&Message::Go)
            }
        }
    }

    /// The new process, before its workers serve.
    pub(super) fn take_state(&self, files: Vec<OwnedFd>) {
        let (Some(file), Some(snapshot)) =
            (files.into_iter().next(), self.publisher.prepared_snapshot())
        else {
            return;
        };
        let read = rights::bytes_of(file, HANDED_BYTES_MAX).map_err(|error| error.to_string());
        let taken = read.and_then(|bytes| {
            let (age, state) = undated(SystemTime::now(), &bytes).ok_or("it has no date")?;
            self.wiring.restore(snapshot, state, age)
        });
        match taken {
            Ok(()) => tracing::info!("the state of the old process is taken over"),
            Err(why) => {
                tracing::warn!(
                    "the old process' state is not taken over, limits begin anew: {why}"
                );
            }
        }
    }
}

fn dated(now: SystemTime, state: &[u8]) -> Vec<u8> {
    let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let mut bytes = u64::try_from(micros).unwrap_or(u64::MAX).to_le_bytes().to_vec();
    bytes.extend_from_slice(state);
    bytes
}

/// A clock that was set back in between makes it no older than it is.
fn undated(now: SystemTime, bytes: &[u8]) -> Option<(Duration, &[u8])> {
    let (date, state) = bytes.split_first_chunk::<8>()?;
    let written = UNIX_EPOCH.checked_add(Duration::from_micros(u64::from_le_bytes(*date)))?;
    Some((now.duration_since(written).unwrap_or_default(), state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_a_date() {
        let then = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        let later = then + Duration::from_millis(7);
        let bytes = dated(then, b"state");
        assert_eq!(undated(later, &bytes), Some((Duration::from_millis(7), &b"state"[..])));
        let earlier = then - Duration::from_secs(3600);
        assert_eq!(undated(earlier, &bytes), Some((Duration::ZERO, &b"state"[..])));
        assert_eq!(undated(later, b"short"), None);
        let never = u64::MAX.to_le_bytes();
        assert_eq!(undated(later, &never), Some((Duration::ZERO, &b""[..])));
    }
}
