//! The keys of session tickets. A ticket carries the client's certificate, and who resumes with it
//! is not verified again: so keys are shared by the listeners that verify clients in the same way,
//! and by no others (nginx' CVE-2025-23419 was one key for all).
//!
//! Every worker uses the same keys, because the next connection of a client lands on any of them.
//! They rotate by themselves every six hours, and what they sealed opens for as long again. One
//! ticket for each handshake: who resumes gets the next one, and sealing a second for those few
//! that open several connections at once costs every handshake.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;

use super::certificate::SettingsError;
use super::verify::ClientAuthentication;
use crate::limits::TLS_TICKET_POLICIES_MAX;

/// Owned by control, and outlives the snapshots: a reload must not cost every client a full
/// handshake.
#[derive(Default)]
pub struct TicketKeys {
    /// The one used last is at the end.
    kept: Vec<(ClientAuthentication, Arc<dyn ProducesTickets>)>,
}

impl TicketKeys {
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of all listeners that verify clients like this.
    pub(super) fn shared(
        &mut self,
        policy: &ClientAuthentication,
    ) -> Result<Arc<dyn ProducesTickets>, SettingsError> {
        let kept = self.kept.iter().position(|(known, _)| known == policy);
        let entry = match kept {
            Some(at) => self.kept.remove(at),
            None => (policy.clone(), Ticketer::new()?),
        };
        let keys = Arc::clone(&entry.1);
        if self.kept.len() == TLS_TICKET_POLICIES_MAX {
            self.kept.remove(0);
        }
        self.kept.push(entry);
        Ok(keys)
    }
}
