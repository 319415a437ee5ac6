//! `compression` of a route: what responses are coded for clients that take it. Ringway's own.

use serde::{Serialize, Serializer};

use super::reader::Cursor;
use super::scalar;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compression {
    /// In the order of preference, where the client has none.
    pub algorithms: Vec<Algorithm>,
    /// Of bodies whose length is told.
    pub min_bytes: usize,
    pub types: Vec<MediaRange>,
    pub brotli_level: u8,
    pub zstd_level: u8,
    pub gzip_level: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    #[serde(rename = "br")]
    Brotli,
    Zstd,
    Gzip,
}

/// Which media types: in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaRange {
    /// `application/json`
    Exact(String),
    /// `text/*`, without the star.
    Under(String),
    /// `*+json`, without the star.
    EndingIn(String),
}

/// What gets smaller: text in its many forms, and the binaries that are not packed already.
const TYPES: [&str; 13] = [
    "text/*",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/x-javascript",
    "application/x-ndjson",
    "application/graphql",
    "application/wasm",
    "*+json",
    "*+xml",
    "font/ttf",
    "font/otf",
    "image/bmp",
];

const ALGORITHMS: [(&str, Algorithm); 3] =
    [("br", Algorithm::Brotli), ("zstd", Algorithm::Zstd), ("gzip", Algorithm::Gzip)];

impl Compression {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let level = |most: u8| move |c: &Cursor<'_>| c.integer(1..=i128::from(most));
        let compression = Self {
            algorithms: table
                .maybe("algorithms", read_algorithms)
                .unwrap_or_else(|| default.algorithms.clone()),
            min_bytes: table.or("minBytes", default.min_bytes, |c| {
                scalar::read_bytes(c, 0..=limits::COMPRESS_FROM_BYTES_CEILING)
            }),
            types: table.maybe("types", read_types).unwrap_or(default.types),
            brotli_level: table.or(
                "brotliLevel",
                default.brotli_level,
                level(limits::BROTLI_LEVEL_MAX),
            ),
            zstd_level: table.or("zstdLevel", default.zstd_level, level(limits::ZSTD_LEVEL_MAX)),
            gzip_level: table.or("gzipLevel", default.gzip_level, level(limits::GZIP_LEVEL_MAX)),
        };
        table.finish();
        Some(compression)
    }
}

impl Default for Compression {
    fn default() -> Self {
        let types = TYPES.iter().filter_map(|text| MediaRange::parse(text).ok());
        Self {
            algorithms: ALGORITHMS.iter().map(|(_, algorithm)| *algorithm).collect(),
            min_bytes: limits::COMPRESS_FROM_BYTES,
            types: types.collect(),
            brotli_level: limits::BROTLI_LEVEL,
            zstd_level: limits::ZSTD_LEVEL,
            gzip_level: limits::GZIP_LEVEL,
        }
    }
}

fn read_algorithms(cursor: &Cursor<'_>) -> Option<Vec<Algorithm>> {
    let mut algorithms: Vec<Algorithm> = Vec::new();
    for item in cursor.list() {
        let Some(coding) = item.word(&ALGORITHMS, &[]) else { continue };
        if algorithms.contains(&coding) {
            item.fail("named twice");
        }
        algorithms.push(coding);
    }
    if algorithms.is_empty() {
        cursor.fail_hint("no algorithm is left", "without compression: leave the policy out");
        return None;
    }
    Some(algorithms)
}

fn read_types(cursor: &Cursor<'_>) -> Option<Vec<MediaRange>> {
    let list = cursor.list();
    if !(1..=limits::COMPRESS_TYPES_MAX).contains(&list.len()) {
        let most = limits::COMPRESS_TYPES_MAX;
        cursor.fail(&format!("{} types are not in 1 to {most}", list.len()));
        return None;
    }
    Some(list.iter().filter_map(|item| item.parsed(MediaRange::parse)).collect())
}

impl MediaRange {
    fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let is_name = |name: &str| scalar::is_token(name) && !name.contains('*');
        if let Some(suffix) = lower.strip_prefix('*')
            && suffix.starts_with('+')
            && is_name(suffix)
        {
            return Ok(Self::EndingIn(suffix.to_owned()));
        }
        match lower.split_once('/') {
            Some((kind, "*")) if is_name(kind) => Ok(Self::Under(format!("{kind}/"))),
            Some((kind, name)) if is_name(kind) && is_name(name) => Ok(Self::Exact(lower)),
            _ => Err(format!("`{text}` is no media type, such as text/html, text/* or *+json")),
        }
    }
}

impl Serialize for MediaRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(name) => serializer.serialize_str(name),
            Self::Under(kind) => serializer.collect_str(&format_args!("{kind}*")),
            Self::EndingIn(suffix) => serializer.collect_str(&format_args!("*{suffix}")),
        }
    }
}

#[cfg(test)]
mod tests;
