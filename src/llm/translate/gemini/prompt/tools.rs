//! The tools of a request, read and written.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::super::prompt::{Choice, Tool};
use super::super::super::{Caller, Prompt, Refused, schema};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Given {
    #[serde(alias = "function_declarations")]
    function_declarations: Option<Vec<Declared>>,
    /// What Google does by itself.
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Declared {
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
    #[serde(alias = "parameters_json_schema")]
    parameters_json_schema: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Config {
    #[serde(alias = "function_calling_config")]
    function_calling_config: Option<Calling>,
    /// Of Google's own search.
    #[serde(alias = "retrieval_config")]
    retrieval_config: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Calling {
    mode: Option<String>,
    #[serde(alias = "allowed_function_names")]
    allowed_function_names: Option<Vec<String>>,
}

pub(super) fn read(
    given: Vec<Given>,
    config: Option<Config>,
    prompt: &mut Prompt,
) -> Result<(), Refused> {
    for (at, given) in given.into_iter().enumerate() {
        if let Some((name, _)) = given.other.iter().find(|(_, value)| !value.is_null()) {
            let name: String = name.chars().take(NAME_BYTES_MAX).collect();
            let text = format!("tools[{at}].{name}: only Google has it; leave the tool out");
            return Err(Refused(text.into()));
        }
        let declared = given.function_declarations.unwrap_or_default();
        for (place, declared) in declared.into_iter().enumerate() {
            let of = |what: &str| format!("tools[{at}].functionDeclarations[{place}]{what}");
            if declared.name.is_empty() {
                return Err(Refused(of(".name: it is missing").into()));
            }
            let schema = match (declared.parameters_json_schema, declared.parameters) {
                (Some(schema @ Value::Object(_)), _) => schema,
                (None | Some(Value::Null), Some(schema @ Value::Object(_))) => {
                    schema::widen(schema)
                }
                (None | Some(Value::Null), None | Some(Value::Null)) => {
                    json!({ "type": "object", "properties": {} })
                }
                _ => return Err(Refused(of(".parameters: it is no object").into())),
            };
            let Declared { name, description, .. } = declared;
            prompt.tools.push(Tool { name, description, schema, strict: None, cache: None });
        }
    }
    let calling = config.and_then(|config| config.function_calling_config).unwrap_or_default();
    choose(calling, prompt)
}

fn choose(calling: Calling, prompt: &mut Prompt) -> Result<(), Refused> {
    let allowed = calling.allowed_function_names.unwrap_or_default();
    let mode = calling.mode.unwrap_or_default().to_ascii_uppercase();
    prompt.choice = match (mode.as_str(), &allowed[..]) {
        ("" | "MODE_UNSPECIFIED", []) => None,
        ("" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED", _) => Some(Choice::Auto),
        ("ANY", [one]) => Some(Choice::Tool(one.clone())),
        ("ANY", _) => Some(Choice::Any),
        ("NONE", _) => Some(Choice::None),
        _ => return Err(Refused(MODE.into())),
    };
    if let Some(missing) =
        allowed.iter().find(|name| !prompt.tools.iter().any(|t| t.name == **name))
    {
        let missing: String = missing.chars().take(NAME_BYTES_MAX).collect();
        return Err(Refused(format!("{ALLOWED}: there is no tool {missing:?}").into()));
    }
    // One that must be called is named; several can only be told by what is offered.
    if allowed.len() > 1 || (!allowed.is_empty() && mode != "ANY") {
        prompt.tools.retain(|tool| allowed.contains(&tool.name));
    }
    Ok(())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offered<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Debug, Serialize)]
struct Declaration<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
}

pub(super) fn offer<'a>(
    tools: &'a [Tool],
    caller: &mut Caller,
) -> Result<Option<Offered<'a>>, Refused> {
    if tools.is_empty() {
        return Ok(None);
    }
    let mut function_declarations = Vec::with_capacity(tools.len());
    for tool in tools {
        // Google wants no parameters at all rather than an object without any.
        let parameters = Some(schema::reduce(&tool.schema)?).filter(schema::has_properties);
        function_declarations.push(Declaration {
            name: name(&tool.name, caller),
            description: tool.description.as_deref(),
            parameters,
        });
    }
    Ok(Some(Offered { function_declarations }))
}

pub(super) fn choice(prompt: &Prompt, caller: &mut Caller) -> Option<Value> {
    let mode = match prompt.choice.as_ref().filter(|_| !prompt.tools.is_empty())? {
        Choice::Auto => json!({ "mode": "AUTO" }),
        Choice::Any => json!({ "mode": "ANY" }),
        Choice::None => json!({ "mode": "NONE" }),
        Choice::Tool(tool) => {
            json!({ "mode": "ANY", "allowedFunctionNames": [name(tool, caller)] })
        }
    };
    Some(json!({ "functionCallingConfig": mode }))
}

/// What Google is told a tool is called: a letter or `_` first, then letters, digits, `_.:-`, 64 of
/// them at most.
pub(super) fn name<'a>(own: &'a str, caller: &mut Caller) -> Cow<'a, str> {
    if is_name(own) {
        return Cow::Borrowed(own);
    }
    if let Some((told, _)) = caller.renamed.iter().find(|(_, known)| known == own) {
        return Cow::Owned(told.clone());
    }
    let kept = |c: char| if c.is_ascii_alphanumeric() || "_.:-".contains(c) { c } else { '_' };
    let mut told: String = own.chars().take(NAME_BYTES_MAX - HASH_BYTES).map(kept).collect();
    if !told.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        told.insert(0, '_');
    }
    // Two that differ only in what Google does not take stay two.
    told.truncate(NAME_BYTES_MAX - HASH_BYTES);
    told.push_str(&format!("_{:08x}", hash(own)));
    caller.renamed.push((told.clone(), own.to_owned()));
    Cow::Owned(told)
}

fn is_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    first && name.len() <= NAME_BYTES_MAX && name.bytes().all(rest)
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

const NAME_BYTES_MAX: usize = 64;
/// With the line before it.
const HASH_BYTES: usize = 9;
const MODE: &str = "toolConfig.functionCallingConfig.mode: it is AUTO, ANY or NONE";
const ALLOWED: &str = "toolConfig.functionCallingConfig.allowedFunctionNames";
