//! The tasks that ask: which protocol they speak, and how many there are.

use std::rc::Rc;

use super::core::Core;
use super::http1;
use crate::plan::Plan;

/// How many tasks ask, over so many connections.
pub(super) fn count(_plan: &Plan, connections: usize) -> usize {
    connections
}

pub(super) fn spawn(core: &Rc<Core>, connections: usize) {
    for _ in 0..connections {
        let core = Rc::clone(core);
        drop(monoio::spawn(async move {
            http1::run(Rc::clone(&core)).await;
            core.leave();
        }));
    }
}
