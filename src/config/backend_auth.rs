//! `backendAuth`: the credential that a backend is shown in place of the client's own. A key stands
//! in the configuration; what a cloud gives out for a while is only named here, and fetched by
//! control. Raw: nothing is read or asked.

mod azure;

use std::path::PathBuf;

use serde::Serialize;

pub use self::azure::{Azure, Identity};
use super::ai::read_key;
use super::reader::Cursor;
use super::scalar::{self, Secret};
use crate::limits::CREDENTIAL_TEXT_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BackendAuth {
    /// The client's own goes on, whatever the route says.
    Passthrough {},
    Key(Key),
    Aws(Aws),
    Gcp(Gcp),
    Azure(Azure),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    pub value: Secret,
    /// None: where the provider looks for it, else `Authorization: Bearer ..`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A field of the head, written as `header: {name: .., prefix: ..}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Written")]
pub struct Location {
    pub name: String,
    /// What stands in front of the key, its space included.
    pub prefix: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Written {
    Header {
        name: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        prefix: String,
    },
}

impl From<Location> for Written {
    fn from(Location { name, prefix }: Location) -> Self {
        Self::Header { name, prefix }
    }
}

/// Requests are signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Aws {
    /// None: what the environment, a profile, a web identity, the container or the machine has.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub keys: Option<AwsKeys>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Of the process, where nothing nearer says one.
    #[serde(skip)]
    pub ambient_region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsKeys {
    pub access_key_id: Secret,
    pub secret_access_key: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gcp {
    #[serde(rename = "type")]
    pub kind: GcpKind,
    /// Only of `idToken`. None: the host of the backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// None: what the environment, the user or the machine has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Material>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GcpKind {
    #[default]
    AccessToken,
    IdToken,
}

/// A text, or the file that has it: read each time that it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Material {
    File(PathBuf),
    #[serde(untagged)]
    Inline(Secret),
}

impl BackendAuth {
    /// A key where it usually goes.
    pub fn key(value: Secret) -> Self {
        Self::Key(Key { value, location: None })
    }

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["copilot", "credentials", "crossAppAccess", "jwtSign"]);
        table.unsupported(&["oauthTokenExchange"]);
        let found = table.one_of(&["key", "passthrough", "aws", "gcp", "azure"]);
        let auth = found.and_then(|(word, value)| match word {
            "key" => Key::read(&value).map(Self::Key),
            "aws" => Aws::read(&value).map(Self::Aws),
            "gcp" => Gcp::read(&value).map(Self::Gcp),
            "azure" => Azure::read(&value).map(Self::Azure),
            _ => {
                let mut passthrough = value.table();
                passthrough.unsupported(&["location"]);
                passthrough.finish();
                Some(Self::Passthrough {})
            }
        });
        table.finish();
        auth
    }

    /// It is fetched, or signed with: more than a field that is known beforehand.
    pub const fn is_of_a_cloud(&self) -> bool {
        matches!(self, Self::Aws(_) | Self::Gcp(_) | Self::Azure(_))
    }
}

impl Key {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return Some(Self { value: read_key(cursor)?, location: None });
        }
        let mut table = cursor.table();
        table.unsupported(&["file"]);
        let value = table.must("value", read_key);
        let location = table.maybe("location", Location::read);
        table.finish();
        Some(Self { value: value?, location })
    }
}

impl Location {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["queryParameter", "cookie", "expression"]);
        let location = table.must("header", |cursor| {
            let mut header = cursor.table();
            let name = header.must("name", |c| c.parsed(parse_field_name));
            let prefix = header.or("prefix", String::new(), |c| c.parsed(parse_prefix));
            header.finish();
            Some(Self { name: name?, prefix })
        });
        table.finish();
        location
    }
}

impl Aws {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["assumeRole"]);
        let id = table.maybe("accessKeyId", read_key);
        let secret = table.maybe("secretAccessKey", read_key);
        let session_token = table.maybe("sessionToken", read_key);
        let has_token = session_token.is_some();
        let keys = match (id, secret) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Some(AwsKeys { access_key_id, secret_access_key, session_token })
            }
            (None, None) if !has_token => None,
            _ => {
                let whole = table.has("accessKeyId") && table.has("secretAccessKey");
                if !whole {
                    table.fail("`accessKeyId` and `secretAccessKey` belong together");
                }
                None
            }
        };
        let region = table.maybe("region", |c| c.parsed(parse_label));
        let service_name = table.maybe("serviceName", |c| c.parsed(parse_label));
        table.finish();
        Some(Self { keys, region, service_name, ambient_region: ambient_region(cursor) })
    }

    /// Of a provider whose requests are signed, and nothing is said about it.
    pub fn implicit(cursor: &Cursor<'_>) -> Self {
        Self { ambient_region: ambient_region(cursor), ..Self::default() }
    }
}

impl Gcp {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let words = [("accessToken", GcpKind::AccessToken), ("idToken", GcpKind::IdToken)];
        let gcp = Self {
            kind: table.or("type", GcpKind::AccessToken, |c| c.word(&words, &[])),
            audience: table.maybe("audience", |c| c.parsed(parse_audience)),
            credential: table.maybe("credential", Material::read),
        };
        if gcp.audience.is_some() && gcp.kind == GcpKind::AccessToken {
            table.fail("`audience` is of an `idToken`: an access token has none");
        }
        table.finish();
        Some(gcp)
    }
}

impl Material {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            let text = cursor.text()?;
            if text.len() > CREDENTIAL_TEXT_BYTES_MAX {
                cursor.fail("no credential is so long");
                return None;
            }
            return Some(Self::Inline(Secret::new(text.to_owned())));
        }
        let mut table = cursor.table();
        let file = table.must("file", scalar::read_path);
        table.finish();
        file.map(Self::File)
    }
}

fn ambient_region(cursor: &Cursor<'_>) -> Option<String> {
    let variable = |name| cursor.session().variable(name, parse_label);
    variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"))
}

/// A part of a host name, and of what is signed.
pub fn parse_label(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match !text.is_empty() && text.len() <= 63 && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{}` is not of letters, digits and -", text.escape_debug())),
    }
}

fn parse_audience(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("an audience is visible ASCII without spaces".to_owned()),
    }
}

fn parse_field_name(text: &str) -> Result<String, String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = text.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(token) {
        return Err(format!("`{}` is no name of a field", text.escape_debug()));
    }
    match OF_THE_MESSAGE.contains(&name.as_str()) {
        true => Err(format!("`{name}` says what the message is: no credential goes there")),
        false => Ok(name),
    }
}

fn parse_prefix(text: &str) -> Result<String, String> {
    match text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("a prefix is visible ASCII and spaces".to_owned()),
    }
}

const OF_THE_MESSAGE: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "connection", "te", "upgrade"];

#[cfg(test)]
mod tests;
