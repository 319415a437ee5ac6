//! `buffer`: bodies that are whole before they go on.

use serde::Serialize;

use super::super::reader::Cursor;
use super::super::scalar;
use crate::limits::GATHERED_BYTES_CEILING;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Buffer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Side>,
}

/// A larger body fails: 413 of a request, 502 of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// None: `frontendPolicies.http.maxBufferSize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<usize>,
    pub failure_mode: FailureMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureMode {
    #[default]
    FailClosed,
}

impl Buffer {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let buffer = Self {
            request: table.maybe("request", Side::read),
            response: table.maybe("response", Side::read),
        };
        if !table.has("request") && !table.has("response") {
            table.fail("neither request nor response: nothing is held");
        }
        table.unsupported(&["conditional"]);
        table.finish();
        Some(buffer)
    }
}

impl Side {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let side = Self {
            max_bytes: table
                .maybe("maxBytes", |c| scalar::read_bytes(c, 0..=GATHERED_BYTES_CEILING)),
            failure_mode: table.or("failureMode", FailureMode::FailClosed, |c| {
                c.word(&[("failClosed", FailureMode::FailClosed)], &["failOpen"])
            }),
        };
        table.finish();
        Some(side)
    }
}
