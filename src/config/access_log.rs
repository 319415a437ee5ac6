//! `frontendPolicies.accessLog`: which requests are logged, and what their records have besides what
//! all have. Where the log goes is `config.ringway.accessLog`.

use serde::Serialize;

use super::expression::{Expression, Wants, When};
use super::policy::prompt::Made;
use super::reader::Cursor;
use crate::limits::LOG_FIELDS_MAX;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessLogPolicy {
    /// Requests for which it is true. None: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Expression>,
    /// Fields, each with what an expression makes; none where it fails.
    #[serde(skip_serializing_if = "Made::is_empty")]
    pub add: Made,
}

impl AccessLogPolicy {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["database", "otlp", "remove"]);
        let policy = Self {
            filter: table
                .maybe("filter", |c| Expression::read(c, Wants::Condition, When::Response)),
            add: table.or("add", Made::default(), read_fields),
        };
        table.finish();
        Some(policy)
    }
}

fn read_fields(cursor: &Cursor<'_>) -> Option<Made> {
    let mut made = Vec::new();
    for (name, mark, value) in cursor.named() {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(good) {
            let hint = "letters, digits, and . _ - /".to_owned();
            cursor.session().fail(&mark, "not the name of a field", Some(hint));
        }
        let expression = Expression::read(&value, Wants::Json, When::Response);
        made.extend(expression.map(|made| (name.to_owned(), made)));
    }
    if made.len() > LOG_FIELDS_MAX {
        cursor.fail(&format!("more than {LOG_FIELDS_MAX} fields"));
    }
    Some(Made(made))
}

const NAME_BYTES_MAX: usize = 64;
