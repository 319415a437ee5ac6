//! `policies` of a listener, and the policies of a gateway and its listeners: what all routes behind
//! them inherit.

use serde::Serialize;

use super::super::listener::ListenerProtocol;
use super::super::reader::{Cursor, Table};
use super::api_key::ApiKey;
use super::choice::Chosen;
use super::cors::Cors;
use super::guard::Authorization;
use super::transformation::Transformations;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerPolicies {
    /// For routes that have none of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// For routes that have none of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
    /// Beside that of the route: both have to let a request in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Chosen<Authorization>>,
    /// Before those of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformations: Option<Transformations>,
}

const UNSUPPORTED: [&str; 5] = ["basicAuth", "extAuthz", "extProc", "jwtAuth", "oidc"];

impl ListenerPolicies {
    /// Of a listener of `binds`: a table of their own.
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let policies = Self::of(&mut table);
        table.finish();
        Some(policies)
    }

    /// Of a gateway and its listeners: keys among others.
    pub fn of(table: &mut Table<'_>) -> Self {
        table.unsupported(&UNSUPPORTED);
        Self {
            cors: table.maybe("cors", Cors::read),
            api_key: table.maybe("apiKey", ApiKey::read),
            authorization: table.maybe("authorization", |c| Chosen::read(c, Authorization::of)),
            transformations: table.maybe("transformations", Transformations::read),
        }
    }

    /// They are of requests, and some listeners look into none.
    pub fn check(&self, protocol: ListenerProtocol, table: &Table<'_>) {
        if !self.is_empty() && !protocol.is_http() {
            table.fail(&format!("policies of requests, and protocol {protocol} looks into none"));
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
