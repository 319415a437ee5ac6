//! `sessionAffinity`: what keeps a client with one endpoint. A `key` is agentgateway's: requests of one
//! key go to one endpoint, as far as it is well. The cookie is ours, and names the endpoint.

use std::time::Duration;

use serde::Serialize;

use super::super::expression::{Expression, Wants, When};
use super::super::policy::parse_path;
use super::super::reader::{Cursor, Table};
use super::super::scalar;
use super::{Algorithm, LoadBalancer, read_cookie_name};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionAffinity {
    /// Hashed, whatever the algorithm for those for whom it fails.
    Key(Expression),
    Cookie(AffinityCookie),
}

/// A cookie of ours that names the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AffinityCookie {
    pub name: String,
    pub path: String,
    /// None: as long as the browser runs.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub ttl: Option<Duration>,
}

impl SessionAffinity {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let affinity = match table.one_of(&["cookie", "key"]) {
            Some(("cookie", value)) => AffinityCookie::read(&value).map(Self::Cookie),
            Some((_, value)) => Expression::read(&value, Wants::Text, When::Request).map(Self::Key),
            None => None,
        };
        table.finish();
        affinity
    }

    /// Two ways to choose by the request: one of them would never be used.
    pub fn check(&self, balancer: Option<&LoadBalancer>, table: &Table<'_>) {
        let other = balancer.is_some_and(|balancer| balancer.algorithm != Algorithm::default());
        if matches!(self, Self::Key(_)) && other {
            table
                .fail("sessionAffinity.key chooses the endpoint: loadBalancer.algorithm is unused");
        }
    }
}

impl AffinityCookie {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", read_cookie_name);
        let path = table.or("path", "/".to_owned(), |c| c.parsed(parse_cookie_path));
        let ttl = table.maybe("ttl", |c| {
            let ttl = scalar::read_timeout(c)?;
            if ttl.as_secs() == 0 {
                c.fail("a cookie lives for whole seconds");
            }
            Some(ttl)
        });
        table.finish();
        Some(Self { name: name?, path, ttl })
    }
}

/// RFC 6265 section 4.1.1: a semicolon would end it.
fn parse_cookie_path(text: &str) -> Result<String, String> {
    match text.contains(';') {
        true => Err("the path of a cookie holds no `;`".to_owned()),
        false => parse_path(text),
    }
}
