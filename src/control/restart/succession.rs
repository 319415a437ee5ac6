//! A hand-over as the new process sees it: it takes the sockets first, prepares its workers, and
//! lets them accept only when the old one says so. Until then it can be ended at any moment, and
//! nobody notices.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::timeout;

use super::channel::{Channel, Heard};
use super::gate::wrong_protocol;
use super::halt;
use super::launch::SUCCEED;
use super::message::{Message, PROTOCOL};
use crate::control::inherit::{Inherited, Key};
use crate::limits::{GIVEN_SOCKETS_MAX, TAKE_OVER_S_MAX};
use crate::net::rights;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The workers do not have everything yet.
    Preparing,
    /// The old process knows that they do.
    Ready,
    /// The workers accept.
    Going,
    /// The old process drains, or is no more: this one is alone.
    Over,
}

/// Owned by the control loop; over from the start where nothing is taken over.
#[derive(Debug)]
pub struct Succession {
    pub state: State,
    channel: Option<Rc<Channel>>,
    /// Told to end before the old process let go: done after that.
    pub stop: bool,
}

impl Default for Succession {
    fn default() -> Self {
        Self { state: State::Over, channel: None, stop: false }
    }
}

/// The conversation with the process that this one takes over from: the one that started it, or
/// the one behind that socket. None where there is nothing to take over.
pub fn predecessor(take_over: Option<&Path>) -> Result<Option<Rc<Channel>>, String> {
    let opened = match (std::env::var(SUCCEED).ok(), take_over) {
        (Some(fd), _) => {
            let wrong = |_| io::Error::from(io::ErrorKind::InvalidInput);
            fd.parse().map_err(wrong).and_then(rights::take).and_then(Channel::new)
        }
        (None, Some(path)) => Channel::connect(path),
        (None, None) => return Ok(None),
    };
    let opened = opened.map_err(|error| match take_over {
        Some(path) => format!("no process to take over from at {}: {error}", path.display()),
        None => format!("{SUCCEED}: {error}"),
    })?;
    Ok(Some(Rc::new(opened)))
}

impl Succession {
    /// Asks for the sockets, and waits for them.
    pub async fn begin(channel: Rc<Channel>) -> Result<(Self, Inherited), String> {
        halt::at("hello");
        let failed = |error: io::Error| format!("cannot speak with the old process: {error}");
        channel.send(&Message::hello()).map_err(failed)?;
        let mut known = Vec::new();
        loop {
            let heard = timeout(TAKE_OVER_MAX, channel.hear()).await;
            let heard = heard.map_err(|_| "the old process does not answer".to_owned())?;
            let more = take(heard, &mut known)?;
            if !more {
                break;
            }
            channel.send(&Message::More).map_err(failed)?;
        }
        halt::at("sockets");
        tracing::info!("{} sockets come from the old process", known.len());
        let own = Self { state: State::Preparing, channel: Some(channel), stop: false };
        Ok((own, Inherited::from_process(known)))
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Nothing is lost when this is dropped before it is ready.
    pub async fn hear(&self) -> Heard {
        match &self.channel {
            Some(channel) => channel.hear().await,
            None => std::future::pending().await,
        }
    }

    /// The workers have everything. Is there somebody whose word is to be waited for?
    pub fn ready(&mut self) -> bool {
        if self.state != State::Preparing {
            return false;
        }
        halt::at("prepared");
        self.state = State::Ready;
        if let Some(channel) = &self.channel {
            // If it cannot be told, it is gone, which is heard of in a moment.
            let _ = channel.send(&Message::Ready);
        }
        true
    }

    /// The workers accept, on these of the sockets that came.
    pub fn serving(&mut self, kept: &[Key]) {
        if self.state == State::Going
            && let Some(channel) = &self.channel
        {
            halt::at("serving");
            let _ = channel.send(&Message::Serving { kept: kept.to_vec() });
        }
    }

    /// There is nobody to wait for any more.
    pub fn end(&mut self) {
        self.state = State::Over;
        self.channel = None;
    }
}

/// Whether there are more to come.
fn take(heard: Heard, known: &mut Vec<(Key, OwnedFd)>) -> Result<bool, String> {
    let (message, sockets) = match heard {
        Heard::Said(message, sockets) => (message, sockets),
        Heard::Gone => return Err("the old process closed the conversation".to_owned()),
        Heard::Nonsense(why) => return Err(format!("the old process speaks otherwise: {why}")),
    };
    match message {
        Message::Sockets { protocol: PROTOCOL, of, more } if of.len() == sockets.len() => {
            known.extend(of.into_iter().zip(sockets));
            match known.len() > GIVEN_SOCKETS_MAX {
                true => Err(format!("more than {GIVEN_SOCKETS_MAX} sockets")),
                false => Ok(more),
            }
        }
        Message::Sockets { protocol, .. } if protocol != PROTOCOL => Err(wrong_protocol(protocol)),
        Message::Refused { why } => Err(format!("the old process refuses: {why}")),
        _ => Err("the old process answers something else than its sockets".to_owned()),
    }
}

const TAKE_OVER_MAX: Duration = Duration::from_secs(TAKE_OVER_S_MAX);
