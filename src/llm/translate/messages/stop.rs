//! Why a model stopped, in Anthropic's words.

use crate::llm::translate::Finish;

pub(super) fn read(word: &str) -> Finish {
    match word {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "stop_sequence" => Finish::StopSequence,
        "tool_use" => Finish::Calls,
        "refusal" => Finish::Refused,
        "pause_turn" => Finish::Paused,
        _ => Finish::Stop,
    }
}

pub(super) const fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::StopSequence => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Filtered | Finish::Refused => "refusal",
        Finish::Paused => "pause_turn",
    }
}
