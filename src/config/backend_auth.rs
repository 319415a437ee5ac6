//! `backendAuth`: the credential that a backend is shown in place of the client's own.

use serde::Serialize;

use super::ai::read_key;
use super::reader::Cursor;
use super::scalar::Secret;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendAuth {
    /// As `Authorization: Bearer ..`, or where the provider looks for it.
    pub key: Secret,
}

impl BackendAuth {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["aws", "azure", "copilot", "gcp", "location", "passthrough"]);
        let key = match ["aws", "azure", "copilot", "gcp", "passthrough"]
            .iter()
            .any(|key| table.has(key))
        {
            // What is not supported was told.
            true => table.maybe("key", read_key),
            false => table.must("key", read_key),
        };
        table.finish();
        Some(Self { key: key? })
    }
}
