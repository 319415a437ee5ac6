//! Loadtest: what the gateway, or any HTTP service, can take, and at what cost.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod args;
pub mod capacity;
pub mod origin;
mod os;
pub mod outcome;
pub mod plan;
pub mod report;
pub mod run;
mod sample;
pub mod scenario;
mod wire;

pub use outcome::{Fault, Outcome};
pub use plan::{Plan, Refusal};
pub use run::{Hooks, Stop, execute};
