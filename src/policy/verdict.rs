//! What a step says of a request.

use crate::route::target::FixedReply;

#[derive(Clone, Copy, Debug)]
pub enum Verdict<'p> {
    Continue,
    /// It is answered with this, and goes no further.
    Reply(&'p FixedReply),
    /// The same, with the Location that is in the `Changes`; no body.
    Redirect {
        status: u16,
    },
}
