//! Ringway: a reverse proxy and AI gateway for Linux, one shared-nothing io_uring worker a core.
//!
//! # Code map, from the ground up
//!
//! * `limits`: every bound in the product
//! * `base`: plain data and arithmetic
//! * `config`: what the user wrote, and all that is wrong with it
//! * `proto`: wire formats as pure functions; bytes in, bytes out
//! * `net`: the facade over the runtime: sockets, deadlines, doorbells
//! * `telemetry`: recording: metric shards, access records, the process log
//! * `http`: HTTP connections: proto and net joined
//! * `route`: where a request goes
//! * `upstream`: clusters, endpoints, connections to them
//! * `policy`: the steps of one route, compiled
//! * `snapshot`: all a worker needs, compiled, immutable, shared
//! * `proxy`: the life of a request
//! * `bus`: what control and workers say to each other
//! * `worker`: a pinned thread that carries traffic
//! * `control`: the thread that does not
//! * `app`: starts both, joins them

pub mod app;
pub mod base;
pub mod bus;
pub mod config;
pub mod control;
pub mod http;
pub mod limits;
pub mod net;
pub mod policy;
pub mod proto;
pub mod proxy;
pub mod route;
pub mod snapshot;
pub mod telemetry;
pub mod upstream;
pub mod worker;
