//! Reads what a model may call.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::llm::translate::Refused;
use crate::llm::translate::field::{TextOr, refused};
use crate::llm::translate::messages::cache::{self, CacheControl};
use crate::llm::translate::prompt::{self, Choice};

/// Tools, or what they were called before there were tools.
pub(super) fn read(
    tools: Option<Vec<Tool>>,
    functions: Option<Vec<Function>>,
) -> Result<Vec<prompt::Tool>, Refused> {
    let functions = functions.unwrap_or_default().into_iter();
    let mut found: Vec<_> = functions.map(|function| function.into_tool(None)).collect();
    for (at, tool) in tools.unwrap_or_default().into_iter().enumerate() {
        match (tool.kind.as_str(), tool.function) {
            ("function" | "", Some(function)) => found.push(function.into_tool(tool.cache_control)),
            ("function" | "", None) => return refused(format!("tools[{at}].function is needed")),
            (kind, _) => {
                let why = "this model knows functions alone";
                return refused(format!("tools[{at}].type: {kind:.40}: {why}"));
            }
        }
    }
    Ok(found)
}

/// Which of them. Where some are allowed alone, the others are taken away.
pub(super) fn choice(
    raw: TextOr<Forced>,
    tools: &mut Vec<prompt::Tool>,
) -> Result<Option<Choice>, Refused> {
    let forced = match raw {
        TextOr::Text(word) => return by_word(&word),
        TextOr::Other(forced) => forced,
    };
    match forced {
        Forced { function: Some(named), .. } | Forced { name: Some(named), .. } => {
            Ok(Some(Choice::Tool(named.name())))
        }
        Forced { allowed_tools: Some(allowed), .. } => {
            let names = allowed.tools.into_iter().filter_map(|tool| tool.function);
            let names: HashSet<String> = names.map(Named::name).collect();
            tools.retain(|tool| names.contains(&tool.name));
            by_word(&allowed.mode)
        }
        _ => refused("tool_choice: auto, none, required, a function, or allowed_tools"),
    }
}

fn by_word(word: &str) -> Result<Option<Choice>, Refused> {
    Ok(Some(match word {
        "auto" => Choice::Auto,
        "none" => Choice::None,
        "required" | "any" => Choice::Any,
        _ => return refused("tool_choice: auto, none, required, a function, or allowed_tools"),
    }))
}

impl Function {
    fn into_tool(self, cache: Option<CacheControl>) -> prompt::Tool {
        let empty = || json!({"type": "object", "properties": {}});
        prompt::Tool {
            name: self.name,
            description: self.description,
            schema: self.parameters.map_or_else(empty, Value::Object),
            strict: self.strict,
            cache: cache::read(cache),
        }
    }
}

impl Named {
    fn name(self) -> String {
        match self {
            Self::Name(name) | Self::Function { name } => name,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Tool {
    #[serde(rename = "type", default)]
    kind: String,
    function: Option<Function>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
pub(super) struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Map<String, Value>>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Forced {
    function: Option<Named>,
    /// Of `function_call`.
    name: Option<Named>,
    allowed_tools: Option<Allowed>,
}

#[derive(Deserialize)]
struct Allowed {
    mode: String,
    tools: Vec<Forced>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Name(String),
    Function { name: String },
}
