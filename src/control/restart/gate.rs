//! The upgrade socket: where `ringway upgrade` and a successor that somebody else started knock.
//!
//! Only this user and root get in. Who got in has a moment to say what it wants; one at a time, a
//! few may wait in the kernel's queue.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::channel::{Awaited, Channel, Heard};
use super::message::{Message, PROTOCOL};
use crate::control::inherit::{Inherited, Key};
use crate::limits::{UPGRADE_ARRIVALS_MAX, UPGRADE_HELLO_MS_MAX};
use crate::net::rights;

/// Somebody who said what it wants.
#[derive(Debug)]
pub struct Arrival {
    pub channel: Channel,
    pub message: Message,
}

/// Owned by the control loop.
#[derive(Debug)]
pub struct Gate {
    key: Key,
    /// A copy, for the successor.
    socket: OwnedFd,
    arrivals: mpsc::Receiver<Arrival>,
    task: JoinHandle<()>,
}

impl Gate {
    /// At a path, or on the socket that is there for it already. Within a tokio runtime.
    pub fn open(path: &Path, inherited: &mut Inherited) -> io::Result<Self> {
        let key = Key::new(NAME, path.display());
        let given = inherited.of_server(&key, &crate::config::scalar::Address::Off);
        let socket = given.into_iter().next().map_or_else(|| listen(path), Ok)?;
        let listener = Awaited::new(socket.try_clone()?)?;
        let (sender, arrivals) = mpsc::channel(UPGRADE_ARRIVALS_MAX);
        Ok(Self { key, socket, arrivals, task: tokio::spawn(let_in(listener, sender)) })
    }

    pub fn socket(&self) -> io::Result<(Key, OwnedFd)> {
        Ok((self.key.clone(), self.socket.try_clone()?))
    }

    /// Nothing is lost when this is dropped before it is ready.
    pub async fn arrival(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn let_in(listener: Awaited, arrivals: mpsc::Sender<Arrival>) {
    loop {
        let channel = match listener.when_readable(rights::accept).await.and_then(Channel::new) {
            Ok(channel) => channel,
            Err(error) => {
                tracing::warn!("the upgrade socket cannot accept: {error}");
                sleep(REST).await;
                continue;
            }
        };
        match first_word(&channel).await {
            Ok(message) => {
                if arrivals.send(Arrival { channel, message }).await.is_err() {
                    return;
                }
            }
            Err(why) => {
                tracing::warn!("refused at the upgrade socket: {why}");
                // Who does not listen does not hear it.
                let _ = channel.send(&Message::Refused { why });
            }
        }
    }
}

async fn first_word(channel: &Channel) -> Result<Message, String> {
    let peer = channel.peer;
    if peer.uid != rights::own_uid() && peer.uid != 0 {
        return Err(format!("user {} (pid {}) may not", peer.uid, peer.pid));
    }
    let refuse = |why: &str| Err(format!("pid {}: {why}", peer.pid));
    let message = match timeout(HELLO_MAX, channel.hear()).await {
        Err(_) => return refuse("it said nothing in time"),
        Ok(Heard::Gone) => return refuse("it said nothing"),
        Ok(Heard::Nonsense(why)) => return refuse(&why),
        Ok(Heard::Said(message, _)) => message,
    };
    match message.protocol() {
        Some(PROTOCOL) => Ok(message),
        Some(other) => refuse(&wrong_protocol(other)),
        None => refuse("that is nothing to begin with"),
    }
}

/// The sentence for both sides.
pub fn wrong_protocol(other: u32) -> String {
    format!(
        "protocol {other} is spoken there, {PROTOCOL} here (ringway {}): start the new version \
         once by stopping the old one",
        env!("CARGO_PKG_VERSION")
    )
}

/// A file that nobody listens behind is what an earlier process left.
fn listen(path: &Path) -> io::Result<OwnedFd> {
    let why =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let bound = match rights::listen(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if rights::connect(path).is_ok() {
                let text = format!("another process listens on {}", path.display());
                return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
            }
            std::fs::remove_file(path).and_then(|()| rights::listen(path))
        }
        bound => bound,
    };
    bound.map_err(why)
}

/// `upgrade.sock` in the folder that systemd makes for a service, if it does.
pub fn default_path() -> Option<PathBuf> {
    let folders = std::env::var("RUNTIME_DIRECTORY").ok()?;
    let folder = folders.split(':').next().filter(|folder| !folder.is_empty())?;
    Some(Path::new(folder).join("upgrade.sock"))
}

const NAME: &str = "upgrade.socket";
const HELLO_MAX: Duration = Duration::from_millis(UPGRADE_HELLO_MS_MAX);
const REST: Duration = Duration::from_millis(100);
