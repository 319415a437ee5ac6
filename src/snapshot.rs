//! `Snapshot`: all a worker needs, compiled from the configuration, immutable, shared by all.

pub mod bind;
pub mod compile;
pub mod dump;
pub mod resources;
pub mod view;

use std::sync::Arc;

use crate::base::id::BindId;
use crate::upstream::Cluster;
use bind::Bind;

pub struct Snapshot {
    pub version: u64,
    /// By `BindId`.
    pub binds: Vec<Arc<Bind>>,
    /// By `ClusterId`.
    pub clusters: Vec<Arc<Cluster>>,
}

impl Snapshot {
    /// What a worker serves before its first configuration: nothing.
    pub const fn empty() -> Self {
        Self { version: 0, binds: Vec::new(), clusters: Vec::new() }
    }

    pub fn bind(&self, id: BindId) -> Option<&Bind> {
        self.binds.get(id.index()).map(|bind| &**bind)
    }
}
