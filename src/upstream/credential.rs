//! `Credential`: what a backend is shown that a cloud gives out for a while. Control fetches and
//! renews it; workers read what is there by now, without a lock. Refuses to show what has ended.
//!
//! Shared by all, in the snapshot, and kept over reloads: a source that did not change is the same
//! `Arc`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::{ArcSwapOption, Guard};

use crate::config::backend_auth::{AwsKeys, Identity, Material};

/// Where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    AwsKeys(AwsKeys),
    /// What the environment, a profile, a web identity, the container or the machine has.
    Aws,
    Gcp {
        audience: Option<String>,
        credential: Option<Material>,
    },
    Azure {
        identity: Identity,
        scope: String,
    },
}

#[derive(Debug)]
pub struct Credential {
    pub source: Source,
    /// As it is called in metrics and in the log.
    pub name: String,
    issued: ArcSwapOption<Issued>,
    pub fetched: AtomicU64,
    pub failed: AtomicU64,
    /// When what was issued last ends; 0 if that is not known.
    ends: AtomicU64,
}

/// What was given out.
pub struct Issued {
    pub shown: Shown,
    /// Seconds since 1970.
    pub ends: Option<u64>,
}

pub enum Shown {
    /// A line of the head, whole.
    Bearer(Box<[u8]>),
    Keys(AwsSecret),
}

pub struct AwsSecret {
    pub access_key_id: Box<str>,
    pub secret_access_key: Box<str>,
    pub session_token: Option<Box<str>>,
}

/// How one backend is shown it.
#[derive(Debug)]
pub struct Auth {
    pub credential: Arc<Credential>,
    /// None: as a line of the head.
    pub signs: Option<Signs>,
    /// What may be gathered of a body to sign it.
    pub body_bytes_max: usize,
    /// Seconds by which the clock of who checks signatures is ahead of ours.
    ahead_seconds: AtomicI64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    pub region: Box<str>,
    pub service: Box<str>,
}

impl Credential {
    pub fn new(source: Source) -> Self {
        let keys = match &source {
            Source::AwsKeys(keys) => Some(Arc::new(Issued {
                shown: Shown::Keys(AwsSecret {
                    access_key_id: keys.access_key_id.expose().into(),
                    secret_access_key: keys.secret_access_key.expose().into(),
                    session_token: keys.session_token.as_ref().map(|token| token.expose().into()),
                }),
                ends: None,
            })),
            _ => None,
        };
        Self {
            name: source.name(),
            source,
            issued: ArcSwapOption::new(keys),
            fetched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            ends: AtomicU64::new(0),
        }
    }

    /// What is shown at this time, in seconds since 1970, if there is something that holds.
    pub fn shown(&self, now: u64) -> Option<Held> {
        let issued = self.issued.load();
        let holds = issued.as_ref()?.ends.is_none_or(|ends| now < ends);
        holds.then_some(Held(issued))
    }

    /// Puts another in the place of what was issued last.
    pub fn issue(&self, issued: Issued) {
        self.ends.store(issued.ends.unwrap_or(0), Ordering::Relaxed);
        self.issued.store(Some(Arc::new(issued)));
    }

    /// See `ends`.
    pub fn ends(&self) -> Option<u64> {
        Some(self.ends.load(Ordering::Relaxed)).filter(|ends| *ends > 0)
    }

    /// Nobody has to fetch it.
    pub const fn is_fixed(&self) -> bool {
        matches!(self.source, Source::AwsKeys(_))
    }
}

impl Auth {
    pub fn new(credential: Arc<Credential>, signs: Option<Signs>, body_bytes_max: usize) -> Self {
        Self { credential, signs, body_bytes_max, ahead_seconds: AtomicI64::new(0) }
    }

    /// By the clock of who checks signatures.
    pub fn their_time(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.ahead_seconds.load(Ordering::Relaxed))
    }

    /// Their clock was read: returns by how many seconds it is ahead.
    pub fn learn_time(&self, theirs: u64, now: u64) -> i64 {
        let ahead = theirs.cast_signed().wrapping_sub(now.cast_signed());
        self.ahead_seconds.store(ahead, Ordering::Relaxed);
        ahead
    }
}

/// Keeps what was issued while it is read.
pub struct Held(Guard<Option<Arc<Issued>>>);

impl Held {
    pub fn get(&self) -> Option<&Shown> {
        self.0.as_ref().map(|issued| &issued.shown)
    }
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::AwsKeys(_) => "aws/keys".to_owned(),
            Self::Aws => "aws/implicit".to_owned(),
            Self::Gcp { audience: None, .. } => "gcp/accessToken".to_owned(),
            Self::Gcp { audience: Some(audience), .. } => format!("gcp/idToken/{audience}"),
            Self::Azure { identity, .. } => match identity {
                Identity::Implicit => "azure/implicit".to_owned(),
                Identity::ClientSecret { client_id, .. } => {
                    format!("azure/clientSecret/{client_id}")
                }
                Identity::WorkloadIdentity => "azure/workloadIdentity".to_owned(),
                Identity::ManagedIdentity(None) => "azure/managedIdentity".to_owned(),
                Identity::ManagedIdentity(Some((_, id))) => format!("azure/managedIdentity/{id}"),
            },
        }
    }
}

impl Shown {
    /// A token of a cloud as all of them take it.
    pub fn bearer(token: &str) -> Self {
        Self::Bearer(format!("Authorization: Bearer {token}\r\n").into_bytes().into())
    }
}

impl std::fmt::Debug for Issued {
    /// Without what nobody is to read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("ends", &self.ends).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_not_shown() {
        let credential = Credential::new(Source::Aws);
        assert!(credential.shown(0).is_none());
        credential.issue(Issued { shown: Shown::bearer("a"), ends: Some(100) });
        assert!(credential.shown(99).is_some() && credential.shown(100).is_none());
        let held = credential.shown(99).unwrap();
        credential.issue(Issued { shown: Shown::bearer("b"), ends: None });
        let line = |held: &Held| match held.get() {
            Some(Shown::Bearer(line)) => String::from_utf8(line.to_vec()).unwrap(),
            _ => String::new(),
        };
        assert_eq!(line(&held), "Authorization: Bearer a\r\n");
        assert_eq!(line(&credential.shown(u64::MAX).unwrap()), "Authorization: Bearer b\r\n");
        assert_eq!((credential.ends(), credential.is_fixed()), (None, false));
    }

    #[test]
    fn their_time_is_ours_and_what_was_learnt() {
        let auth = Auth::new(Arc::new(Credential::new(Source::Aws)), None, 0);
        assert_eq!(auth.their_time(1000), 1000);
        assert_eq!((auth.learn_time(400, 1000), auth.their_time(1010)), (-600, 410));
        assert_eq!((auth.learn_time(2000, 1000), auth.their_time(1010)), (1000, 2010));
    }
}
