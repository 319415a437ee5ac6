//! TLS on buffers of our own: rustls' unbuffered API with nothing beside it that would hold bytes.
//!
//! `Session` is the state of one connection and knows no socket; `server_config` and
//! `client_config` make the settings that many sessions share out of bytes that somebody else has
//! loaded. Refuses early data (a replayed request is one too many), session ids (a cache that
//! cores would share), renegotiation, and whatever is older than TLS 1.2.
//!
//! All of it is immutable once made: a certificate is renewed by making the settings anew. Who
//! owns what: a stream has its session, a snapshot the settings, control the `TicketKeys`, which
//! outlive snapshots so that sessions can be resumed over a reload.

pub mod certificate;
pub mod client;
mod distinguished_name;
pub mod failure;
pub mod identity;
pub mod parameters;
pub mod self_signed;
pub mod server;
pub mod session;
pub mod ticket;
pub mod verify;

pub use certificate::{Certificate, Pem, SettingsError, TrustedRoots};
pub use client::{ClientSettings, client_config, server_name, with_alpn, without_sessions};
pub use failure::{CertificateFault, HandshakeFailure, RecordFailure, TlsError};
pub use identity::{Identity, Workload};
pub use parameters::{Alpn, Parameters, Version};
pub use rustls::pki_types::ServerName;
pub use rustls::{ClientConfig, ServerConfig};
pub use self_signed::self_signed;
pub use server::{ServerSettings, server_config};
pub use session::{Session, Step};
pub use ticket::TicketKeys;
pub use verify::{ClientAuthentication, PeerName, Verification};

#[cfg(test)]
pub(crate) mod tests;
