//! The few requests that bring a credential, one at a time. Bounded in time and in bytes; follows
//! no redirect, and shows nothing of an answer but its status and the words of its error.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::{Method, Request};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::limits::{CREDENTIAL_FETCH_MAX, CREDENTIAL_TEXT_BYTES_MAX};

pub(super) struct Client {
    agent: Agent,
}

/// A request: fields, and what it carries.
pub(super) struct Ask<'a> {
    pub method: Method,
    pub url: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    pub form: &'a [(&'a str, &'a str)],
}

impl Client {
    pub(super) fn new() -> Self {
        let roots = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<_> = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .timeout_global(Some(CREDENTIAL_FETCH_MAX))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent("ringway")
            // What a machine tells of itself is not for a proxy.
            .proxy(None)
            .build();
        Self { agent: config.into() }
    }

    /// # Errors
    /// No answer, or one that is none of 200.
    pub(super) fn text(&self, ask: &Ask<'_>, limit: Duration) -> Result<String, String> {
        let told = |error: ureq::Error| format!("{}: {error}", ask.url);
        let mut request = Request::builder().method(&ask.method).uri(ask.url);
        for (name, value) in ask.fields {
            request = request.header(*name, *value);
        }
        if !ask.form.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let body = form(ask.form);
        let request = request.body(body).map_err(|error| format!("{}: {error}", ask.url))?;
        let request = self.agent.configure_request(request).timeout_global(Some(limit)).build();
        let mut answer = self.agent.run(request).map_err(told)?;
        let status = answer.status().as_u16();
        let most = CREDENTIAL_TEXT_BYTES_MAX as u64;
        let text = answer.body_mut().with_config().limit(most).read_to_string().map_err(told)?;
        match status {
            200 => Ok(text),
            _ => Err(format!("{}: status {status}{}", ask.url, words(&text))),
        }
    }

    pub(super) fn get(&self, url: &str, fields: &[(&str, &str)]) -> Result<String, String> {
        let ask = Ask { method: Method::GET, url, fields, form: &[] };
        self.text(&ask, CREDENTIAL_FETCH_MAX)
    }

    pub(super) fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Value, String> {
        let ask = Ask { method: Method::POST, url, fields: &[], form };
        json(&self.text(&ask, CREDENTIAL_FETCH_MAX)?, url)
    }
}

pub(super) fn json(text: &str, from: &str) -> Result<Value, String> {
    // Without the text: it may hold a secret.
    serde_json::from_str(text).map_err(|_| format!("{from}: what it answered is no JSON"))
}

/// The words of an error, as far as they are known to be that.
fn words(text: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return String::new() };
    let known = ["/error_description", "/error/message", "/error", "/message", "/Message"];
    let mut found = known.iter().filter_map(|place| value.pointer(place)?.as_str());
    let words = found.next().unwrap_or_default();
    let visible = words.chars().filter(|c| !c.is_control()).take(300).collect::<String>();
    if visible.is_empty() { visible } else { format!(", `{visible}`") }
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode(&mut out, name);
        out.push('=');
        encode(&mut out, value);
    }
    out
}

fn encode(out: &mut String, text: &str) {
    use std::fmt::Write;

    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a text takes text");
        }
    }
}
