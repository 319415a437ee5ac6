//! Recording only: what a worker counts and logs on the data path, and how that becomes text.
//! Deciding (what is worth a metric) is the proxy's, serving is control's. Refuses to grow: every
//! table is bounded, what is full is counted.
//!
//! A worker writes its own `shard::Shard` and its own log ring; control reads the shards while it
//! renders a scrape, the log writer's thread drains the rings. `labels::Registry` is control's; the
//! texts of its labels are append-only and may be read from any thread.

pub mod access_log;
mod arena;
pub mod catalog;
mod escape;
pub mod exposition;
pub mod gen_ai;
pub mod histogram;
pub mod labels;
pub mod log;
pub mod log_writer;
pub mod merge;
pub mod process;
pub mod series;
pub mod shard;
mod table;
pub mod tally;
pub mod value;
mod wall_clock;
