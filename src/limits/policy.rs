//! Bounds of policies: groups of routes, conditions, mirrors, expressions.

use std::time::Duration;

use super::{KIB, MIB};

/// Groups of routes that a request may be delegated through, one by the other.
pub const ROUTE_GROUP_DEPTH_MAX: usize = 8;
/// Routes of all listeners, those of a group counted once for each route that leads to it.
pub const ROUTES_MAX: usize = 1 << 20;
/// Cases of one `conditional`, as in agentgateway.
pub const CONDITIONAL_CASES_MAX: usize = 64;
/// Rules of one `authorization`: each may be walked for a request.
pub const AUTHORIZATION_RULES_MAX: usize = 256;
/// Origins, methods or headers of one `cors`.
pub const CORS_NAMES_MAX: usize = 100;
/// What a `delay` may hold a request for, whatever its expression says.
pub const DELAY_SECONDS_MAX: u64 = 60;

/// Requests that one worker mirrors at a time; how long one may take; and what of a body waits for a
/// mirror that is slower than the backend. What is more is given up, and counted.
pub const MIRRORS_PER_WORKER_MAX: u32 = 256;
pub const MIRROR_SECONDS_MAX: Duration = Duration::from_secs(30);
pub const TEE_BYTES_MAX: usize = 256 * KIB;

/// What a body that is held as a whole may be configured to have.
pub const GATHERED_BYTES_CEILING: usize = 1024 * MIB;
/// Room for what one step of an encoder gives, where the body is a reply of ours.
pub const CODED_STEP_BYTES: usize = 16 * KIB;
/// Codings of one body, one in the other, that are undone to read it.
pub const CODINGS_UNDONE_MAX: usize = 2;

// --- expressions ---------------------------------------------------------------------------

/// The text of a CEL expression.
pub const EXPRESSION_BYTES_MAX: usize = 4 * KIB;
/// Of the thread that parses it: addresses, and memory as it is touched.
pub const EXPRESSION_PARSER_STACK_BYTES: usize = 256 * MIB;
/// How deep its tree may be: it is walked by recursion, on a worker's stack.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Loops (`all`, `exists`, `map`, `filter`) in each other: a loop over the fields of a head in
/// another is as many turns as a request may cost.
pub const EXPRESSION_LOOPS_MAX: usize = 2;
/// What an expression may give: a longer text counts as a failure of it.
pub const EXPRESSION_RESULT_BYTES_MAX: usize = 8 * KIB;
