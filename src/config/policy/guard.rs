//! Policies that turn requests away or hold them: `authorization`, `csrf`, `delay`.

use serde::Serialize;

use super::super::expression::{Expression, Wants, When};
use super::super::reader::{Cursor, Table};
use super::cors;
use crate::limits::AUTHORIZATION_RULES_MAX;

/// Any `deny` that holds denies; every `require` has to hold; and, where there are any, one `allow`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Authorization {
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    Allow(Expression),
    Deny(Expression),
    Require(Expression),
}

/// By `Sec-Fetch-Site`, else by `Origin` and `Host`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Csrf {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_origins: Vec<String>,
}

/// Holds a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delay {
    /// Milliseconds.
    pub duration: Expression,
}

impl Authorization {
    pub(in crate::config) fn of(table: &mut Table<'_>) -> Option<Self> {
        let rules = table.must("rules", |c| {
            let items = c.list();
            if items.len() > AUTHORIZATION_RULES_MAX {
                c.fail(&format!("more than {AUTHORIZATION_RULES_MAX} rules"));
            }
            let rules: Vec<_> = items.iter().filter_map(Rule::read).collect();
            (rules.len() == items.len()).then_some(rules)
        });
        Some(Self { rules: rules? })
    }
}

impl Rule {
    /// A bare expression allows.
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return Expression::condition(cursor).map(Self::Allow);
        }
        let mut table = cursor.table();
        let rule = match table.one_of(&["allow", "deny", "require"]) {
            Some(("allow", value)) => Expression::condition(&value).map(Self::Allow),
            Some(("deny", value)) => Expression::condition(&value).map(Self::Deny),
            Some((_, value)) => Expression::condition(&value).map(Self::Require),
            None => None,
        };
        table.finish();
        rule
    }
}

impl Csrf {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let origins = table.maybe("additionalOrigins", |c| cors::read_list(c, cors::parse_origin));
        table.unsupported(&["conditional"]);
        table.finish();
        Some(Self { additional_origins: origins.unwrap_or_default() })
    }
}

impl Delay {
    pub(super) fn of(table: &mut Table<'_>) -> Option<Self> {
        let number = |c: &Cursor<'_>| Expression::read(c, Wants::Number, When::Request);
        Some(Self { duration: table.must("duration", number)? })
    }
}
