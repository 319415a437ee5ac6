//! Connections that are not looked into: by their port, or by the name in a ClientHello. Every byte
//! goes through as it came, each direction ends by itself, and what cannot be served is refused so
//! that the client notices.

pub mod hello;
mod passthrough;
mod relay;
