//! The harness from outside: the real executable against small servers that are as good, or as bad,
//! as a test needs them. What it says about them must be true.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod arguments;
mod faults;
mod loops;
mod protocols;
mod reports;
mod support;
