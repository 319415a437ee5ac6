//! Why Gemini stopped.

use super::super::Finish;

/// `calls`: a tool was called.
pub(super) fn read(word: &str, calls: bool) -> Finish {
    match word {
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MODEL_ARMOR" => Finish::Filtered,
        _ if word.starts_with("IMAGE_") => Finish::Filtered,
        _ if calls => Finish::Calls,
        _ => Finish::Stop,
    }
}

pub(super) const fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered | Finish::Refused => "SAFETY",
        Finish::Stop | Finish::StopSequence | Finish::Calls | Finish::Paused => "STOP",
    }
}
