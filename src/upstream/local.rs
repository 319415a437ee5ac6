//! `Local`: one worker's half of a cluster: its pool, its cursor, what is in flight.

use std::cell::Cell;
use std::sync::Arc;

use super::cluster::Cluster;
use super::pool::Pool;
use super::shared::Shared;

pub struct Local {
    pub cluster: Arc<Cluster>,
    /// Idle HTTP/1.1 connections, by endpoint.
    pub pools: Box<[Pool]>,
    /// HTTP/2 connections, by endpoint.
    pub shared: Box<[Shared]>,
    /// Where round robin stands.
    pub cursor: Cell<u32>,
    /// No view has it any more: connections that come back are closed.
    pub retired: Cell<bool>,
}

impl Local {
    /// `start` sets the round robin off from another endpoint on each worker, so that few requests
    /// do not all go to the first.
    pub fn new(cluster: Arc<Cluster>, start: u32) -> Self {
        let pools = cluster.endpoints.iter().map(|_| Pool::default()).collect();
        let shared = cluster.endpoints.iter().map(|_| Shared::default()).collect();
        Self { cluster, pools, shared, cursor: Cell::new(start), retired: Cell::new(false) }
    }
}
