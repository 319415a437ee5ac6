//! `requestMirror`: another backend that gets a share of the requests as well.

use serde::Serialize;

use super::super::backend::RouteBackend;
use super::super::reader::Cursor;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestMirror {
    pub backend: RouteBackend,
    /// From 0 to 1, whatever its name says: as in agentgateway.
    pub percentage: f64,
}

/// A share is never no number.
impl Eq for RequestMirror {}

impl RequestMirror {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let backend = table.must("backend", RouteBackend::read);
        let percentage = table.or("percentage", 1.0, |c| {
            let share = c.number()?;
            if !(0.0..=1.0).contains(&share) {
                c.fail_hint(&format!("{share} is not in 0 to 1"), "a half is 0.5");
                return None;
            }
            Some(share)
        });
        table.unsupported(&["conditional"]);
        table.finish();
        Some(Self { backend: backend?, percentage })
    }
}
