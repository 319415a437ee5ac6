//! `cors`: which other origins' pages may read the answers, and send what they like.

use std::time::Duration;

use serde::Serialize;

use super::super::reader::Cursor;
use super::super::scalar;
use crate::limits::CORS_NAMES_MAX;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cors {
    /// `*`, or `scheme://host:port`, where one `*` stands for some of the host or the port.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<String>,
    /// Methods and headers: `*` is all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    pub allow_credentials: bool,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub max_age: Option<Duration>,
}

impl Cors {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let cors = Self {
            allow_origins: table
                .maybe("allowOrigins", |c| read_list(c, parse_origin))
                .unwrap_or_default(),
            allow_methods: table
                .maybe("allowMethods", |c| read_list(c, parse_token))
                .unwrap_or_default(),
            allow_headers: table
                .maybe("allowHeaders", |c| read_list(c, parse_token))
                .unwrap_or_default(),
            expose_headers: table
                .maybe("exposeHeaders", |c| read_list(c, parse_token))
                .unwrap_or_default(),
            allow_credentials: table.or("allowCredentials", false, Cursor::flag),
            max_age: table.maybe("maxAge", scalar::read_timeout),
        };
        table.unsupported(&["conditional"]);
        if cors.allow_origins.is_empty() && !table.has("allowOrigins") {
            table.fail("`allowOrigins` is missing: no other origin would be allowed anything");
        }
        table.finish();
        Some(cors)
    }
}

pub(super) fn read_list(
    cursor: &Cursor<'_>,
    parse: fn(&str) -> Result<String, String>,
) -> Option<Vec<String>> {
    let items = cursor.list();
    if items.len() > CORS_NAMES_MAX {
        cursor.fail(&format!("more than {CORS_NAMES_MAX}"));
    }
    Some(items.iter().filter_map(|item| item.parsed(parse)).collect())
}

/// RFC 6454 section 6.2, as a browser writes it.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    if text == "*" || text == "null" {
        return Ok(text.to_owned());
    }
    let wrong = |why: &str| Err(format!("`{text}` is no origin: {why}"));
    let Some((scheme, host)) = text.split_once("://") else {
        return wrong("it is scheme://host, or *");
    };
    if !scalar::is_token(scheme) {
        return wrong("its scheme is http or https");
    }
    if host.contains('/') {
        return wrong("it ends with the host and the port, without a path");
    }
    if text.matches('*').count() > 1 {
        return wrong("one * is enough");
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "*-._:[]".contains(c);
    if host.is_empty() || !host.chars().all(good) {
        return wrong("that is no host");
    }
    Ok(text.to_ascii_lowercase())
}

fn parse_token(text: &str) -> Result<String, String> {
    match scalar::is_token(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{}` is no name", text.escape_debug())),
    }
}
