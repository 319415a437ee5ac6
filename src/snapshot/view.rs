//! `View`: a snapshot as one worker has it, with the worker's half of everything in it. A request
//! holds the view that it began with to its end, whatever is adopted meanwhile.

use std::rc::Rc;
use std::sync::Arc;

use super::Snapshot;
use super::resources::Resources;
use crate::base::id::ClusterId;
use crate::upstream::{Cluster, Local};

pub struct View {
    pub snapshot: Arc<Snapshot>,
    pub resources: Rc<Resources>,
    locals: Vec<Rc<Local>>,
}

impl View {
    /// A cluster that the view before has too, the same `Arc`, keeps its connections.
    pub fn new(snapshot: Arc<Snapshot>, resources: Rc<Resources>, last: Option<&Self>) -> Self {
        let kept = |cluster: &Arc<Cluster>| {
            last?.locals.iter().find(|local| Arc::ptr_eq(&local.cluster, cluster)).cloned()
        };
        // One that differs in its endpoints alone keeps those that stay.
        let kin = |cluster: &Cluster| {
            let found = last?.locals.iter().find(|local| local.cluster.is_kin(cluster));
            found.map(|local| &**local)
        };
        let make = |cluster: &Arc<Cluster>| {
            Rc::new(Local::new(Arc::clone(cluster), resources.worker.0, kin(cluster)))
        };
        let locals = snapshot.clusters.iter();
        let locals = locals.map(|cluster| kept(cluster).unwrap_or_else(|| make(cluster))).collect();
        Self { snapshot, resources, locals }
    }

    pub fn local(&self, cluster: ClusterId) -> Option<&Rc<Local>> {
        self.locals.get(cluster.index())
    }

    pub fn locals(&self) -> &[Rc<Local>] {
        &self.locals
    }

    /// The clusters whose connections nobody uses any more once this view is retired.
    pub fn not_in<'a>(&'a self, next: &'a Self) -> impl Iterator<Item = &'a Rc<Local>> {
        self.locals.iter().filter(|local| !next.locals.iter().any(|kept| Rc::ptr_eq(kept, local)))
    }
}

#[cfg(test)]
pub(crate) mod tests;
