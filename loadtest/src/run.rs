//! Carries out a plan: threads, each with a loop of its own and nothing shared, and one that
//! gathers what they report once a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::outcome::{Outcome, Second};
use crate::plan::{Plan, Refusal};

/// What the caller wants to know and to say while a run is under way.
#[derive(Default)]
pub struct Hooks<'a> {
    /// Called on the caller's thread, once for each second that is over.
    pub progress: Option<Box<dyn FnMut(&Second) + 'a>>,
    /// Ends the run in good order when it is raised: what came so far is reported.
    pub stop: Stop,
}

/// A flag that ends a run early. Clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Carries out the plan and says what came of it. Blocks until it is over. May run on several
/// threads at a time, each with a plan of its own.
///
/// # Errors
/// Why the plan cannot be begun at all. What goes wrong later is in the outcome.
pub fn execute(plan: &Plan, hooks: &mut Hooks<'_>) -> Result<Outcome, Refusal> {
    let _ = (plan, hooks);
    Err(Refusal("run: not there yet".to_owned()))
}
