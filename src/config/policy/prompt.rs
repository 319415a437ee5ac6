//! What is done to a request for a model before it is sent: fields that are set, messages that are put
//! around its own, marks for the provider's cache. Keys and their order of effect are agentgateway's:
//! overrides, what expressions make, defaults, prompts, marks; then the final expressions.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::expression::{Expression, Wants, When};
use super::super::json::{self, Fields};
use super::super::reader::{Cursor, Table};
use crate::limits;

/// Fields of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edits {
    /// For who brings none.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "json::serialize")]
    pub defaults: Fields,
    /// In place of what is brought.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "json::serialize")]
    pub overrides: Fields,
    /// What an expression makes of the request; where it fails the field is left out.
    #[serde(skip_serializing_if = "Made::is_empty")]
    pub transformations: Made,
}

/// Expressions by the fields that they make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made(pub Vec<(String, Expression)>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompts {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prepend: Vec<Message>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub append: Vec<Message>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

/// Where the provider is told to cache. Only APIs that have marks for it get any: Messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptCaching {
    pub cache_system: bool,
    pub cache_messages: bool,
    pub cache_tools: bool,
    /// What is shorter, as it is estimated, gets no mark.
    pub min_tokens: u32,
    /// 0: all but the last message. 1: all but the last two.
    pub cache_message_offset: u32,
}

impl Edits {
    pub fn read(table: &mut Table<'_>) -> Self {
        Self {
            defaults: table.or("defaults", Vec::new(), json::read_fields),
            overrides: table.or("overrides", Vec::new(), json::read_fields),
            transformations: table.or("transformations", Made::default(), Made::read),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Made {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let named = cursor.named().into_iter();
        let made = named.filter_map(|(name, _, value)| {
            Some((name.to_owned(), Expression::read(&value, Wants::Json, When::Model)?))
        });
        Some(Self(made.collect()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Made {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, made) in &self.0 {
            map.serialize_entry(name, made)?;
        }
        map.end()
    }
}

impl Prompts {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let prompts = Self {
            prepend: table.list("prepend", Message::read).unwrap_or_default(),
            append: table.list("append", Message::read).unwrap_or_default(),
        };
        let count = prompts.prepend.len().max(prompts.append.len());
        if count > limits::PROMPTS_MAX {
            table.fail(&format!("more than {} messages", limits::PROMPTS_MAX));
        }
        table.finish();
        Some(prompts)
    }
}

impl Message {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let roles = [
            ("system", Role::System),
            ("developer", Role::Developer),
            ("user", Role::User),
            ("assistant", Role::Assistant),
        ];
        let mut table = cursor.table();
        let role = table.must("role", |c| c.word(&roles, &["tool"]));
        let content = table.must("content", Cursor::owned);
        table.finish();
        Some(Self { role: role?, content: content? })
    }
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// It says how to answer, and stands apart where an API has a place for that.
    pub const fn is_instruction(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

impl PromptCaching {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let number = |c: &Cursor<'_>| c.integer(0..=i128::from(u32::MAX));
        let caching = Self {
            cache_system: table.or("cacheSystem", true, Cursor::flag),
            cache_messages: table.or("cacheMessages", true, Cursor::flag),
            cache_tools: table.or("cacheTools", false, Cursor::flag),
            min_tokens: table.or("minTokens", limits::CACHED_TOKENS_MIN, number),
            cache_message_offset: table.or("cacheMessageOffset", 0, number),
        };
        table.finish();
        Some(caching)
    }
}
