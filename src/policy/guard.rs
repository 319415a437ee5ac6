//! Steps that turn requests away: `authorization` by expressions, `csrf` by where a request comes
//! from. Immutable; neither says to a client why.

use std::ops::BitOr;

use super::attributes::Attributes;
use super::cors::Origins;
use super::expression::{Expression, Reads};
use super::verdict::{Refusal, Verdict};

/// Rules of an `authorization`, by what they do.
#[derive(Clone, Debug, Default)]
pub struct AuthorizationSpec {
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    pub require: Vec<String>,
}

/// A rule that fails lets nobody in: an `allow` or `require` does not hold then, and a `deny`
/// denies. agentgateway's `deny` lets pass what it cannot judge.
#[derive(Clone, Debug)]
pub struct Authorization {
    allow: Box<[Expression]>,
    deny: Box<[Expression]>,
    require: Box<[Expression]>,
}

impl Authorization {
    /// # Errors
    /// An expression does not compile.
    pub fn compile(spec: &AuthorizationSpec) -> Result<Self, String> {
        let rules = |rules: &[String]| {
            rules.iter().map(|rule| Expression::compile(rule)).collect::<Result<Box<_>, _>>()
        };
        Ok(Self {
            allow: rules(&spec.allow)?,
            deny: rules(&spec.deny)?,
            require: rules(&spec.require)?,
        })
    }

    /// Which bodies the rules look into.
    pub fn reads(&self) -> Reads {
        let rules = self.deny.iter().chain(&self.require).chain(&self.allow);
        rules.map(Expression::reads).fold(Reads::default(), BitOr::bitor)
    }

    pub fn run(&self, attributes: &Attributes<'_>) -> Verdict<'_> {
        let holds = |rule: &Expression| rule.holds(attributes);
        let denies = |rule: &Expression| rule.truth(attributes).unwrap_or(true);
        let allowed = !self.deny.iter().any(denies)
            && self.require.iter().all(holds)
            && (self.allow.is_empty() || self.allow.iter().any(holds));
        if allowed { Verdict::Continue } else { Verdict::Refuse(Refusal::Authorization) }
    }
}

/// Refuses what a page of another origin made a browser send: by `Sec-Fetch-Site`, which pages
/// cannot forge, and where a browser sends none, by `Origin` and `Host`. What no browser sent
/// passes: it carries no cookies of anybody else.
#[derive(Clone, Debug)]
pub struct Csrf {
    trusted: Origins,
}

impl Csrf {
    pub fn compile(additional_origins: &[String]) -> Self {
        Self { trusted: Origins::compile(additional_origins) }
    }

    pub fn run(&self, attributes: &Attributes<'_>) -> Verdict<'_> {
        let request = attributes.request();
        let method = request.head.method_name.of(request.bytes);
        // RFC 9110 section 9.2.1.
        if [&b"GET"[..], b"HEAD", b"OPTIONS", b"TRACE"].contains(&method) {
            return Verdict::Continue;
        }
        let origin = attributes.header(b"origin").next();
        let same = match attributes.header(b"sec-fetch-site").next() {
            Some(site) => site == b"same-origin" || site == b"none",
            None => origin.is_none_or(|origin| {
                let host = host_of(origin);
                !host.is_empty() && host.eq_ignore_ascii_case(request.head.host.of(request.bytes))
            }),
        };
        if same || origin.is_some_and(|origin| self.trusted.allow(origin)) {
            Verdict::Continue
        } else {
            Verdict::Refuse(Refusal::Csrf)
        }
    }
}

/// Host and port of an origin. The scheme does not count: TLS may end before us.
fn host_of(origin: &[u8]) -> &[u8] {
    let at = origin.windows(3).position(|part| part == b"://");
    at.map_or(&[], |at| &origin[at + 3..])
}

#[cfg(test)]
mod tests;
