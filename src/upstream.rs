//! Clusters, endpoints, and the connections to them. What is shared is immutable (`cluster`), but for
//! the health of endpoints and the limits of a cluster, which are atomics (`health`, `circuit`); what
//! moves belongs to one worker (`local`, `pool`, `shared`).

pub mod balance;
pub mod circuit;
pub mod cluster;
pub mod credential;
pub mod health;
pub mod local;
pub mod outlier;
pub mod pool;
pub mod probe;
pub mod retry;
pub mod shared;

pub use cluster::{Cluster, Endpoint};
pub use local::Local;
pub use shared::Shared;
