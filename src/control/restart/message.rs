//! What processes of ours say to each other over the upgrade socket: one JSON object a message.
//!
//! `Hello` and `Upgrade` begin with the version of the protocol, and every version has `Refused`:
//! so that two that do not understand each other can say so, and nothing happens.

use serde::{Deserialize, Serialize};

use crate::control::inherit::Key;

/// Raised when a message changes its meaning, or another one has to be waited for.
pub(super) const PROTOCOL: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "camelCase")]
pub enum Message {
    // From the successor.
    /// The first thing said: it wants the sockets.
    Hello { protocol: u32, version: String },
    /// And the next of them.
    More,
    /// Its workers have everything, and accept when told to.
    Ready,
    /// It serves, with these sockets of those it was given.
    Serving { kept: Vec<Key> },
    /// It will not come up.
    Failed { why: String },

    // From the predecessor.
    /// What each descriptor of this message is for; the next ones follow on `More`.
    Sockets { protocol: u32, of: Vec<Key>, more: bool },
    /// Accept. With a descriptor, where there is a state to go on with.
    Go,
    /// It drains: all is the successor's. What was asked of it meanwhile is to be done by that.
    Leaving { reload: bool, stop: bool },
    /// Nothing comes of it: the one who says so goes on.
    Refused { why: String },

    // Between `ringway upgrade` and the process.
    /// Start a new process, of another program or with other arguments where they are given.
    Upgrade { protocol: u32, program: Option<String>, arguments: Option<Vec<String>> },
    /// The new process serves, the old one drains.
    Upgraded { from: u32, to: u32 },
}

impl Message {
    pub fn hello() -> Self {
        Self::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }

    /// The version of the one who opens a conversation.
    pub const fn protocol(&self) -> Option<u32> {
        match self {
            Self::Hello { protocol, .. }
            | Self::Upgrade { protocol, .. }
            | Self::Sockets { protocol, .. } => Some(*protocol),
            _ => None,
        }
    }
}
