//! Keys of AWS, from where its own libraries look for them, in their order: the environment, a
//! profile, a web identity, the container, the machine. The first that is named is asked, and if it
//! fails no other is: who it is would be a surprise.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Method;

use super::client::{Ask, json};
use super::{Around, checked, now, read};
use crate::upstream::credential::{AwsSecret, Issued, Shown};

pub(super) fn fetch(around: &Around<'_>) -> Result<Issued, String> {
    let variable = around.variable;
    if let Some(id) = variable("AWS_ACCESS_KEY_ID") {
        let secret = variable("AWS_SECRET_ACCESS_KEY")
            .ok_or("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")?;
        let token = variable("AWS_SESSION_TOKEN");
        return issued(&id, &secret, token.as_deref(), None);
    }
    let profile = profile(around)?;
    if let (Some(id), Some(secret)) =
        (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"))
    {
        return issued(id, secret, profile.get("aws_session_token"), None);
    }
    let file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    let file = file.as_deref().or_else(|| profile.get("web_identity_token_file"));
    let role = variable("AWS_ROLE_ARN");
    let role = role.as_deref().or_else(|| profile.get("role_arn"));
    if let Some((file, role)) = file.zip(role) {
        return web_identity(around, file, role);
    }
    if let Some(key) = UNKNOWN.iter().find(|key| profile.get(key).is_some()) {
        return Err(format!("the profile `{}` has `{key}`, which is not supported", profile.name));
    }
    if profile.is_asked_for {
        let why = if profile.entries.is_empty() { "is not there" } else { "has no keys" };
        return Err(format!("the profile `{}` {why}", profile.name));
    }
    if let Some(url) = container(around)? {
        return of_container(around, &url);
    }
    if variable("AWS_EC2_METADATA_DISABLED").is_some_and(|on| on.eq_ignore_ascii_case("true")) {
        return Err(
            "nobody has keys: neither the environment, nor a profile, a web identity or a \
                    container, and AWS_EC2_METADATA_DISABLED is set"
                .to_owned(),
        );
    }
    of_machine(around)
}

fn issued(
    id: &str,
    secret: &str,
    token: Option<&str>,
    ends: Option<u64>,
) -> Result<Issued, String> {
    let shown = Shown::Keys(AwsSecret {
        access_key_id: checked(id)?.into(),
        secret_access_key: checked(secret)?.into(),
        session_token: token.map(checked).transpose()?.map(Into::into),
    });
    if ends.is_some_and(|ends| ends <= now()) {
        return Err("the keys that were given out have ended already".to_owned());
    }
    Ok(Issued { shown, ends })
}

// --- the machine and the container ---------------------------------------------------------

/// IMDSv2: a token first, which nobody gets by way of a proxy.
fn of_machine(around: &Around<'_>) -> Result<Issued, String> {
    let at = (around.variable)("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let at = at.unwrap_or_else(|| "http://169.254.169.254".to_owned());
    let at = at.trim_end_matches('/');
    let url = format!("{at}/latest/api/token");
    let fields = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")];
    let ask = Ask { method: Method::PUT, url: &url, fields: &fields, form: &[] };
    // A machine of another kind answers nothing at all.
    let token = around.client.text(&ask, Duration::from_secs(3))?;
    let fields = [("x-aws-ec2-metadata-token", checked(token.trim())?)];
    let roles = format!("{at}/latest/meta-data/iam/security-credentials/");
    let role = around.client.get(&roles, &fields)?;
    let role = role.lines().next().unwrap_or_default().trim();
    if role.is_empty() || role.contains(['/', '?', '#', ' ']) {
        return Err(format!("{roles}: the machine has no role"));
    }
    let url = format!("{roles}{role}");
    of_json(&json(&around.client.get(&url, &fields)?, &url)?, &url)
}

/// Where a container's keys are, if it has some.
fn container(around: &Around<'_>) -> Result<Option<String>, String> {
    if let Some(path) = (around.variable)("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        return Ok(Some(format!("http://169.254.170.2{path}")));
    }
    let Some(url) = (around.variable)("AWS_CONTAINER_CREDENTIALS_FULL_URI") else {
        return Ok(None);
    };
    // In the clear it goes no further than the machine, as in AWS's own libraries.
    let host = url.strip_prefix("http://").map(|rest| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        rest[..end].rsplit_once(':').map_or(&rest[..end], |(host, _)| host)
    });
    let known = ["localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23"];
    match host {
        None if url.starts_with("https://") => Ok(Some(url)),
        Some(host) if known.contains(&host) || host == "[fd00:ec2::23]" => Ok(Some(url)),
        _ => Err(format!("AWS_CONTAINER_CREDENTIALS_FULL_URI: `{url}` is not to be trusted")),
    }
}

fn of_container(around: &Around<'_>, url: &str) -> Result<Issued, String> {
    let token = match (around.variable)("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(read(&PathBuf::from(file))?),
        None => (around.variable)("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    };
    let token = token.as_deref().map(str::trim);
    let fields: Vec<_> = token.iter().map(|token| ("authorization", *token)).collect();
    of_json(&json(&around.client.get(url, &fields)?, url)?, url)
}

fn of_json(answer: &Value, from: &str) -> Result<Issued, String> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if let Some(code) = text("Code").filter(|code| *code != "Success") {
        return Err(format!("{from}: `{}`", code.escape_debug()));
    }
    let missing = |name: &str| format!("{from}: it has no {name}");
    let id = text("AccessKeyId").ok_or_else(|| missing("AccessKeyId"))?;
    let secret = text("SecretAccessKey").ok_or_else(|| missing("SecretAccessKey"))?;
    let ends = text("Expiration").map(|text| seconds(text).ok_or_else(|| missing("end")));
    issued(id, secret, text("Token"), ends.transpose()?)
}

// --- a web identity ------------------------------------------------------------------------

/// STS changes the token of a file, which changes itself, into keys.
fn web_identity(around: &Around<'_>, file: &str, role: &str) -> Result<Issued, String> {
    let variable = around.variable;
    let token = read(&PathBuf::from(file))?;
    let name = variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "ringway".to_owned());
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let url = variable("AWS_ENDPOINT_URL_STS").unwrap_or_else(|| match region {
        Some(region) => format!("https://sts.{region}.amazonaws.com/"),
        None => "https://sts.amazonaws.com/".to_owned(),
    });
    let form = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", &name),
        ("WebIdentityToken", token.trim()),
    ];
    let ask = Ask { method: Method::POST, url: &url, fields: &[], form: &form };
    let answer = around.client.text(&ask, crate::limits::CREDENTIAL_FETCH_MAX)?;
    let told = |name: &str| element(&answer, name).ok_or_else(|| format!("{url}: no {name}"));
    let ends = told("Expiration")?;
    let ends = seconds(ends).ok_or_else(|| format!("{url}: no time in Expiration"))?;
    let token = Some(told("SessionToken")?);
    issued(told("AccessKeyId")?, told("SecretAccessKey")?, token, Some(ends))
}

/// What an element of that name holds: keys and times have nothing in them that XML would escape.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = text.find(&format!("<{name}>"))? + name.len() + 2;
    let len = text[start..].find('<')?;
    Some(text[start..start + len].trim())
}

/// Seconds since 1970 of `2026-01-01T00:00:00Z`; fractions of a second do not count.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let digits = text.get(..19)?;
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u64>().ok();
    let marks = digits.bytes().enumerate().filter(|(_, byte)| !byte.is_ascii_digit());
    if !marks.map(|(_, mark)| mark).eq(*b"--T::") || !text.ends_with('Z') {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Eras of 400 years that begin in March: after Howard Hinnant.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

// --- profiles ------------------------------------------------------------------------------

/// What the two files say of one profile.
#[derive(Default)]
struct Profile {
    name: String,
    entries: Vec<(String, String)>,
    /// The environment names it, or it has something to say about who we are.
    is_asked_for: bool,
}

impl Profile {
    fn get(&self, key: &str) -> Option<&str> {
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

/// What else a profile may get its keys by.
const UNKNOWN: [&str; 5] =
    ["credential_process", "credential_source", "source_profile", "sso_session", "sso_start_url"];

fn profile(around: &Around<'_>) -> Result<Profile, String> {
    let variable = around.variable;
    let named = variable("AWS_PROFILE");
    let name = named.clone().unwrap_or_else(|| "default".to_owned());
    let home = variable("HOME").map(PathBuf::from);
    let file = |key: &str, usual: &str| {
        let path = variable(key).map(PathBuf::from);
        path.or_else(|| home.as_ref().map(|home| home.join(".aws").join(usual)))
    };
    let files = [
        (file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), name.clone()),
        (
            file("AWS_CONFIG_FILE", "config"),
            match name.as_str() {
                "default" => name.clone(),
                _ => format!("profile {name}"),
            },
        ),
    ];
    let mut entries = Vec::new();
    for (path, section) in files {
        let Some(path) = path.filter(|path| path.is_file()) else { continue };
        entries.extend(section_of(&read(&path)?, &section));
    }
    let is_asked_for = named.is_some();
    Ok(Profile { name, entries, is_asked_for })
}

fn section_of(text: &str, wanted: &str) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut is_wanted = false;
    for line in text.lines() {
        let line = line.trim_end();
        if line.starts_with(['#', ';']) || line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_wanted = name.split_whitespace().eq(wanted.split_whitespace());
        } else if is_wanted && let Some((key, value)) = line.split_once('=') {
            entries.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    entries
}
