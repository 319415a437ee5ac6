//! Clients that dribble: a few bytes each tick, no faster than they are told.

use std::io;
use std::time::Duration;

use bytes::Bytes;

use super::core::Core;
use super::stream::Stream;

/// Sends at `rate` bytes a second, then receives the first of the answer.
pub(super) async fn ask(
    core: &Core,
    stream: &mut Stream,
    mut request: Bytes,
    buffer: Vec<u8>,
    rate: u64,
) -> (io::Result<usize>, Vec<u8>) {
    while !request.is_empty() {
        let part = request.split_to(share(rate).min(request.len()));
        let pause = time_of(part.len(), rate);
        if let Err(error) = stream.send(part).await {
            return (Err(error), buffer);
        }
        core.rest(pause).await;
    }
    stream.receive(buffer).await
}

/// Waits as long as reading `bytes` takes at `rate`.
pub(super) async fn pause_reading(core: &Core, bytes: usize, rate: u64) {
    core.rest(time_of(bytes, rate)).await;
}

/// What is sent at once: what the rate allows in a tenth of a second.
fn share(rate: u64) -> usize {
    usize::try_from(rate / 10).unwrap_or(usize::MAX).max(1)
}

fn time_of(bytes: usize, rate: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64)
}
