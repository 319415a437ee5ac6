//! What the gateway, or any HTTP service, can take, and at what cost.
//!
//! `loadtest` uses nothing of the proxy, so that it can contradict it. Four commands:
//!
//! * `loadtest run URL..` loads a target and reports answers a second, errors by kind, percentiles
//!   of the latency, bytes, connect and TLS times, and what a server beside it used (`--pid`).
//! * `loadtest capacity URL --slo p99=5ms` finds the highest rate that holds an objective.
//! * `loadtest origin` starts upstreams to test against; `loadtest scenario FILE` does to a gateway
//!   what the file says, and decides by its pass line.
//!
//! # Open and closed loops
//!
//! Without a rate, each connection asks again as soon as it is answered: a **closed loop**. It says
//! what a server can take, and nothing about latency, since a server that stalls is asked less
//! while it does. Every form of every report says so. With `--rate`, `--profile` or `--replay`
//! requests are due at times that do not depend on the server: an **open loop**. Its latency counts
//! from the time at which a request was *meant* to be sent, whether a connection was free then or
//! not. What was due and never sent is an error, and stands among the latencies with the time that
//! it waited; so do requests that had no answer in time. `own delay` tells how late the load itself
//! was: when it is not small against the latencies, they are the load's own.
//!
//! # What counts
//!
//! * A right answer has a right status (2xx, or `--expect-status`), length, hash and header. A fast
//!   wrong one is an error, and not among the latencies.
//! * Connections are opened before the clock starts, a few at a time. With
//!   `--requests-per-connection` opening one is a part of its first request; so it is whenever a
//!   connection was lost in an open loop.
//! * When the duration is over, nothing is begun any more, and what is under way is given
//!   `--grace`.
//! * A token is an event that carries one, or what the stream reports as its number of them.
//! * The figure that survives a noisy machine is CPU time a request, of the server (`--pid`, the
//!   scheduler's own count for the whole process tree) and of the load.
//!
//! # Bounds
//!
//! Targets that are not loopback are refused without `--allow-remote`. A run has a duration by
//! default. Connections are capped by the limit of open files, and that is said. The first SIGINT
//! or SIGTERM ends a run in good order and reports what came so far; the second ends the process.
//! The error table has 64 different lines at most, heads of answers 64 KiB, interim answers 100.
//!
//! # Exit codes
//!
//! 0: it was answered. 1: nothing was; or more failed than `--errors-max`; or it fell behind the
//! run it is compared with (`--compare`: a fifth fewer answers a second, or a fifth fewer for the
//! server's CPU time, or more errors); or no rate held. 2: it could not be begun, and one line says
//! why. 77: a scenario needs what the gateway does not have.
//!
//! # How it is built
//!
//! * [`plan`]: what is to be done, as plain data. [`outcome`]: what came of it. Between them
//!   [`execute`], which is all that scenarios and tests need.
//! * `wire`: formats as pure functions: answers of HTTP/1.1, Server-Sent Events, WebSocket frames.
//! * `run`: one thread of the load is one monoio runtime on io_uring (on epoll where there is none,
//!   or with `LOADTEST_DRIVER=epoll`), and shares nothing with the others. A connection is a task;
//!   it waits for a ticket (`core`), which has the intended time (`schedule`, `pace`), asks, and
//!   books the answer. Operations on a ring are never dropped: a deadline shuts the socket down
//!   (`watch`). A request and the read for its answer are handed to the kernel together, so that
//!   the task is woken once. HTTP/2 is the crate `h2` over a pair of buffers (`duplex`).
//! * Once a second each thread sends its tally, histograms included, to the caller's thread, which
//!   merges them into the timeline and the total (`gather`) and samples the server (`sample`).
//! * [`report`]: text, JSON, HTML with plots, HdrHistogram's text, and the comparison.
//!
//! Time is read once or twice a request; nothing is allocated for a request that is always the
//! same.
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
