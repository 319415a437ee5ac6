//! Reads what a model may call.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::llm::translate::Refused;
use crate::llm::translate::field::refused;
use crate::llm::translate::messages::cache::{self, CacheControl};
use crate::llm::translate::prompt::{self, Choice};

/// Tools that a caller runs itself and says what they take. Those that find others are left out:
/// all are told. Those that Anthropic runs, or has taught its models, are another thing.
pub(super) fn read(raw: Vec<Tool>) -> Result<Vec<prompt::Tool>, Refused> {
    let mut tools = Vec::with_capacity(raw.len());
    for (at, tool) in raw.into_iter().enumerate() {
        let kind = tool.kind.as_deref().unwrap_or("custom");
        if kind.starts_with("tool_search_tool_") {
            continue;
        }
        if kind != "custom" {
            let why = "Anthropic's own models alone have it; give a tool with an input_schema";
            return refused(format!("tools[{at}].type: {kind:.40}: {why}"));
        }
        let Some(schema) = tool.input_schema else {
            return refused(format!("tools[{at}].input_schema is needed"));
        };
        tools.push(prompt::Tool {
            name: tool.name,
            description: tool.description,
            schema: Value::Object(schema),
            strict: tool.strict,
            cache: cache::read(tool.cache_control),
        });
    }
    Ok(tools)
}

/// Which of them.
pub(super) fn choice(raw: Forced) -> Result<Choice, Refused> {
    match (raw.kind.as_str(), raw.name) {
        ("auto", _) => Ok(Choice::Auto),
        ("any", _) => Ok(Choice::Any),
        ("none", _) => Ok(Choice::None),
        ("tool", Some(name)) => Ok(Choice::Tool(name)),
        _ => refused("tool_choice.type: one of auto, any, none, or tool with a name"),
    }
}

#[derive(Deserialize)]
pub(super) struct Tool {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    name: String,
    description: Option<String>,
    input_schema: Option<Map<String, Value>>,
    strict: Option<bool>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
pub(super) struct Forced {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    pub disable_parallel_tool_use: Option<bool>,
}
