//! `backendAuth.azure`: whose name tokens of Entra are asked for in.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::super::ai::read_key;
use super::super::reader::{Cursor, Table};
use super::super::scalar::Secret;
use super::parse_audience;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Azure {
    pub identity: Identity,
    /// Ours: what the token is for. None: Azure's models.
    pub scope: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// A workload identity where the environment names one, else the machine's.
    #[default]
    Implicit,
    ClientSecret {
        tenant_id: String,
        client_id: String,
        client_secret: Secret,
    },
    WorkloadIdentity,
    /// With the parameter that names one of several, and its value.
    ManagedIdentity(Option<(&'static str, String)>),
}

impl Azure {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["developerImplicit"]);
        let scope = table.maybe("scope", |c| c.parsed(parse_audience));
        let implicit = table.maybe("implicit", |c| {
            c.table().finish();
            Some(Identity::Implicit)
        });
        let explicit = table.maybe("explicitConfig", read_identity);
        if table.has("implicit") && table.has("explicitConfig") {
            table.fail("`implicit` and `explicitConfig` are two identities");
        }
        table.finish();
        let identity = explicit.or(implicit).unwrap_or_default();
        Some(Self { identity, scope })
    }
}

/// As it is written.
impl Serialize for Azure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let explicit = match &self.identity {
            Identity::Implicit => None,
            Identity::ClientSecret { tenant_id, client_id, client_secret } => Some(json!({
                "clientSecret": {
                    "tenantId": tenant_id, "clientId": client_id, "clientSecret": client_secret,
                }
            })),
            Identity::WorkloadIdentity => Some(json!({ "workloadIdentity": {} })),
            Identity::ManagedIdentity(None) => Some(json!({ "managedIdentity": {} })),
            Identity::ManagedIdentity(Some((parameter, id))) => {
                let word = USERS.iter().find(|(_, name)| name == parameter);
                let word = word.map_or("clientId", |(word, _)| word);
                Some(json!({ "managedIdentity": { "userAssignedIdentity": { word: id } } }))
            }
        };
        let mut map = serializer.serialize_map(None)?;
        if let Some(explicit) = explicit {
            map.serialize_entry("explicitConfig", &explicit)?;
        }
        if let Some(scope) = &self.scope {
            map.serialize_entry("scope", scope)?;
        }
        map.end()
    }
}

fn read_identity(cursor: &Cursor<'_>) -> Option<Identity> {
    let mut table = cursor.table();
    let found = table.one_of(&["clientSecret", "managedIdentity", "workloadIdentity"]);
    let identity = found.and_then(|(word, value)| match word {
        "clientSecret" => read_client(value.table()),
        "managedIdentity" => {
            let mut managed = value.table();
            let user = managed.maybe("userAssignedIdentity", read_user);
            managed.finish();
            Some(Identity::ManagedIdentity(user))
        }
        _ => {
            value.table().finish();
            Some(Identity::WorkloadIdentity)
        }
    });
    table.finish();
    identity
}

/// agentgateway's names have underscores, unlike all others.
fn read_client(mut table: Table<'_>) -> Option<Identity> {
    let tenant_id = table.renamed("tenantId", "tenant_id", |c| c.parsed(parse_id));
    let client_id = table.renamed("clientId", "client_id", |c| c.parsed(parse_id));
    let client_secret = table.renamed("clientSecret", "client_secret", read_key);
    for (key, alias) in
        [("tenantId", "tenant_id"), ("clientId", "client_id"), ("clientSecret", "client_secret")]
    {
        if !table.has(key) && !table.has(alias) {
            table.fail(&format!("`{key}` is missing"));
        }
    }
    let found = (tenant_id, client_id, client_secret);
    table.finish();
    let (Some(tenant_id), Some(client_id), Some(client_secret)) = found else { return None };
    Some(Identity::ClientSecret { tenant_id, client_id, client_secret })
}

fn read_user(cursor: &Cursor<'_>) -> Option<(&'static str, String)> {
    let mut table = cursor.table();
    let found = table.one_of(&USERS.map(|(word, _)| word));
    let user = found.and_then(|(word, value)| {
        let (_, parameter) = USERS.iter().find(|(known, _)| *known == word)?;
        value.parsed(parse_audience).map(|id| (*parameter, id))
    });
    table.finish();
    user
}

fn parse_id(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    match !text.is_empty() && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{}` is no id of Entra", text.escape_debug())),
    }
}

/// With the parameters by which the machine is asked.
const USERS: [(&str, &str); 3] =
    [("clientId", "client_id"), ("objectId", "object_id"), ("resourceId", "mi_res_id")];
