//! Credentials of clouds, off the workers: each is fetched by a thread of its own, renewed before
//! it ends, and published through `upstream::credential`, where workers read it without a lock. A
//! fetch that fails is tried again, later each time; what was issued last is shown until its end.
//!
//! Refuses to fetch what no configuration asks for any more: a thread ends with its credential.
//! Owned by the control loop.

#![expect(
    clippy::disallowed_methods,
    reason = "waits for files and for the network, off the workers"
)]

mod aws;
mod azure;
mod base64;
mod client;
mod gcp;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use self::client::Client;
use crate::base::random::Random;
use crate::limits::{
    CREDENTIAL_AHEAD_MAX, CREDENTIAL_LIFE_UNKNOWN, CREDENTIAL_RETRY_MAX, CREDENTIAL_RETRY_MIN,
    CREDENTIALS_MAX,
};
use crate::upstream::credential::{Credential, Issued, Source};

/// Keeps the credentials of what is served.
#[derive(Debug, Default)]
pub struct Keeper {
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    credential: Arc<Credential>,
    /// Its thread ends when this is dropped.
    _stop: Sender<()>,
}

impl Keeper {
    /// Fetches these from now on, and no others.
    pub fn follow(&mut self, credentials: &[Arc<Credential>]) {
        let is_same = |kept: &[Kept]| {
            let fetched = credentials.iter().filter(|one| !one.is_fixed());
            kept.len() == fetched.clone().count()
                && kept.iter().zip(fetched).all(|(kept, one)| Arc::ptr_eq(&kept.credential, one))
        };
        if is_same(&self.kept) {
            return;
        }
        let mut old = std::mem::take(&mut self.kept);
        for credential in credentials.iter().filter(|one| !one.is_fixed()).take(CREDENTIALS_MAX) {
            let known = old.iter().position(|kept| Arc::ptr_eq(&kept.credential, credential));
            match known {
                Some(place) => self.kept.push(old.swap_remove(place)),
                None => self.kept.extend(start(credential)),
            }
        }
    }
}

fn start(credential: &Arc<Credential>) -> Option<Kept> {
    let (stop, stopped) = mpsc::channel();
    let fetched = Arc::clone(credential);
    let thread = thread::Builder::new().name("ringway-credential".to_owned());
    match thread.spawn(move || keep(&fetched, &stopped)) {
        Ok(_) => Some(Kept { credential: Arc::clone(credential), _stop: stop }),
        Err(error) => {
            tracing::error!("credential `{}`: no thread: {error}", credential.name);
            None
        }
    }
}

/// The life of a credential.
fn keep(credential: &Credential, stopped: &Receiver<()>) {
    let around = Around { client: Client::new(), variable: &variable };
    let random = Random::from_entropy();
    let mut failures = 0;
    loop {
        let wait = match fetch(&credential.source, &around) {
            Ok(issued) => {
                let wait = renew_after(issued.ends, now(), &random);
                if failures > 0 || credential.fetched.load(Ordering::Relaxed) == 0 {
                    tracing::info!("credential `{}`: it is there", credential.name);
                }
                failures = 0;
                credential.issue(issued);
                count(&credential.fetched);
                wait
            }
            Err(why) => {
                count(&credential.failed);
                let kept = match credential.shown(now()) {
                    Some(_) => "the last one is shown until it ends",
                    None => "requests that need it are refused",
                };
                // Once is enough said, until it works again.
                if failures == 0 {
                    tracing::warn!("credential `{}`: {why}; {kept}", credential.name);
                } else {
                    tracing::debug!("credential `{}`: {why}; {kept}", credential.name);
                }
                failures += 1;
                retry_after(failures, &random)
            }
        };
        if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// What a fetch has to do with.
struct Around<'a> {
    client: Client,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

fn fetch(source: &Source, around: &Around<'_>) -> Result<Issued, String> {
    match source {
        Source::AwsKeys(_) => Err("keys of the configuration are not fetched".to_owned()),
        Source::Aws => aws::fetch(around),
        Source::Gcp { audience, credential } => {
            gcp::fetch(around, audience.as_deref(), credential.as_ref())
        }
        Source::Azure { identity, scope } => azure::fetch(around, identity, scope),
    }
}

/// Before it ends, and not at the moment when all others are renewed.
fn renew_after(ends: Option<u64>, now: u64, random: &Random) -> Duration {
    let Some(ends) = ends else { return CREDENTIAL_LIFE_UNKNOWN };
    let left = Duration::from_secs(ends.saturating_sub(now));
    let ahead = (left / 5).min(CREDENTIAL_AHEAD_MAX);
    let jitter = ahead.mul_f64(random.fraction() / 2.0);
    left.saturating_sub(ahead + jitter).max(CREDENTIAL_RETRY_MIN)
}

/// Twice as long each time, and half of it by chance.
fn retry_after(failures: u32, random: &Random) -> Duration {
    let most = CREDENTIAL_RETRY_MIN.saturating_mul(1 << failures.min(10)).min(CREDENTIAL_RETRY_MAX);
    most.mul_f64(0.5 + random.fraction() / 2.0)
}

/// It has one writer.
fn count(counter: &std::sync::atomic::AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A variable of the process that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A file of a credential: text, and not without end.
fn read(path: &std::path::Path) -> Result<String, String> {
    use std::io::Read;

    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let most = crate::limits::CREDENTIAL_TEXT_BYTES_MAX as u64;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(told)?;
    let count = file.take(most + 1).read_to_string(&mut text).map_err(told)?;
    match count as u64 > most {
        true => Err(format!("{}: no credential is so long", path.display())),
        false => Ok(text),
    }
}

/// What ends so many seconds from now.
fn in_seconds(seconds: u64) -> u64 {
    now().saturating_add(seconds)
}

/// A token as a field of a head has it.
fn checked(token: &str) -> Result<&str, String> {
    match !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token),
        false => Err("what was given out is no token".to_owned()),
    }
}

#[cfg(test)]
mod tests;
