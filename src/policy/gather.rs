//! What a pipeline has to have of bodies before it goes on, found out when it is compiled: as little
//! as its expressions name, as late as they need it.

use super::expression::Reads;
use super::step::{Phase, Step};

/// A body that is whole before it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    pub bytes_max: usize,
    /// Expressions look into it.
    pub text: bool,
    /// Another one takes its place, maybe.
    pub replaced: bool,
}

/// Of a request: before the step of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherRequest {
    pub before: usize,
    pub gather: Gather,
}

/// What is known besides the steps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Of a `buffer` policy.
    pub buffer: Option<usize>,
    /// Where none says how much.
    pub bytes_max: usize,
    /// What looks into bodies behind the steps.
    pub later: Reads,
}

impl GatherRequest {
    pub fn compile(steps: &[Step], wanted: Wanted) -> Option<Self> {
        let needs = |step: &Step| step.reads().request || step.makes_body();
        let text = wanted.later.request || steps.iter().any(|step| step.reads().request);
        let replaced = steps.iter().any(Step::makes_body);
        let needed = steps.iter().position(needs);
        // Who is turned away is not waited for.
        let buffered = steps.partition_point(|step| step.phase() <= Phase::RateLimit);
        let before = match (needed, wanted.buffer) {
            (Some(needed), Some(_)) => needed.min(buffered),
            (Some(needed), None) => needed,
            (None, Some(_)) => buffered,
            (None, None) if wanted.later.request => steps.len(),
            (None, None) => return None,
        };
        let bytes_max = wanted.buffer.unwrap_or(wanted.bytes_max);
        Some(Self { before, gather: Gather { bytes_max, text, replaced } })
    }
}
