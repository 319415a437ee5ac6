//! `conditional`: a policy of which there are several, and the first whose condition holds is used.

use serde::Serialize;

use super::super::expression::Expression;
use super::super::reader::{Cursor, Table};
use crate::limits::CONDITIONAL_CASES_MAX;

/// One policy as it is, or the cases of a `conditional`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Chosen<T> {
    Always(T),
    First { conditional: Vec<Case<T>> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case<T> {
    /// None: whatever the request, after all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expression>,
    #[serde(flatten)]
    pub policy: T,
}

impl<T> Chosen<T> {
    /// `read` takes the policy's own keys.
    pub(in crate::config) fn read(
        cursor: &Cursor<'_>,
        read: impl Fn(&mut Table<'_>) -> Option<T>,
    ) -> Option<Self> {
        let mut table = cursor.table();
        let chosen = match table.maybe("conditional", |cases| read_cases(cases, &read)) {
            Some(conditional) => Some(Self::First { conditional }),
            // What is wrong with the cases was said.
            None if table.has("conditional") => None,
            None => read(&mut table).map(Self::Always),
        };
        table.finish();
        chosen
    }

    /// Each of them.
    pub fn policies(&self) -> impl Iterator<Item = &T> {
        let (one, cases) = match self {
            Self::Always(policy) => (Some(policy), &[][..]),
            Self::First { conditional } => (None, conditional.as_slice()),
        };
        one.into_iter().chain(cases.iter().map(|case| &case.policy))
    }

    /// Whether one of them is used whatever the request.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Always(_) => true,
            Self::First { conditional } => conditional.iter().any(|case| case.condition.is_none()),
        }
    }
}

fn read_cases<T>(
    cursor: &Cursor<'_>,
    read: impl Fn(&mut Table<'_>) -> Option<T>,
) -> Option<Vec<Case<T>>> {
    let items = cursor.list();
    if !(1..=CONDITIONAL_CASES_MAX).contains(&items.len()) {
        cursor.fail(&format!("{} cases are not in 1 to {CONDITIONAL_CASES_MAX}", items.len()));
        return None;
    }
    let mut cases = Vec::new();
    let last = items.len() - 1;
    for (index, item) in items.iter().enumerate() {
        let mut table = item.table();
        if !table.has("condition") && index < last {
            item.fail_hint("it has no `condition`: those after it are never used", "put it last");
        }
        let has_condition = table.has("condition");
        let condition = table.maybe("condition", Expression::condition);
        let policy = read(&mut table);
        table.finish();
        if condition.is_some() == has_condition
            && let Some(policy) = policy
        {
            cases.push(Case { condition, policy });
        }
    }
    (cases.len() == items.len()).then_some(cases)
}
