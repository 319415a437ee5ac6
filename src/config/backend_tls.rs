//! `policies.backendTLS`: TLS towards a backend. What is written at a route's backend counts, as a
//! whole; else what is at the backend of that name; else what is at the route. Paths stay as
//! written. Raw: nothing is opened.

use std::net::IpAddr;

use serde::Serialize;

use super::file::FilePath;
use super::reader::{Cursor, Table};
use super::scalar;
use super::tls::{KeyExchangeGroup, check_count};
use crate::limits;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTls {
    /// What we show: a chain of certificates and its key, both or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<FilePath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<FilePath>,
    /// Whom we trust. None: the authorities of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<FilePath>,
    /// Asked for by SNI, and looked for in the certificate. None: the host of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Nothing of the certificate is checked.
    pub insecure: bool,
    /// Whom it is for is not checked, who made it is.
    pub insecure_host: bool,
    /// None: by the version of HTTP that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<Vec<String>>,
    /// One of them has to be in the certificate, in place of the host's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subject_alt_names: Vec<SubjectAltName>,
    /// None: `KeyExchangeGroup::DEFAULT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_exchange_groups: Vec<KeyExchangeGroup>,
}

/// RFC 5280 section 4.2.1.6, as far as agentgateway knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum SubjectAltName {
    Address(IpAddr),
    /// Has `://` in it: `spiffe://cluster.local/ns/default/sa/origin`.
    Uri(String),
    /// A host name.
    Name(String),
}

impl BackendTls {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["spiffe"]);
        let tls = Self {
            cert: table.maybe("cert", FilePath::read),
            key: table.maybe("key", FilePath::read),
            root: table.maybe("root", FilePath::read),
            hostname: table.maybe("hostname", |c| c.parsed(parse_server_name)),
            insecure: table.or("insecure", false, Cursor::flag),
            insecure_host: table.or("insecureHost", false, Cursor::flag),
            alpn: table.list("alpn", |c| c.parsed(parse_alpn)),
            subject_alt_names: table
                .maybe("subjectAltNames", read_subject_alt_names)
                .unwrap_or_default(),
            key_exchange_groups: table
                .list("keyExchangeGroups", KeyExchangeGroup::read)
                .unwrap_or_default(),
        };
        tls.refuse_contradictions(&mut table);
        table.finish();
        Some(tls)
    }

    /// agentgateway takes these and drops one of the two without a word.
    fn refuse_contradictions(&self, table: &mut Table<'_>) {
        match (table.has("cert"), table.has("key")) {
            (true, false) => table.fail("`cert` without `key`"),
            (false, true) => table.fail("`key` without `cert`"),
            _ => (),
        }
        if self.insecure {
            let message = "not looked at: `insecure` checks no certificate";
            table.refuse("root", message, None);
            table.refuse("subjectAltNames", message, None);
            if self.insecure_host {
                table.refuse("insecureHost", message, None);
            }
        }
        if self.insecure_host && !self.insecure {
            let message = "not looked at: `insecureHost` checks no name";
            table.refuse("subjectAltNames", message, None);
        }
    }

    /// Whether it is said whom the certificate has to be for, where the endpoint does not say it.
    pub const fn needs_no_host(&self) -> bool {
        let unchecked = self.insecure || self.insecure_host;
        self.hostname.is_some() || unchecked || !self.subject_alt_names.is_empty()
    }
}

/// RFC 7301 section 3.1; every protocol that is registered for it is visible ASCII.
fn parse_alpn(text: &str) -> Result<String, String> {
    let fits = (1..=limits::ALPN_NAME_BYTES_MAX).contains(&text.len());
    match fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is no protocol's name, such as h2 or http/1.1")),
    }
}

fn parse_server_name(text: &str) -> Result<String, String> {
    if text.parse::<IpAddr>().is_err() {
        scalar::check_name(text)?;
    }
    Ok(text.to_ascii_lowercase())
}

fn read_subject_alt_names(cursor: &Cursor<'_>) -> Option<Vec<SubjectAltName>> {
    check_count(cursor, limits::SUBJECT_ALT_NAMES_MAX, "names");
    Some(cursor.list().iter().filter_map(|c| c.parsed(SubjectAltName::parse)).collect())
}

impl SubjectAltName {
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return match text.bytes().all(|byte| byte.is_ascii_graphic()) {
                true => Ok(Self::Uri(text.to_owned())),
                false => Err(format!("`{}` is no URI", text.escape_debug())),
            };
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        scalar::check_name(text)?;
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests;
