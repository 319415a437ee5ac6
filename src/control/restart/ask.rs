//! `ringway upgrade`: asks the process behind an upgrade socket to put a new one in its place, and
//! waits for what comes of it.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::channel::{Channel, Heard};
use super::message::{Message, PROTOCOL};
use crate::limits::{DURATION_SECONDS_MAX, UPGRADE_HELLO_MS_MAX};

/// What is to be said; the error is why the old process goes on, if there is one.
pub async fn upgrade(
    socket: &Path,
    program: Option<String>,
    arguments: Option<Vec<String>>,
) -> Result<String, String> {
    let cannot = |error| format!("no process to upgrade at {}: {error}", socket.display());
    let channel = Channel::connect(socket).map_err(cannot)?;
    let ask = Message::Upgrade { protocol: PROTOCOL, program, arguments };
    channel.send(&ask).map_err(|error| format!("cannot ask: {error}"))?;
    let heard = timeout(ANSWER_MAX, channel.hear()).await;
    match heard.map_err(|_| "the running process does not answer".to_owned())? {
        Heard::Said(Message::Upgraded { from, to }, _) => {
            Ok(format!("process {to} serves; process {from} drains"))
        }
        Heard::Said(Message::Refused { why }, _) => {
            Err(format!("not upgraded, the running process goes on: {why}"))
        }
        Heard::Said(other, _) => Err(format!("the running process answers {other:?}")),
        Heard::Gone => Err("the running process went away".to_owned()),
        Heard::Nonsense(why) => Err(format!("the running process speaks otherwise: {why}")),
    }
}

/// The process has a deadline of its own, which is no longer than this.
const ANSWER_MAX: Duration =
    Duration::from_secs(DURATION_SECONDS_MAX + UPGRADE_HELLO_MS_MAX.div_ceil(1000));
