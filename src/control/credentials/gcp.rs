//! Tokens of Google: changed for a signature of a service account's key, for what a user has left
//! on the machine, or given out by the machine itself.

use std::path::PathBuf;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::client::json as parse;
use super::{Around, base64, checked, in_seconds, now, read};
use crate::config::backend_auth::Material;
use crate::upstream::credential::{Issued, Shown};

/// With an audience it is an identity, else it opens what the account may do.
pub(super) fn fetch(
    around: &Around<'_>,
    audience: Option<&str>,
    credential: Option<&Material>,
) -> Result<Issued, String> {
    let text = match credential {
        Some(Material::Inline(text)) => Some(text.expose().to_owned()),
        Some(Material::File(path)) => Some(read(path)?),
        None => of_the_user(around)?,
    };
    let Some(text) = text else { return of_machine(around, audience) };
    let account = parse(&text, "the credential of Google")?;
    match account.get("type").and_then(Value::as_str) {
        Some("service_account") => of_account(around, &account, audience),
        Some("authorized_user") => of_user(around, &account, audience),
        Some(other) => Err(format!("a credential of type `{}`: unknown", other.escape_debug())),
        None => Err("the credential of Google has no type".to_owned()),
    }
}

/// What applications find without being told.
fn of_the_user(around: &Around<'_>) -> Result<Option<String>, String> {
    if let Some(path) = (around.variable)("GOOGLE_APPLICATION_CREDENTIALS") {
        return read(&PathBuf::from(path)).map(Some);
    }
    let Some(home) = (around.variable)("HOME") else { return Ok(None) };
    let path = PathBuf::from(home).join(".config/gcloud/application_default_credentials.json");
    if path.is_file() { read(&path).map(Some) } else { Ok(None) }
}

fn of_account(
    around: &Around<'_>,
    account: &Value,
    audience: Option<&str>,
) -> Result<Issued, String> {
    let uri = account.get("token_uri").and_then(Value::as_str).unwrap_or(TOKENS);
    let assertion = assertion(account, uri, audience, now())?;
    let form =
        [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &*assertion)];
    changed(&around.client.post(uri, &form)?, uri, audience)
}

/// A word that the key of the account signs, RFC 7523.
fn assertion(
    account: &Value,
    uri: &str,
    audience: Option<&str>,
    now: u64,
) -> Result<String, String> {
    let text = |name: &str| {
        let missing = || format!("the service account has no `{name}`");
        account.get(name).and_then(Value::as_str).ok_or_else(missing)
    };
    let email = text("client_email")?;
    let bad = |_| "the private key of the service account cannot be read".to_owned();
    let key = PrivateKeyDer::from_pem_slice(text("private_key")?.as_bytes())
        .map_err(|_| "the private key of the service account is no PEM".to_owned())?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(bad)?,
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(bad)?,
        _ => return Err("the key of the service account is none of RSA".to_owned()),
    };
    let mut claims = json!({
        "iss": email, "sub": email, "aud": uri,
        // A clock that is a little ahead of theirs does no harm.
        "iat": now.saturating_sub(10), "exp": now + 3590,
    });
    match audience {
        Some(audience) => claims["target_audience"] = json!(audience),
        None => claims["scope"] = json!(SCOPE),
    }
    let mut head = json!({ "alg": "RS256", "typ": "JWT" });
    if let Ok(id) = text("private_key_id") {
        head["kid"] = json!(id);
    }
    let signed = format!(
        "{}.{}",
        base64::url(head.to_string().as_bytes()),
        base64::url(claims.to_string().as_bytes())
    );
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| "the key of the service account signs nothing".to_owned())?;
    Ok(format!("{signed}.{}", base64::url(&signature)))
}

fn of_user(around: &Around<'_>, user: &Value, audience: Option<&str>) -> Result<Issued, String> {
    let text = |name: &str| {
        let missing = || format!("the user's credential has no `{name}`");
        user.get(name).and_then(Value::as_str).ok_or_else(missing)
    };
    let uri = text("token_uri").unwrap_or(TOKENS);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", text("client_id")?),
        ("client_secret", text("client_secret")?),
        ("refresh_token", text("refresh_token")?),
    ];
    changed(&around.client.post(uri, &form)?, uri, audience)
}

fn of_machine(around: &Around<'_>, audience: Option<&str>) -> Result<Issued, String> {
    let host = (around.variable)("GCE_METADATA_HOST");
    let host = host.unwrap_or_else(|| "metadata.google.internal".to_owned());
    let account = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default");
    let fields = [("metadata-flavor", "Google")];
    if let Some(audience) = audience {
        let query = super::client::form(&[("audience", audience), ("format", "full")]);
        let url = format!("{account}/identity?{query}");
        return identity(around.client.get(&url, &fields)?.trim());
    }
    let url = format!("{account}/token");
    changed(&parse(&around.client.get(&url, &fields)?, &url)?, &url, None)
}

fn changed(answer: &Value, from: &str, audience: Option<&str>) -> Result<Issued, String> {
    let text = |name: &str| {
        let missing = || format!("{from}: its answer has no {name}");
        answer.get(name).and_then(Value::as_str).ok_or_else(missing)
    };
    if audience.is_some() {
        return identity(text("id_token")?);
    }
    let seconds = answer.get("expires_in").and_then(Value::as_u64);
    let seconds = seconds.ok_or_else(|| format!("{from}: its answer has no expires_in"))?;
    let shown = Shown::bearer(checked(text("access_token")?)?);
    Ok(Issued { shown, ends: Some(in_seconds(seconds)) })
}

/// A token that says itself when it ends. It is not judged: whoever is shown it does that.
fn identity(token: &str) -> Result<Issued, String> {
    let claims = token.split('.').nth(1).and_then(base64::from_url);
    let claims = claims.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let ends = claims.as_ref().and_then(|claims| claims.get("exp")?.as_u64());
    let ends = ends.ok_or("the identity that was given out does not say when it ends")?;
    if ends <= now() {
        return Err("the identity that was given out has ended already".to_owned());
    }
    Ok(Issued { shown: Shown::bearer(checked(token)?), ends: Some(ends) })
}

const TOKENS: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
