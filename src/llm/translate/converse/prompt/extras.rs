//! What the dialect has no fields of its own for, and models have: how much they think, and some
//! of sampling. It stands in `additionalModelRequestFields`, in the words of the model's maker.

use super::super::super::fields::Fields;
use super::super::super::object::Object;
use super::super::super::prompt::{Choice, Effort, Reasoning};
use super::super::super::{Prompt, Refused};
use super::read::format;

pub(super) fn read(fields: &mut Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    let reasoning = fields.object("additionalModelRequestFields", |mut extras| {
        prompt.sampling.top_k = match extras.count("top_k")? {
            None => extras.count("topK")?,
            top_k => top_k,
        };
        prompt.sampling.seed = extras.count("seed")?.and_then(|seed| i64::try_from(seed).ok());
        let name = if extras.has("thinking") { "thinking" } else { "reasoning_config" };
        let reasoning = extras.object(name, thinking)?.flatten();
        let effort = extras.text("reasoning_effort")?.and_then(|word| Effort::parse(&word));
        let by_effort = effort.map(|effort| Reasoning { effort: Some(effort), ..SHOWN });
        Ok(reasoning.or(by_effort))
    })?;
    prompt.reasoning = reasoning.flatten();
    fields.object("outputConfig", |mut config| {
        prompt.format = config.object("textFormat", format)?.flatten();
        let effort = config.text("effort")?.and_then(|word| Effort::parse(&word));
        if effort.is_some() {
            prompt.reasoning.get_or_insert_default().effort = effort;
        }
        Ok(())
    })?;
    Ok(())
}

/// In this dialect thoughts are shown wherever a model thinks.
const SHOWN: Reasoning = Reasoning { effort: None, budget: None, shown: true };

fn thinking(mut fields: Fields<'_>) -> Result<Option<Reasoning>, Refused> {
    let budget = fields.count("budget_tokens")?;
    Ok(match fields.needs_text("type")?.as_str() {
        "enabled" => Some(Reasoning { budget, ..SHOWN }),
        "adaptive" => Some(SHOWN),
        "disabled" => Some(Reasoning { effort: Some(Effort::None), ..Reasoning::default() }),
        _ => None,
    })
}

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinks {
    Not,
    /// Anthropic's, with so many tokens.
    Budget(u64),
    /// Anthropic's from 4.6 on.
    Adaptive(Option<Effort>),
    /// `reasoning_effort`.
    Effort(Effort),
}

pub(super) fn thinks(prompt: &Prompt, model: &str) -> Thinks {
    let Some(reasoning) = prompt.reasoning else { return Thinks::Not };
    let effort = reasoning.effort.or_else(|| reasoning.budget.map(Effort::of_budget));
    let budget = reasoning.budget.or_else(|| reasoning.effort.map(Effort::budget));
    if model.contains("openai.") || model.contains("deepseek.") {
        return effort.map_or(Thinks::Not, Thinks::Effort);
    }
    let forced = matches!(prompt.choice, Some(Choice::Any | Choice::Tool(_)));
    if effort == Some(Effort::None) || forced || !may_be_anthropic(model) {
        return Thinks::Not;
    }
    if is_adaptive(model) {
        return Thinks::Adaptive(effort);
    }
    let room = prompt.sampling.output_tokens.unwrap_or(u64::MAX);
    match budget {
        Some(budget) if budget >= BUDGET_TOKENS_MIN && budget < room => Thinks::Budget(budget),
        _ => Thinks::Not,
    }
}

/// Other makers' models refuse fields that they do not know. Names of profiles tell nothing.
fn may_be_anthropic(model: &str) -> bool {
    model.contains("claude") || model.starts_with("arn:")
}

/// Claude 4.6 and later decide by themselves; the latest refuse a budget.
fn is_adaptive(model: &str) -> bool {
    let Some((_, name)) = model.split_once("claude-") else { return false };
    // A date has eight digits, a version one or two.
    let mut numbers = name.split(['-', '.', ':']).filter_map(|word| word.parse::<u32>().ok());
    let version = (numbers.next(), numbers.next().filter(|number| *number < 100));
    match version {
        (Some(major), minor) if major < 100 => (major, minor.unwrap_or(0)) >= (4, 6),
        _ => false,
    }
}

pub(super) fn write(prompt: &Prompt, model: &str, thinks: Thinks, body: &mut Object<'_>) {
    let takes_top_k = thinks == Thinks::Not && may_be_anthropic(model);
    let top_k = prompt.sampling.top_k.filter(|_| takes_top_k);
    if thinks != Thinks::Not || top_k.is_some() {
        body.object("additionalModelRequestFields", |extras| {
            if let Some(top_k) = top_k {
                extras.count("top_k", top_k);
            }
            match thinks {
                Thinks::Not => (),
                Thinks::Budget(tokens) => extras.object("thinking", |thinking| {
                    thinking.text("type", "enabled");
                    thinking.count("budget_tokens", tokens);
                }),
                Thinks::Adaptive(_) => {
                    extras.object("thinking", |thinking| thinking.text("type", "adaptive"));
                }
                Thinks::Effort(effort) => extras.text("reasoning_effort", effort.word()),
            }
        });
    }
}

const BUDGET_TOKENS_MIN: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_models_are_told_to_think() {
        let reasoning = Reasoning { effort: Some(Effort::High), ..Reasoning::default() };
        let mut prompt = Prompt { reasoning: Some(reasoning), ..Prompt::default() };
        let sonnet = "anthropic.claude-sonnet-4-20250514-v1:0";
        assert_eq!(thinks(&prompt, sonnet), Thinks::Budget(4096));
        let adaptive = Thinks::Adaptive(Some(Effort::High));
        assert_eq!(thinks(&prompt, "us.anthropic.claude-sonnet-4-6"), adaptive);
        assert_eq!(thinks(&prompt, "openai.gpt-oss-20b-1:0"), Thinks::Effort(Effort::High));
        assert_eq!(thinks(&prompt, "amazon.nova-pro-v1:0"), Thinks::Not);
        prompt.sampling.output_tokens = Some(4096);
        assert_eq!(thinks(&prompt, sonnet), Thinks::Not, "nothing would be left for the answer");
        prompt.sampling.output_tokens = None;
        prompt.choice = Some(Choice::Any);
        assert_eq!(thinks(&prompt, sonnet), Thinks::Not);
    }

    #[test]
    fn which_models_decide_by_themselves() {
        for model in [
            "anthropic.claude-opus-4-6-v1",
            "us.anthropic.claude-sonnet-4-6",
            "global.anthropic.claude-opus-5-20260901-v1:0",
            "anthropic.claude-sonnet-5",
        ] {
            assert!(is_adaptive(model), "{model}");
        }
        for model in [
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            "anthropic.claude-sonnet-4-20250514-v1:0",
            "us.anthropic.claude-opus-4-5-20251101-v1:0",
            "amazon.nova-pro-v1:0",
            "anthropic.claude-v2:1",
        ] {
            assert!(!is_adaptive(model), "{model}");
        }
    }
}
