//! The command line, and the plan that it makes. One clear line for each thing that is wrong.

pub mod scalar;
