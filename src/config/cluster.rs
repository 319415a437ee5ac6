//! How the endpoints of a backend are chosen, judged and bounded: `loadBalancer`, `health`,
//! `sessionAffinity` and `circuit` of its policies. `health.eviction` and `unhealthyExpression` are
//! agentgateway's, the rest is Ringway's own. Raw: checked, not compiled.

pub mod affinity;

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::backend::Host;
use super::expression::{Expression, Wants, When};
use super::header::FieldName;
use super::policy::parse_path;
use super::reader::{Cursor, Table};
use super::scalar;
use crate::limits;

/// One of several hosts. Written as the host alone, or as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub host: Host,
    /// Its share among the hosts of its priority; 0 takes no requests.
    pub weight: u32,
    /// 0 comes first; others are for when those before them cannot.
    pub priority: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    pub algorithm: Algorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<HashBy>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub slow_start: Option<Duration>,
    /// Percent.
    pub panic_threshold: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    #[default]
    PeakEwma,
    RoundRobin,
    LeastRequest,
    Random,
    RingHash,
    Maglev,
}

/// What of a request says who belongs to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HashBy {
    Header(FieldName),
    Cookie(String),
    /// The client's address.
    Source(bool),
    /// What the prompt for a model begins with, from so many bytes of it. Requests for no model go
    /// anywhere.
    PromptPrefix(usize),
    /// What an expression makes of it. A request for which it fails goes anywhere.
    #[serde(untagged)]
    Expression(Expression),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// What makes an answer a failure; None: its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_expression: Option<Expression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction: Option<Eviction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// Endpoints whose answers fail are left out for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Eviction {
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub duration: Duration,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub max_duration: Duration,
    /// None where only `successRate` is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_failures: Option<u32>,
    /// Percent of the answers of an interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<u32>,
    pub success_rate_requests: u32,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub interval: Duration,
    /// Of the endpoints.
    pub max_ejected_percent: u32,
}

/// Endpoints are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    #[serde(flatten)]
    pub kind: CheckKind,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub interval: Duration,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub timeout: Duration,
    /// Percent of the interval.
    pub jitter: u32,
    pub unhealthy_threshold: u32,
    pub healthy_threshold: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckKind {
    Tcp {},
    Http(HttpCheck),
    Grpc { service: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpCheck {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Each a range, first and last.
    #[serde(serialize_with = "serialize_statuses")]
    pub statuses: Vec<(u16, u16)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What may be open to the backend at a time, of all workers together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Circuit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
    pub max_waiting: u32,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub wait_timeout: Duration,
}

impl Member {
    pub const fn of(host: Host) -> Self {
        Self { host, weight: 1, priority: 0 }
    }

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return Host::read(cursor).map(Self::of);
        }
        let mut table = cursor.table();
        let host = table.must("host", Host::read);
        let most = i128::from(limits::BACKEND_WEIGHT_MAX);
        let weight = table.or("weight", 1, |c| c.integer(0..=most));
        let most = i128::from(limits::PRIORITIES_MAX);
        let priority = table.or("priority", 0, |c| c.integer(0..=most));
        table.finish();
        Some(Self { host: host?, weight, priority })
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::of(self.host.clone()) {
            return self.host.serialize(serializer);
        }
        let mut table = serializer.serialize_struct("Member", 3)?;
        table.serialize_field("host", &self.host)?;
        table.serialize_field("weight", &self.weight)?;
        table.serialize_field("priority", &self.priority)?;
        table.end()
    }
}

impl LoadBalancer {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        Self::read_by(cursor, HashBy::read)
    }

    /// Of a backend of a TCP route: nothing is known of a client but its address.
    pub fn read_tcp(cursor: &Cursor<'_>) -> Option<Self> {
        Self::read_by(cursor, HashBy::read_tcp)
    }

    fn read_by(
        cursor: &Cursor<'_>,
        read_hash: impl Fn(&Cursor<'_>) -> Option<HashBy>,
    ) -> Option<Self> {
        let mut table = cursor.table();
        let algorithm =
            table.or("algorithm", Algorithm::default(), |c| c.word(&Algorithm::WORDS, &[]));
        let hash = table.maybe("hash", read_hash);
        match (algorithm.hashes(), table.has("hash")) {
            (true, false) => table.fail("`hash` is missing: what tells clients apart"),
            (false, true) => table.fail("`hash` is for the algorithms ringHash and maglev"),
            _ => (),
        }
        let balancer = Self {
            algorithm,
            hash,
            slow_start: table.maybe("slowStart", scalar::read_timeout),
            panic_threshold: table.or("panicThreshold", 1, |c| c.integer(0..=100)),
        };
        table.finish();
        Some(balancer)
    }
}

impl Algorithm {
    const WORDS: [(&'static str, Self); 6] = [
        ("peakEwma", Self::PeakEwma),
        ("roundRobin", Self::RoundRobin),
        ("leastRequest", Self::LeastRequest),
        ("random", Self::Random),
        ("ringHash", Self::RingHash),
        ("maglev", Self::Maglev),
    ];

    pub const fn hashes(self) -> bool {
        matches!(self, Self::RingHash | Self::Maglev)
    }
}

impl HashBy {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return Expression::read(cursor, Wants::Text, When::Request).map(Self::Expression);
        }
        let mut table = cursor.table();
        let by = match table.one_of(&["header", "cookie", "source", "promptPrefix"]) {
            Some(("header", value)) => FieldName::read(&value).map(Self::Header),
            Some(("cookie", value)) => read_cookie_name(&value).map(Self::Cookie),
            Some(("source", value)) => read_true(&value).map(Self::Source),
            Some((_, value)) => {
                scalar::read_bytes(&value, 1..=limits::PROMPT_PREFIX_MAX).map(Self::PromptPrefix)
            }
            None => None,
        };
        table.finish();
        by
    }

    fn read_tcp(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        for key in ["header", "cookie", "promptPrefix"] {
            table.refuse(key, "a TCP route does not look into what it carries", None);
        }
        let by = table.maybe("source", read_true).map(Self::Source);
        table.finish();
        by
    }
}

fn read_true(cursor: &Cursor<'_>) -> Option<bool> {
    let flag = cursor.flag()?;
    if !flag {
        cursor.fail_hint("false says nothing", "leave the key out");
    }
    Some(flag)
}

fn read_cookie_name(cursor: &Cursor<'_>) -> Option<String> {
    cursor.parsed(|name| match scalar::is_token(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{name}` is not a name of a cookie")),
    })
}

impl Health {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let condition =
            |cursor: &Cursor<'_>| Expression::read(cursor, Wants::Condition, When::Response);
        let health = Self {
            unhealthy_expression: table.maybe("unhealthyExpression", condition),
            eviction: table.maybe("eviction", Eviction::read),
            check: table.maybe("check", Check::read),
        };
        table.finish();
        Some(health)
    }
}

impl Eviction {
    /// Of a provider of models that another stands in for, where nothing is said: three failures,
    /// and all of its one host.
    pub fn of_models() -> Self {
        Self {
            duration: Duration::from_secs(1),
            max_duration: Duration::from_secs(300),
            consecutive_failures: Some(3),
            success_rate: None,
            success_rate_requests: 100,
            interval: Duration::from_secs(10),
            max_ejected_percent: 100,
        }
    }

    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["healthThreshold", "restoreHealth"]);
        let most = i128::from(limits::FAILURES_IN_A_ROW_MAX);
        let consecutive = table.maybe("consecutiveFailures", |c| c.integer(1..=most));
        let success_rate = table.maybe("successRate", |c| c.integer(1..=100));
        let neither = consecutive.is_none() && success_rate.is_none();
        let eviction = Self {
            duration: table.or("duration", Duration::from_secs(3), scalar::read_timeout),
            max_duration: table.or("maxDuration", Duration::from_secs(300), scalar::read_timeout),
            consecutive_failures: if neither { Some(5) } else { consecutive },
            success_rate,
            success_rate_requests: table.or("successRateRequests", 100, |c| c.integer(1..=most)),
            interval: table.or("interval", Duration::from_secs(10), scalar::read_timeout),
            max_ejected_percent: table.or("maxEjectedPercent", 50, |c| c.integer(1..=100)),
        };
        if eviction.duration > eviction.max_duration {
            table.fail("duration is longer than maxDuration");
        }
        table.finish();
        Some(eviction)
    }
}

impl Check {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let kind = match table.one_of(&["http", "tcp", "grpc"]) {
            Some(("http", value)) => HttpCheck::read(&value).map(CheckKind::Http),
            Some(("tcp", value)) => {
                value.table().finish();
                Some(CheckKind::Tcp {})
            }
            Some((_, value)) => {
                let mut grpc = value.table();
                let service = grpc.or("service", String::new(), Cursor::owned);
                grpc.finish();
                Some(CheckKind::Grpc { service })
            }
            None => None,
        };
        let most = i128::from(limits::FAILURES_IN_A_ROW_MAX);
        let threshold =
            |table: &mut Table<'_>, key, default| table.or(key, default, |c| c.integer(1..=most));
        let check = Self {
            kind: kind?,
            interval: table.or("interval", Duration::from_secs(10), scalar::read_timeout),
            timeout: table.or("timeout", Duration::from_secs(1), scalar::read_timeout),
            jitter: table.or("jitter", 10, |c| c.integer(0..=100)),
            unhealthy_threshold: threshold(&mut table, "unhealthyThreshold", 3),
            healthy_threshold: threshold(&mut table, "healthyThreshold", 2),
        };
        if check.interval < limits::PROBE_INTERVAL_MIN {
            table.fail("interval is shorter than 10ms");
        }
        table.finish();
        Some(check)
    }
}

impl HttpCheck {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let check = Self {
            path: table.or("path", "/".to_owned(), |c| c.parsed(parse_target)),
            host: table.maybe("host", |c| {
                c.parsed(|text| {
                    scalar::check_field_value(text)?;
                    Ok(text.to_owned())
                })
            }),
            statuses: table.list("statuses", read_statuses).unwrap_or_else(|| vec![(200, 299)]),
            body: table.maybe("body", Cursor::owned),
        };
        table.finish();
        Some(check)
    }
}

fn parse_target(text: &str) -> Result<String, String> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    parse_path(path)?;
    match query.chars().all(|c| c.is_ascii_graphic() && c != '#') {
        true => Ok(text.to_owned()),
        false => Err(format!("`{query}` is not a query")),
    }
}

fn serialize_statuses<S: Serializer>(
    statuses: &[(u16, u16)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(statuses.iter().map(|(first, last)| format!("{first}-{last}")))
}

/// `200`, or `200-299`.
fn read_statuses(cursor: &Cursor<'_>) -> Option<(u16, u16)> {
    if !cursor.is_text() {
        let status = cursor.integer(100..=599)?;
        return Some((status, status));
    }
    cursor.parsed(|text| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let status = |text: &str| text.parse::<u16>().ok().filter(|s| (100..=599).contains(s));
        let range = status(first).zip(status(last)).filter(|(first, last)| first <= last);
        range.ok_or_else(|| format!("`{text}` is neither a status nor a range such as 200-299"))
    })
}

impl Circuit {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let most = i128::from(limits::CIRCUIT_CEILING);
        let circuit = Self {
            max_connections: table.maybe("maxConnections", |c| c.integer(1..=most)),
            max_requests: table.maybe("maxRequests", |c| c.integer(1..=most)),
            max_waiting: table.or("maxWaiting", 0, |c| c.integer(0..=most)),
            wait_timeout: table.or("waitTimeout", Duration::from_secs(1), scalar::read_timeout),
        };
        if circuit.max_connections.is_none() && circuit.max_requests.is_none() {
            table.fail("nothing is bounded: neither maxConnections nor maxRequests");
        }
        table.finish();
        Some(circuit)
    }
}

#[cfg(test)]
mod tests;
