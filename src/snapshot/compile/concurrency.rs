//! Adaptive limits of concurrency as the user wrote them into those that workers count by. What a
//! limit has found out is kept over a reload that does not change it.

use std::sync::Arc;

use crate::config::concurrency::AdaptiveConcurrency as Raw;
use crate::policy::gradient::{Gradient, GradientSpec};
use crate::snapshot::Snapshot;

/// The limits of the last snapshot, and those of the next.
pub(super) struct Gradients<'a> {
    last: &'a [Arc<Gradient>],
    pub(super) made: Vec<Arc<Gradient>>,
}

impl<'a> Gradients<'a> {
    pub(super) fn new(last: Option<&'a Snapshot>) -> Self {
        Self { last: last.map_or(&[], |last| &last.gradients), made: Vec::new() }
    }

    /// The one of this name: a backend that two routes have is counted once.
    pub(super) fn of(&mut self, name: String, raw: &Raw) -> Arc<Gradient> {
        let spec = GradientSpec {
            limit_min: raw.min_limit,
            limit_max: raw.max_limit,
            limit_first: raw.initial_limit,
            tolerance_percent: raw.tolerance_percent,
        };
        let same = |one: &&Arc<Gradient>| one.name == name && one.spec == spec;
        if let Some(made) = self.made.iter().find(same) {
            return Arc::clone(made);
        }
        let kept = self.last.iter().find(same).map(Arc::clone);
        let gradient = kept.unwrap_or_else(|| Arc::new(Gradient::new(name, spec)));
        self.made.push(Arc::clone(&gradient));
        gradient
    }
}
