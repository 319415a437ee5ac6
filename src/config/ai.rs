//! `ai:` of a backend: a provider of models, who is a host with a few words about what it speaks.
//! Raw: nothing is resolved.

mod cloud;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::backend::Host;
use super::policy::parse_path;
use super::reader::{Cursor, Table};
use super::scalar;

pub use self::cloud::{Azure, Bedrock, Cloud, CloudParams, ResourceType, Vertex};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ai {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub provider: Provider,
    /// In place of the provider's own host; then there is no TLS but what `backendTLS` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_override: Option<Host>,
    /// In place of the whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_override: Option<String>,
    /// In place of what the provider's paths begin with, such as `/v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
}

/// Written as `openAI: {model: ..}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub preset: Preset,
    /// In place of the one that a request names.
    pub model: Option<String>,
    /// Only of `custom`.
    pub formats: Vec<Format>,
    /// What it is called in metrics; only of `custom`.
    pub label: Option<String>,
    /// Where in its cloud it is.
    pub cloud: Cloud,
}

/// What is known of a provider.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    pub word: &'static str,
    /// `gen_ai_system` in the metrics.
    pub label: &'static str,
    /// None: `hostOverride` says it.
    pub host: Option<(&'static str, u16)>,
    pub tls: bool,
    pub prefix: &'static str,
}

pub type Preset = &'static Known;

/// A format that a custom provider speaks, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Format {
    #[serde(rename = "type")]
    pub api: Api,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What a path speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Api {
    Completions,
    Messages,
    AnthropicTokenCount,
    Responses,
    Embeddings,
    GenerateContent,
    GeminiCountTokens,
    Converse,
    Rerank,
    Realtime,
    /// Of the configuration: no provider is asked.
    Models,
    /// Passed through; a model and what it used are looked for.
    Detect,
    /// The same: what can be seen is seen.
    Passthrough,
}

impl Api {
    pub const WORDS: [(&'static str, Self); 13] = [
        ("completions", Self::Completions),
        ("messages", Self::Messages),
        ("anthropicTokenCount", Self::AnthropicTokenCount),
        ("responses", Self::Responses),
        ("embeddings", Self::Embeddings),
        ("generateContent", Self::GenerateContent),
        ("geminiCountTokens", Self::GeminiCountTokens),
        ("converse", Self::Converse),
        ("rerank", Self::Rerank),
        ("realtime", Self::Realtime),
        ("models", Self::Models),
        ("detect", Self::Detect),
        ("passthrough", Self::Passthrough),
    ];
    const OF_CUSTOM: [(&'static str, Self); 10] = [
        ("completions", Self::Completions),
        ("messages", Self::Messages),
        ("anthropicTokenCount", Self::AnthropicTokenCount),
        ("responses", Self::Responses),
        ("embeddings", Self::Embeddings),
        ("gemini", Self::GenerateContent),
        ("geminiCountTokens", Self::GeminiCountTokens),
        ("converse", Self::Converse),
        ("rerank", Self::Rerank),
        ("realtime", Self::Realtime),
    ];
}

const fn known(
    word: &'static str,
    label: &'static str,
    host: &'static str,
    prefix: &'static str,
) -> Known {
    Known { word, label, host: Some((host, 443)), tls: true, prefix }
}

/// Its host is said by what it is told apart by in its cloud.
const fn of_a_cloud(word: &'static str, label: &'static str, prefix: &'static str) -> Known {
    Known { word, label, host: None, tls: true, prefix }
}

pub static PRESETS: [Known; 21] = [
    known("openAI", "openai", "api.openai.com", "/v1"),
    known("anthropic", "anthropic", "api.anthropic.com", "/v1"),
    Known { word: "custom", label: "custom", host: None, tls: false, prefix: "/v1" },
    Known {
        word: "ollama",
        label: "ollama",
        host: Some(("localhost", 11434)),
        tls: false,
        prefix: "/v1",
    },
    known("baseten", "baseten", "inference.baseten.co", "/v1"),
    known("cerebras", "cerebras", "api.cerebras.ai", "/v1"),
    known("cohere", "cohere", "api.cohere.ai", "/compatibility/v1"),
    known("deepinfra", "deepinfra", "api.deepinfra.com", "/v1/openai"),
    known("deepseek", "deepseek", "api.deepseek.com", "/v1"),
    known("fireworks", "fireworks", "api.fireworks.ai", "/inference/v1"),
    known("groq", "groq", "api.groq.com", "/openai/v1"),
    known("huggingface", "huggingface", "router.huggingface.co", "/v1"),
    known("mistral", "mistral_ai", "api.mistral.ai", "/v1"),
    known("openrouter", "openrouter", "openrouter.ai", "/api/v1"),
    known("togetherai", "togetherai", "api.together.xyz", "/v1"),
    known("xai", "x_ai", "api.x.ai", "/v1"),
    Known {
        word: "vllm",
        label: "vllm",
        host: Some(("localhost", 8000)),
        tls: false,
        prefix: "/v1",
    },
    // What `/v1` is there: the way in for who speaks as OpenAI does.
    known("gemini", "gcp.gemini", "generativelanguage.googleapis.com", "/v1beta/openai"),
    of_a_cloud("azure", "azure", "/openai/v1"),
    of_a_cloud("bedrock", "aws.bedrock", ""),
    of_a_cloud("vertex", "gcp.vertex_ai", "/v1"),
];

/// Its credential takes a dialogue with a person.
const LATER: [&str; 1] = ["copilot"];

impl Known {
    pub fn is_anthropic(&self) -> bool {
        self.word == "anthropic"
    }

    pub fn is_custom(&self) -> bool {
        self.word == "custom"
    }

    /// Its settings stand beside its name.
    pub fn is_of_a_cloud(&self) -> bool {
        matches!(self.word, "azure" | "bedrock" | "vertex")
    }

    /// Where it looks for a key, in front of which stands a word; `None`: with all others,
    /// `Authorization: Bearer`.
    pub fn key_field(&self) -> Option<&'static str> {
        match self.word {
            "anthropic" => Some("x-api-key"),
            "azure" => Some("api-key"),
            "gemini" => Some("x-goog-api-key"),
            _ => None,
        }
    }
}

impl Ai {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        Self::read_with(cursor, |table| table.unsupported(&["policies"]))
    }

    /// `read_more` takes what else the table has.
    pub fn read_with(cursor: &Cursor<'_>, read_more: impl FnOnce(&mut Table<'_>)) -> Option<Self> {
        let mut table = cursor.table();
        read_more(&mut table);
        table.unsupported(&["groups", "tokenize"]);
        let ai = Self {
            name: table.maybe("name", Cursor::owned),
            provider: table.must("provider", Provider::read)?,
            host_override: table.maybe("hostOverride", Host::read),
            path_override: table.maybe("pathOverride", |c| c.parsed(parse_path)),
            path_prefix: table.maybe("pathPrefix", |c| c.parsed(parse_prefix)),
        };
        if !ai.provider.has_host() && !table.has("hostOverride") {
            table.fail(ai.provider.hostless());
        }
        table.finish();
        Some(ai)
    }

    /// Who is asked.
    pub fn host(&self) -> Host {
        let host = self.host_override.clone().or_else(|| self.provider.host());
        host.unwrap_or_else(|| Host::Name { host: "invalid".to_owned(), port: 443 })
    }

    /// Whether TLS is spoken where nothing is said about it.
    pub const fn has_tls(&self) -> bool {
        self.provider.preset.tls && self.host_override.is_none()
    }

    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.provider.label())
    }
}

impl Provider {
    pub fn of(preset: Preset) -> Self {
        // Of the providers of clouds the one that needs no word.
        let cloud = match preset.word {
            "azure" => Cloud::Azure(Azure::default()),
            _ => Cloud::None,
        };
        Self { preset, model: None, formats: Vec::new(), label: None, cloud }
    }

    /// Its own.
    fn host(&self) -> Option<Host> {
        let fixed = self.preset.host.map(|(host, port)| (host.to_owned(), port));
        let (host, port) = fixed.or_else(|| Some((self.cloud.host()?, 443)))?;
        Some(Host::Name { host, port })
    }

    pub fn has_host(&self) -> bool {
        self.host().is_some()
    }

    /// What is said of one that has none.
    pub fn hostless(&self) -> &'static str {
        match self.preset.word {
            "azure" => "`resourceName` is missing: it says the host, unless `hostOverride` does",
            _ => "`hostOverride` is missing: a custom provider has no host of its own",
        }
    }

    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(self.preset.label)
    }

    /// `openAI`, or `openAI: {..}`.
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        Self::read_where(cursor, false)
    }

    /// The same where parameters beside it may say what a cloud's provider needs.
    pub fn read_bare(cursor: &Cursor<'_>) -> Option<Self> {
        Self::read_where(cursor, true)
    }

    fn read_where(cursor: &Cursor<'_>, bare: bool) -> Option<Self> {
        if cursor.is_text() {
            let words = PRESETS.iter().map(|known| (known.word, known)).collect::<Vec<_>>();
            let preset = cursor.word(&words, &LATER)?;
            match preset.word {
                "custom" => {
                    cursor.fail_hint("a custom provider has formats", "custom: {formats: [..]}");
                }
                "bedrock" if !bare => cursor.fail_hint("where is it?", "bedrock: {region: ..}"),
                "vertex" if !bare => cursor.fail_hint("where is it?", "vertex: {projectId: ..}"),
                _ => (),
            }
            return Some(Self::of(preset));
        }
        let entries = cursor.named();
        let [(word, mark, value)] = entries.as_slice() else {
            cursor.fail(&format!("exactly one provider is needed, {} are written", entries.len()));
            return None;
        };
        if LATER.contains(word) {
            let message = format!("`{word}` is not supported by Ringway yet");
            let hint = "its credential takes a dialogue with a person";
            cursor.session().fail(mark, &message, Some(hint.to_owned()));
            return None;
        }
        let Some(preset) = PRESETS.iter().find(|known| known.word == *word) else {
            let words = PRESETS.iter().map(|known| known.word);
            let near = super::diagnostic::nearest(word, words.clone());
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", words.collect::<Vec<_>>().join(", ")),
            };
            cursor.session().fail(mark, &format!("no provider is called `{word}`"), Some(hint));
            return None;
        };
        Some(Self::with(preset, value, bare))
    }

    fn with(preset: Preset, cursor: &Cursor<'_>, bare: bool) -> Self {
        let mut table = cursor.table();
        let mut provider = Self { model: table.maybe("model", read_model), ..Self::of(preset) };
        if preset.is_custom() {
            provider.label = table.maybe("providerOverride", Cursor::owned);
            provider.formats = table.must("formats", read_formats).unwrap_or_default();
        }
        provider.cloud = Cloud::read(preset.word, &mut table, bare);
        table.finish();
        provider
    }
}

impl Serialize for Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Written<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            model: &'a Option<String>,
            #[serde(skip_serializing_if = "<[Format]>::is_empty")]
            formats: &'a [Format],
            #[serde(skip_serializing_if = "Option::is_none")]
            provider_override: &'a Option<String>,
            #[serde(flatten)]
            cloud: &'a Cloud,
        }
        let mut map = serializer.serialize_map(Some(1))?;
        let Self { model, formats, label: provider_override, cloud, .. } = self;
        let written = Written { model, formats, provider_override, cloud };
        map.serialize_entry(self.preset.word, &written)?;
        map.end()
    }
}

fn read_formats(cursor: &Cursor<'_>) -> Option<Vec<Format>> {
    let items = cursor.list();
    if items.is_empty() {
        cursor.fail("a provider without formats speaks nothing");
    }
    let mut formats: Vec<Format> = Vec::new();
    for item in &items {
        let mut table = item.table();
        let api = table.must("type", |c| c.word(&Api::OF_CUSTOM, &[]));
        let path = table.maybe("path", |c| c.parsed(parse_path));
        table.finish();
        let Some(api) = api else { continue };
        if formats.iter().any(|format| format.api == api) {
            item.fail("a format that is written twice");
        }
        formats.push(Format { api, path });
    }
    Some(formats)
}

/// A model as it is sent: what a JSON text can hold, and a label.
pub fn read_model(cursor: &Cursor<'_>) -> Option<String> {
    cursor.parsed(|text| {
        let fits = !text.is_empty() && text.len() <= crate::limits::JSON_TEXT_BYTES_MAX;
        match fits && !text.chars().any(char::is_control) {
            true => Ok(text.to_owned()),
            false => Err(format!("`{}` is no name of a model", text.escape_debug())),
        }
    })
}

/// What paths begin with: `/` is nothing.
pub fn parse_prefix(text: &str) -> Result<String, String> {
    let path = parse_path(text)?;
    Ok(path.trim_end_matches('/').to_owned())
}

/// A credential that goes into a header field.
pub fn read_key(cursor: &Cursor<'_>) -> Option<scalar::Secret> {
    let key = cursor.text()?;
    if key.is_empty() || key.bytes().any(|byte| !byte.is_ascii_graphic()) {
        cursor.fail("a key is visible ASCII without spaces");
        return None;
    }
    Some(scalar::Secret::new(key.to_owned()))
}

#[cfg(test)]
mod tests;
