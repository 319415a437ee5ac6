//! The command line, and the plan that it makes. One clear line for each thing that is wrong.

pub use self::plan::PlanArgs;
pub use self::run::RunArgs;

mod plan;
mod run;
pub mod scalar;
