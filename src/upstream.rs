//! Clusters, endpoints, and the connections to them. What is shared is immutable (`cluster`); what
//! moves belongs to one worker (`local`, `pool`, `shared`).

pub mod balance;
pub mod cluster;
pub mod local;
pub mod pool;
pub mod shared;

pub use cluster::{Cluster, Endpoint};
pub use local::Local;
pub use shared::Shared;
