//! An outcome as text, JSON, HTML, or for other tools; and against an earlier one. Every form says
//! whether the loop was closed: latencies of one say nothing about what independent clients see.

pub use self::about::About;
pub use self::hgrm::hgrm;
pub use self::json::json;
pub use self::text::text;

mod about;
pub mod compare;
mod hgrm;
pub mod html;
mod json;
pub mod plot;
pub mod progress;
pub mod svg;
mod text;
pub mod units;

/// Whether standard output is a terminal that wants colours.
pub fn colours() -> bool {
    use std::io::IsTerminal;
    std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal()
}

/// The percentiles that are told, everywhere the same.
pub const PERCENTILES: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];
