//! Tokens of Entra: for the secret of a client, for a token that the cluster writes into a file, or
//! given out by the machine.

use std::path::PathBuf;

use serde_json::Value;

use super::client::{form, json};
use super::{Around, checked, in_seconds, now, read};
use crate::config::backend_auth::Identity;
use crate::upstream::credential::{Issued, Shown};

pub(super) fn fetch(
    around: &Around<'_>,
    identity: &Identity,
    scope: &str,
) -> Result<Issued, String> {
    match identity {
        Identity::ClientSecret { tenant_id, client_id, client_secret } => {
            let secret = [("client_secret", client_secret.expose())];
            granted(around, tenant_id, client_id, (scope, &secret))
        }
        Identity::WorkloadIdentity => workload(around, scope),
        Identity::ManagedIdentity(user) => managed(around, user.as_ref(), scope),
        Identity::Implicit => match (around.variable)("AZURE_FEDERATED_TOKEN_FILE") {
            Some(_) => workload(around, scope),
            None => managed(around, None, scope),
        },
    }
}

fn workload(around: &Around<'_>, scope: &str) -> Result<Issued, String> {
    let must = |name: &str| (around.variable)(name).ok_or_else(|| format!("{name} is not set"));
    let file = must("AZURE_FEDERATED_TOKEN_FILE")?;
    let (tenant, client) = (must("AZURE_TENANT_ID")?, must("AZURE_CLIENT_ID")?);
    let token = read(&PathBuf::from(file))?;
    let assertion = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", token.trim()),
    ];
    granted(around, &tenant, &client, (scope, &assertion))
}

fn granted(
    around: &Around<'_>,
    tenant: &str,
    client: &str,
    (scope, shown): (&str, &[(&str, &str)]),
) -> Result<Issued, String> {
    let host = (around.variable)("AZURE_AUTHORITY_HOST");
    let host = host.unwrap_or_else(|| "https://login.microsoftonline.com".to_owned());
    let url = format!("{}/{tenant}/oauth2/v2.0/token", host.trim_end_matches('/'));
    let usual = [("grant_type", "client_credentials"), ("client_id", client), ("scope", scope)];
    issued(&around.client.post(&url, &[&usual[..], shown].concat())?, &url)
}

/// Of an app that runs as a service, or of the machine.
fn managed(
    around: &Around<'_>,
    user: Option<&(&'static str, String)>,
    scope: &str,
) -> Result<Issued, String> {
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let mut query = vec![("resource", resource)];
    query.extend(user.map(|(name, id)| (*name, id.as_str())));
    let variable = around.variable;
    let (url, fields) = match variable("IDENTITY_ENDPOINT").zip(variable("IDENTITY_HEADER")) {
        Some((at, secret)) => {
            let url = format!("{at}?api-version=2019-08-01&{}", form(&query));
            (url, vec![("x-identity-header", secret)])
        }
        None => {
            let at = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
            let at = at.unwrap_or_else(|| "http://169.254.169.254".to_owned());
            let at = at.trim_end_matches('/');
            let query = form(&query);
            let url = format!("{at}/metadata/identity/oauth2/token?api-version=2018-02-01&{query}");
            (url, vec![("metadata", "true".to_owned())])
        }
    };
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    issued(&json(&around.client.get(&url, &fields)?, &url)?, &url)
}

fn issued(answer: &Value, from: &str) -> Result<Issued, String> {
    let token = answer.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| format!("{from}: its answer has no access_token"))?;
    // A machine writes its numbers as texts.
    let number = |name: &str| {
        let value = answer.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    let ends = number("expires_in").map(in_seconds).or_else(|| number("expires_on"));
    let ends = ends.ok_or_else(|| format!("{from}: its answer does not say when it ends"))?;
    if ends <= now() {
        return Err(format!("{from}: the token has ended already"));
    }
    Ok(Issued { shown: Shown::bearer(checked(token)?), ends: Some(ends) })
}
