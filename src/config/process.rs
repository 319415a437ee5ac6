//! `config:`: the process as a whole: where the control thread listens, how many workers there are,
//! how long a drain takes, what connections to backends are like. Environment variables override
//! the file here, and only here, as in agentgateway. Raw: nothing is opened or resolved.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::catalog;
use super::dns::Dns;
use super::reader::{Cursor, Mark, Session, environment_mark};
use super::ringway::Ringway;
use super::scalar::{self, Address};
use crate::limits;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    pub admin_addr: Address,
    pub stats_addr: Address,
    pub readiness_addr: Address,
    /// A bind without an address listens on `[::]`, else on `0.0.0.0`.
    pub enable_ipv6: bool,
    #[serde(skip_serializing_if = "WorkerThreads::is_default")]
    pub worker_threads: WorkerThreads,
    /// For how long a drain accepts new connections.
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub connection_min_termination_deadline: Duration,
    /// When a drain, counted from its start, cuts what is left.
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub connection_termination_deadline: Duration,
    pub backend: BackendConnections,
    pub dns: Dns,
    pub logging: Logging,
    /// What tokens of models cost, on every route.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_catalog: Vec<catalog::Source>,
    pub ringway: Ringway,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum WorkerThreads {
    /// One for each core the process may run on.
    #[default]
    Cores,
    /// Of those cores, rounded up.
    Percent(f64),
    Count(usize),
}

/// Connections to backends, unless a backend says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendConnections {
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub connect_timeout: Duration,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub pool_idle_timeout: Duration,
    /// Idle connections kept to one endpoint. None: no limit.
    pub pool_max_size: Option<usize>,
    pub keepalives: Keepalives,
}

/// TCP keepalive: after `time` without traffic, `retries` probes `interval` apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Keepalives {
    pub enabled: bool,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub time: Duration,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub interval: Duration,
    pub retries: u32,
}

/// The process log; the access log takes its format from here unless it has its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Logging {
    /// `info`, or directives such as `ringway::control=debug`.
    pub level: Vec<String>,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

const UNSUPPORTED: [&str; 24] = [
    "additionalTrustDomains",
    "caAddress",
    "caAuthToken",
    "clusterId",
    "customFunctions",
    "database",
    "gateway",
    "hbone",
    "localXdsPath",
    "mcp",
    "metrics",
    "namespace",
    "network",
    "sensitiveHeaders",
    "serviceAccount",
    "session",
    "skipValidateTrustDomain",
    "spiffe",
    "standardAttributes",
    "storage",
    "tracing",
    "trustDomain",
    "xdsAddress",
    "xdsAuthToken",
];

impl Process {
    /// `cursor` is the value of `config`, if it is written.
    pub fn read(session: &Session<'_>, cursor: Option<&Cursor<'_>>) -> Self {
        let ipv6 = session.variable("IPV6_ENABLED", |text| {
            text.parse().map_err(|_| format!("`{text}` is neither true nor false"))
        });
        let mut marks = Deadlines::default();
        let mut process = match cursor {
            Some(cursor) => Self::read_file(cursor, ipv6, &mut marks),
            None => Self::with_ipv6(ipv6.unwrap_or(true)),
        };
        process.read_environment(session, &mut marks);
        marks.check(session, &process);
        process
    }

    fn read_file(cursor: &Cursor<'_>, ipv6: Option<bool>, marks: &mut Deadlines) -> Self {
        let mut table = cursor.table();
        let written = table.maybe("enableIpv6", Cursor::flag);
        let default = Self::with_ipv6(ipv6.or(written).unwrap_or(true));
        let logging = table.or("logging", default.logging, Logging::read);
        // `classic` is what we have: histograms with fixed buckets.
        table.maybe("histograms", |c| c.word(&[("classic", ())], &["native", "both"]));
        let process = Self {
            admin_addr: table
                .or("adminAddr", default.admin_addr, |c| read_address(c, "config.adminAddr")),
            stats_addr: table
                .or("statsAddr", default.stats_addr, |c| read_address(c, "config.statsAddr")),
            readiness_addr: table.or("readinessAddr", default.readiness_addr, |c| {
                read_address(c, "config.readinessAddr")
            }),
            enable_ipv6: default.enable_ipv6,
            worker_threads: table.or("workerThreads", WorkerThreads::Cores, WorkerThreads::read),
            connection_min_termination_deadline: table.or(
                "connectionMinTerminationDeadline",
                default.connection_min_termination_deadline,
                |c| read_deadline(c, &mut marks.min),
            ),
            connection_termination_deadline: table.or(
                "connectionTerminationDeadline",
                default.connection_termination_deadline,
                |c| read_deadline(c, &mut marks.max),
            ),
            backend: table.or("backend", default.backend, BackendConnections::read),
            dns: table.or("dns", default.dns, Dns::read),
            model_catalog: table.or("modelCatalog", Vec::new(), catalog::Source::read_all),
            ringway: match table.value("ringway") {
                Some(cursor) => Ringway::read(&cursor, logging.format),
                None => Ringway::with_format(logging.format),
            },
            logging,
        };
        table.unsupported(&UNSUPPORTED);
        table.elsewhere(&[("listener", "frontendPolicies")]);
        table.finish();
        process
    }

    fn read_environment(&mut self, session: &Session<'_>, marks: &mut Deadlines) {
        for (name, key, address) in [
            ("ADMIN_ADDR", "config.adminAddr", &mut self.admin_addr),
            ("STATS_ADDR", "config.statsAddr", &mut self.stats_addr),
            ("READINESS_ADDR", "config.readinessAddr", &mut self.readiness_addr),
        ] {
            if let Some(value) = session.variable(name, Address::parse) {
                *address = value;
                note_address(session, key, environment_mark(name));
            }
        }
        if let Some(threads) = session.variable("WORKER_THREADS", WorkerThreads::parse) {
            self.worker_threads = threads;
        }
        if let Some(cores) = session.variable("CPU_LIMIT", parse_cores) {
            self.worker_threads = WorkerThreads::Count(self.worker_threads.of(cores));
        }
        let name = "CONNECTION_MIN_TERMINATION_DEADLINE";
        if let Some(deadline) = session.variable(name, scalar::parse_duration) {
            self.connection_min_termination_deadline = deadline;
            marks.min = Some(environment_mark(name));
        }
        let name = "CONNECTION_TERMINATION_DEADLINE";
        if let Some(deadline) = session.variable(name, scalar::parse_duration) {
            self.connection_termination_deadline = deadline;
            marks.max = Some(environment_mark(name));
        }
        let name = "TERMINATION_GRACE_PERIOD_SECONDS";
        if marks.max.is_none()
            && let Some(deadline) = session.variable(name, parse_grace_period)
        {
            self.connection_termination_deadline = deadline;
            marks.max = Some(environment_mark(name));
        }
        if let Some(driver) = session.variable("RINGWAY_DRIVER", super::ringway::Driver::parse) {
            self.ringway.driver = driver;
        }
    }

    fn with_ipv6(ipv6: bool) -> Self {
        Self {
            admin_addr: Address::Localhost(limits::ADMIN_PORT),
            stats_addr: Address::wildcard(ipv6, limits::STATS_PORT),
            readiness_addr: Address::wildcard(ipv6, limits::READINESS_PORT),
            enable_ipv6: ipv6,
            worker_threads: WorkerThreads::Cores,
            connection_min_termination_deadline: Duration::from_secs(
                limits::MIN_TERMINATION_DEADLINE_SECONDS,
            ),
            connection_termination_deadline: Duration::from_secs(
                limits::TERMINATION_DEADLINE_SECONDS,
            ),
            backend: BackendConnections::default(),
            dns: Dns::default(),
            logging: Logging::default(),
            model_catalog: Vec::new(),
            ringway: Ringway::default(),
        }
    }
}

impl Default for Process {
    fn default() -> Self {
        Self::with_ipv6(true)
    }
}

/// Where the two deadlines of a drain were set.
#[derive(Default)]
struct Deadlines {
    min: Option<Mark>,
    max: Option<Mark>,
}

impl Deadlines {
    fn check(self, session: &Session<'_>, process: &Process) {
        let min = process.connection_min_termination_deadline;
        let max = process.connection_termination_deadline;
        if min <= max {
            return;
        }
        let message = format!(
            "a drain would accept for {} and be cut at {}",
            scalar::format_duration(min),
            scalar::format_duration(max)
        );
        let hint = "connectionMinTerminationDeadline is at most connectionTerminationDeadline";
        if let Some(mark) = self.min.or(self.max) {
            session.fail(&mark, &message, Some(hint.to_owned()));
        }
    }
}

impl WorkerThreads {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        match cursor.is_text() {
            true => cursor.parsed(Self::parse),
            false => cursor.integer(1..=limits::WORKERS_MAX as i128).map(Self::Count),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.parse::<f64>().ok().filter(|p| *p > 0.0 && *p <= 100.0);
            let wrong = || format!("`{text}` is not above 0% and at most 100%");
            return percent.map(Self::Percent).ok_or_else(wrong);
        }
        parse_cores(text).map(Self::Count)
    }

    /// How many that is on a machine, or in a quota, of so many cores.
    pub fn of(self, cores: usize) -> usize {
        let count = match self {
            Self::Cores => cores,
            // At most 100 % of a small number: exact, and no sign to lose.
            Self::Percent(percent) => (cores as f64 * percent / 100.0).ceil() as usize,
            Self::Count(count) => count,
        };
        count.clamp(1, limits::WORKERS_MAX)
    }

    fn is_default(&self) -> bool {
        *self == Self::Cores
    }
}

impl Serialize for WorkerThreads {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Cores => serializer.serialize_none(),
            Self::Percent(percent) => serializer.collect_str(&format_args!("{percent}%")),
            Self::Count(count) => serializer.serialize_u64(*count as u64),
        }
    }
}

impl BackendConnections {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let connections = Self {
            connect_timeout: table.or(
                "connectTimeout",
                default.connect_timeout,
                scalar::read_timeout,
            ),
            pool_idle_timeout: table.or(
                "poolIdleTimeout",
                default.pool_idle_timeout,
                scalar::read_timeout,
            ),
            pool_max_size: table
                .maybe("poolMaxSize", |c| c.integer(0..=limits::CONNECTIONS_CEILING as i128)),
            keepalives: table.or("keepalives", default.keepalives, Keepalives::read),
        };
        table.finish();
        Some(connections)
    }
}

impl Default for BackendConnections {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(limits::CONNECT_TIMEOUT_SECONDS),
            pool_idle_timeout: Duration::from_secs(limits::POOL_IDLE_TIMEOUT_SECONDS),
            pool_max_size: None,
            keepalives: Keepalives::default(),
        }
    }
}

impl Keepalives {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let keepalives = Self {
            enabled: table.or("enabled", default.enabled, Cursor::flag),
            time: table.or("time", default.time, read_probe_seconds),
            interval: table.or("interval", default.interval, read_probe_seconds),
            retries: table.or("retries", default.retries, |c| {
                c.integer(1..=i128::from(limits::KEEPALIVE_RETRIES_MAX))
            }),
        };
        table.finish();
        Some(keepalives)
    }
}

impl Default for Keepalives {
    fn default() -> Self {
        Self {
            enabled: true,
            time: Duration::from_secs(limits::KEEPALIVE_TIME_SECONDS),
            interval: Duration::from_secs(limits::KEEPALIVE_INTERVAL_SECONDS),
            retries: limits::KEEPALIVE_RETRIES,
        }
    }
}

impl Logging {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let logging = Self {
            level: table.or("level", default.level, |c| {
                let levels = if c.is_list() { c.list() } else { vec![c.clone()] };
                Some(levels.iter().filter_map(|c| c.parsed(parse_level)).collect())
            }),
            format: table.or("format", default.format, LogFormat::read),
        };
        table.unsupported(&["database", "fields", "filter"]);
        table.finish();
        Some(logging)
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self { level: vec!["info".to_owned()], format: LogFormat::default() }
    }
}

impl LogFormat {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.word(&[("text", Self::Text), ("json", Self::Json)], &[])
    }
}

/// The kernel counts both in whole seconds.
fn read_probe_seconds(cursor: &Cursor<'_>) -> Option<Duration> {
    let period = scalar::read_period(cursor)?;
    let whole = period.subsec_nanos() == 0;
    if !whole || !(1..=limits::KEEPALIVE_SECONDS_MAX).contains(&period.as_secs()) {
        let most = limits::KEEPALIVE_SECONDS_MAX;
        cursor.fail(&format!("the kernel takes whole seconds, 1 to {most}"));
        return None;
    }
    Some(period)
}

/// `level` or `target=level`, several of them with commas between.
fn parse_level(text: &str) -> Result<String, String> {
    let known = ["trace", "debug", "info", "warn", "error", "off"];
    for directive in text.split(',') {
        let level = directive.rsplit('=').next().unwrap_or_default().trim();
        if !known.contains(&level.to_ascii_lowercase().as_str()) {
            return Err(format!("`{level}` is not a level: {}", known.join(", ")));
        }
    }
    Ok(text.to_owned())
}

fn parse_cores(text: &str) -> Result<usize, String> {
    let cores = text.parse::<usize>().ok().filter(|n| (1..=limits::WORKERS_MAX).contains(n));
    cores.ok_or_else(|| format!("`{text}` is not a number of 1 to {}", limits::WORKERS_MAX))
}

/// The end of the grace period is SIGKILL: what is left is cut a little before it.
fn parse_grace_period(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().filter(|n| *n <= limits::DURATION_SECONDS_MAX);
    let seconds = seconds.ok_or_else(|| format!("`{text}` is not a number of seconds"))?;
    let left = if seconds > 10 { seconds - 5 } else { seconds.saturating_sub(1).max(1) };
    Ok(Duration::from_secs(left))
}

fn read_address(cursor: &Cursor<'_>, key: &'static str) -> Option<Address> {
    note_address(cursor.session(), key, cursor.mark());
    Address::read(cursor)
}

fn note_address(session: &Session<'_>, key: &'static str, mark: Mark) {
    session.note(|ledger| {
        ledger.control.insert(key, mark);
    });
}

fn read_deadline(cursor: &Cursor<'_>, mark: &mut Option<Mark>) -> Option<Duration> {
    *mark = Some(cursor.mark());
    scalar::read_period(cursor)
}

#[cfg(test)]
mod tests;
