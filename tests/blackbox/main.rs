//! Black-box tests: the real executable, real sockets. A feature is a file.
// A test binary exports nothing, and its side of the wire blocks, on threads, as it likes.
#![allow(unreachable_pub, clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod access_log;
mod admin;
mod admission;
mod cli;
mod compression;
mod config_files;
mod connect;
mod drain;
mod expression;
mod framing;
mod harness;
mod http1;
mod http2;
mod http2_attacks;
mod http2_upstream;
mod limits;
mod metrics;
mod mirror;
mod proxy_protocol;
mod rate_limit;
mod reload;
mod routing;
mod tcp;
mod tls;
mod tls_upstream;
mod upstream;
mod websocket;
