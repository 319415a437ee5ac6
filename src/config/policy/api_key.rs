//! `apiKey`: who may ask, by a key that he shows. What a key is allowed beside that (models, a
//! team, an end, budgets) is Ringway's own, and makes it a virtual key.
//!
//! A key is hashed as soon as it is read: no dump, log or message can show it. Keys may stand in a
//! file of their own, which is read with the configuration, and watched.

mod metadata;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::super::Diagnostics;
use super::super::budget::{Budget, read_name, read_pattern};
use super::super::file::FilePath;
use super::super::header::FieldName;
use super::super::reader::{Cursor, Session, Table};
use super::super::scalar;
use super::super::source::Source;
use super::super::yaml::Document;
use crate::base::period;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The same ones wherever the policy is inherited.
    #[serde(serialize_with = "serialize_keys")]
    pub keys: Arc<[Key]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePath>,
    pub mode: Mode,
    /// None: where clients put it by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Nobody without a key.
    Strict,
    /// Who shows a key has to show a right one.
    #[default]
    Optional,
    /// Anybody; a right key is known.
    Permissive,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    Header { name: FieldName, prefix: String },
    QueryParameter { name: String },
    Cookie { name: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    #[serde(rename = "keyHash")]
    pub digest: Digest,
    /// None: nobody can tell it by a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// As clients name them; one `*` stands for anything. None: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_moment")]
    pub expires: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
}

/// What is known of a key: its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Nothing is known to have it.
    const NOBODYS: Self = Self([0; 32]);

    pub fn of(key: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, key).as_ref());
        Self(bytes)
    }

    pub fn is_nobodys(&self) -> bool {
        *self == Self::NOBODYS
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "not sha256: and 64 hexadecimal digits".to_owned();
        if text == REDACTED {
            // Of a dump that was put back: nobody has this one.
            return Ok(Self::NOBODYS);
        }
        if text.starts_with("$2") {
            return Err(
                "bcrypt is not supported by Ringway: a key of random letters needs no slow \
                        hash, sha256: does"
                    .to_owned(),
            );
        }
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// Who could guess keys could find them by it.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// The keys of a file: a list of them, or a table that has it as `keys`. YAML, so JSON too.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_file(text: &str, origin: &str) -> Result<Vec<Key>, Diagnostics> {
    // A key may have a `$` in it, and a file of keys comes out of a program: nothing is filled in.
    let environment = &|_: &str| None;
    let source = Source::verbatim(text);
    let session = Session::new(origin, &source, environment);
    let keys = match Document::parse(source.text()) {
        Err(error) => {
            session.fail_at(error.at, "", &error.message, None);
            None
        }
        Ok(document) if document.root.value.is_null() => Some(Vec::new()),
        Ok(document) => {
            let root = session.root(&document.root);
            if root.is_list() {
                Some(read_keys(&root))
            } else {
                let mut table = root.table();
                let keys = table.must("keys", |c| Some(read_keys(c)));
                table.finish();
                keys
            }
        }
    };
    session.finish().0.into_result(keys)
}

impl ApiKey {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["conditional"]);
        let modes = [
            ("strict", Mode::Strict),
            ("optional", Mode::Optional),
            ("permissive", Mode::Permissive),
        ];
        let keys = table.maybe("keys", |c| Some(read_keys(c))).unwrap_or_default();
        let policy = Self {
            keys: keys.into(),
            file: table.maybe("file", FilePath::read),
            mode: table.or("mode", Mode::Optional, |c| c.word(&modes, &[])),
            location: table.maybe("location", Location::read),
        };
        if !table.has("keys") && !table.has("file") {
            table.fail("neither `keys` nor `file`: there is no key to be shown");
        }
        table.finish();
        Some(policy)
    }
}

fn read_keys(cursor: &Cursor<'_>) -> Vec<Key> {
    let items = cursor.list();
    if items.len() > limits::API_KEYS_MAX {
        cursor.fail(&format!("more than {} keys", limits::API_KEYS_MAX));
        return Vec::new();
    }
    let mut known = BTreeSet::new();
    let mut keys = Vec::new();
    for item in &items {
        let Some(key) = Key::read(item) else { continue };
        if key.digest != Digest::NOBODYS && !known.insert(key.digest.0) {
            item.fail("the same key stands twice");
        }
        keys.push(key);
    }
    keys
}

impl Key {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let digest = match table.one_of(&["key", "keyHash"]) {
            Some(("key", value)) => super::super::ai::read_key(&value)
                .map(|secret| Digest::of(secret.expose().as_bytes())),
            // No message quotes it.
            Some((_, value)) => value.parsed(Digest::parse),
            None => None,
        };
        let metadata = table.or("metadata", Map::new(), metadata::read);
        let title = metadata.get("name").and_then(Value::as_str).map(str::to_owned);
        let group = metadata.get("team").and_then(Value::as_str).map(str::to_owned);
        let models = |c: &Cursor<'_>| {
            let items = c.list();
            if items.len() > limits::KEY_MODELS_MAX {
                c.fail(&format!("more than {} models", limits::KEY_MODELS_MAX));
            }
            Some(items.iter().filter_map(read_pattern).collect())
        };
        let key = Self {
            digest: digest.unwrap_or(Digest::NOBODYS),
            name: table.maybe("name", read_name).or(title),
            team: table.maybe("team", read_name).or(group),
            metadata,
            models: table.renamed("models", "allowedModels", models),
            expires: table.maybe("expires", |c| {
                let wrong = || "not a day or a time, as 2026-01-31 or 2026-01-31T09:00:00Z";
                c.parsed(|text| period::parse(text).ok_or_else(|| wrong().to_owned()))
            }),
            budgets: table.list("budgets", |c| Budget::read(c, false)).unwrap_or_default(),
        };
        if key.name.is_none() && key.budgets.iter().any(|budget| budget.name.is_none()) {
            table.fail(
                "a key with budgets has a `name`: what was used is found by it after a restart",
            );
        }
        table.finish();
        digest.map(|_| key)
    }
}

impl Location {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["expression"]);
        let location = match table.one_of(&["header", "queryParameter", "cookie"]) {
            Some(("header", value)) => {
                let mut table = value.table();
                let name = table.must("name", |c| c.parsed(FieldName::parse));
                let prefix = table.or("prefix", String::new(), |c| {
                    c.parsed(|text| scalar::check_field_value(text).map(|()| text.to_owned()))
                });
                table.finish();
                name.map(|name| Self::Header { name, prefix })
            }
            Some(("queryParameter", value)) => {
                named(&value).map(|name| Self::QueryParameter { name })
            }
            Some((_, value)) => named(&value).map(|name| Self::Cookie { name }),
            None => None,
        };
        table.finish();
        location
    }
}

fn named(cursor: &Cursor<'_>) -> Option<String> {
    let mut table: Table<'_> = cursor.table();
    let name = table.must("name", |c| {
        c.parsed(|text| match scalar::is_token(text) {
            true => Ok(text.to_owned()),
            false => Err(format!("`{}` is not a name", text.escape_debug())),
        })
    });
    table.finish();
    name
}

fn serialize_keys<S: Serializer>(keys: &Arc<[Key]>, serializer: S) -> Result<S::Ok, S::Error> {
    keys.as_ref().serialize(serializer)
}

fn serialize_moment<S: Serializer>(at: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&period::format(at.unwrap_or(0)))
}

const REDACTED: &str = "<redacted>";

#[cfg(test)]
mod tests;
