//! The steps of one route, compiled: what is done to a request before it is forwarded, and to a
//! response before it is sent on. Immutable, shared by all workers; what a step writes goes into
//! the `Changes` of the worker that runs it.
//!
//! A pipeline never touches a head: heads are bytes with marks of where their fields are. It says
//! which fields are left out and what is appended (`edit::HeadEdits`), and what the first line
//! becomes (`Changes`); whoever encodes the next head does both while it copies.

pub mod api_key;
pub mod attributes;
pub mod changes;
pub mod compression;
pub mod cors;
pub mod edit;
pub mod expression;
pub mod gather;
pub mod gradient;
pub mod guard;
pub mod log_fields;
pub mod made;
pub mod rate_limit;
pub mod step;
pub mod timeout;
pub mod transform;
pub mod verdict;

mod pipeline;

pub use changes::Changes;
pub use pipeline::{OnBody, Pipeline, PipelineError, PipelineSpec, ResponseEdits, StepSpec};
pub use verdict::Verdict;
