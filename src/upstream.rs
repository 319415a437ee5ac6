//! Clusters, endpoints, and the connections to them. What is shared is immutable (`cluster`); what
//! moves belongs to one worker (`local`, `pool`).

pub mod balance;
pub mod cluster;
pub mod local;
pub mod pool;

pub use cluster::{Cluster, Endpoint};
pub use local::Local;
