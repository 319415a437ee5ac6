//! The facade over the runtime: rings, sockets, deadlines, doorbells. Nothing outside this folder
//! names monoio, so that another executor is a change of one folder.
//!
//! The rule that shapes all of it: **an operation in flight is finished, never dropped**. A read
//! that is dropped eats the bytes it was about to bring; an accept that is dropped leaks its
//! socket. What has to end early is ended by `shutdown(2)` or by a cancel, and then awaited
//! (`deadline`, `stream`). The one exception is a readiness poll, which carries no bytes.
#![allow(unsafe_code)]

pub mod connect;
pub mod deadline;
pub mod doorbell;
pub mod lane;
pub mod listen;
pub mod relay;
pub mod rights;
pub mod runtime;
pub mod sending;
pub mod socket;
pub mod splice;
pub mod stream;
pub mod tls;

mod buffer;
mod timer;

pub use deadline::{Deadline, Wheel};
pub use stream::Stream;

#[cfg(test)]
pub(crate) mod tests;
