//! The flags that say what is asked, of whom and how: those that `run` and `capacity` share.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::scalar;
use crate::plan::check::parse_sha256;
use crate::plan::{
    Arrivals, Check, EventsOver, HeaderCheck, Pacing, Plan, Protocol, Refusal, Scheme, Slow,
    Statuses, Target, Template, Tls, Url, access_log,
};

#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// What to ask: http, https, ws, wss, tcp or tls. Several are drawn by weight
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// Weights of the URLs, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "N,..")]
    weights: Vec<u32>,
    /// More targets: a file with lines of [WEIGHT] [METHOD] URL
    #[arg(long, value_name = "FILE")]
    urls_file: Option<PathBuf>,
    /// Connections, over all threads
    #[arg(short, long, default_value = "64", value_name = "N")]
    connections: usize,
    /// How long requests are begun [default: 10s, or the length of a replay]
    #[arg(short, long, value_parser = scalar::duration, value_name = "TIME")]
    duration: Option<Duration>,
    /// Threads of the load
    #[arg(short, long, default_value = "1", value_name = "N")]
    threads: usize,
    /// Cores that the threads are pinned to, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "N,..")]
    cores: Vec<usize>,
    /// Gaps as independent clients make them, instead of even ones
    #[arg(long)]
    pub(crate) poisson: bool,
    /// The method of all requests [default: GET, or POST with a body]
    #[arg(short = 'X', long, value_name = "WORD")]
    method: Option<String>,
    /// A header, as NAME: VALUE; the value may have {{holes}}
    #[arg(short = 'H', long = "header", value_name = "LINE")]
    headers: Vec<String>,
    /// The body; may have {{holes}}: seq, random, random:1-9, letters:8, uuid, time, cycle:a|b,
    /// env:NAME
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    body: Option<String>,
    /// The body out of a file, holes and all
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// A bearer token; @FILE has one a line, used in turn; env:NAME out of the environment
    #[arg(long, value_name = "TOKEN")]
    bearer: Option<String>,
    /// HTTP/2: by ALPN with TLS, by prior knowledge without
    #[arg(long)]
    http2: bool,
    /// Requests at a time on each connection of HTTP/2
    #[arg(long, default_value = "10", value_name = "N")]
    streams: usize,
    /// Requests written at once on each connection of HTTP/1.1
    #[arg(long, default_value = "1", value_name = "N", conflicts_with = "http2")]
    pipeline: usize,
    /// Answers are streams of events: measures first token, gaps and tokens per second
    #[arg(long)]
    events: bool,
    /// Connections are opened and held, nothing is asked
    #[arg(long, conflicts_with_all = ["http2", "events"])]
    idle: bool,
    /// Of TCP: how many bytes answer each message [default: as many as it has]
    #[arg(long, default_value = "0", value_parser = scalar::size, value_name = "SIZE")]
    answer_bytes: u64,
    /// A connection is closed after so many requests
    #[arg(long, value_name = "N")]
    requests_per_connection: Option<u64>,
    /// How long one request may take
    #[arg(long, default_value = "10s", value_parser = scalar::duration, value_name = "TIME")]
    timeout: Duration,
    /// How long opening a connection may take, TLS included
    #[arg(long, default_value = "5s", value_parser = scalar::duration, value_name = "TIME")]
    connect_timeout: Duration,
    /// How long answers are waited for when the duration is over
    #[arg(long, default_value = "2s", value_parser = scalar::duration, value_name = "TIME")]
    grace: Duration,
    /// Accepts any certificate
    #[arg(short = 'k', long)]
    insecure: bool,
    /// The roots to trust, as PEM [default: the system's]
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// The name to ask for and to check in TLS [default: the URL's host]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Every connection shakes hands in full
    #[arg(long)]
    no_resumption: bool,
    /// Right statuses: 200, 2xx, 200-204, any [default: 2xx]
    #[arg(long, value_name = "LIST")]
    expect_status: Option<String>,
    /// The right length of a body
    #[arg(long, value_parser = scalar::size, value_name = "SIZE")]
    expect_bytes: Option<u64>,
    /// The right SHA-256 of a body
    #[arg(long, value_name = "HEX")]
    expect_sha256: Option<String>,
    /// A header that must be there: NAME, or NAME: TEXT that it contains
    #[arg(long, value_name = "LINE")]
    expect_header: Option<String>,
    /// Requests out of an access log, with its times; the URL says where they go
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// How much faster than it was logged
    #[arg(long, default_value = "1", value_parser = scalar::count, value_name = "N")]
    speed: f64,
    /// Requests are written no faster than so many bytes a second
    #[arg(long, value_parser = scalar::size, value_name = "SIZE")]
    slow_write: Option<u64>,
    /// Answers are read no faster than so many bytes a second
    #[arg(long, value_parser = scalar::size, value_name = "SIZE")]
    slow_read: Option<u64>,
    /// The server's process: its CPU time, memory, switches and files are measured
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Targets may be other machines than this one
    #[arg(long)]
    allow_remote: bool,
}

impl PlanArgs {
    /// The plan, in a closed loop or a replay.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn plan(&self) -> Result<Plan, Refusal> {
        let targets = self.targets()?;
        let first = targets.first().ok_or_else(|| Refusal("no URL to ask".to_owned()))?;
        let protocol = self.protocol(first.url.scheme);
        let mut plan = Plan {
            protocol,
            connections: self.connections,
            requests_per_connection: self.requests_per_connection,
            pacing: Pacing::Closed,
            duration: self.duration.unwrap_or(DURATION_DEFAULT),
            grace: self.grace,
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            tls: Tls {
                insecure: self.insecure,
                roots: self.cacert.clone(),
                server_name: self.server_name.clone(),
                resumption: !self.no_resumption,
            },
            check: self.check()?,
            slow: Slow {
                write_bytes_per_second: self.slow_write,
                read_bytes_per_second: self.slow_read,
            },
            threads: self.threads,
            cores: self.cores.clone(),
            server_pid: self.pid,
            allow_remote: self.allow_remote,
            targets,
        };
        if self.requests_per_connection == Some(0) {
            return Err(Refusal("a connection carries one request at least".to_owned()));
        }
        if let Some(path) = &self.replay {
            self.replay(path, &mut plan)?;
        }
        Ok(plan)
    }

    pub(crate) fn arrivals(&self) -> Arrivals {
        if self.poisson { Arrivals::Poisson } else { Arrivals::Even }
    }

    pub(crate) fn replays(&self) -> bool {
        self.replay.is_some()
    }

    fn protocol(&self, scheme: Scheme) -> Protocol {
        let streams = self.streams;
        let answer_bytes = usize::try_from(self.answer_bytes).unwrap_or(usize::MAX);
        match scheme {
            _ if self.idle => Protocol::Idle,
            Scheme::Ws | Scheme::Wss => Protocol::WebSocket,
            Scheme::Tcp | Scheme::Tls => Protocol::Tcp { answer_bytes },
            _ if self.events && self.http2 => {
                Protocol::Events { over: EventsOver::Http2 { streams } }
            }
            _ if self.events => Protocol::Events { over: EventsOver::Http1 },
            _ if self.http2 => Protocol::Http2 { streams },
            _ => Protocol::Http1 { pipeline: self.pipeline },
        }
    }

    fn check(&self) -> Result<Check, Refusal> {
        let statuses = self.expect_status.as_deref().map(Statuses::parse).transpose()?;
        Ok(Check {
            statuses: statuses.unwrap_or_default(),
            body_bytes: self.expect_bytes,
            body_sha256: self.expect_sha256.as_deref().map(parse_sha256).transpose()?,
            header: self.expect_header.as_deref().map(HeaderCheck::parse).transpose()?,
        })
    }

    fn targets(&self) -> Result<Vec<Target>, Refusal> {
        if !self.weights.is_empty() && self.weights.len() != self.urls.len() {
            let (weights, urls) = (self.weights.len(), self.urls.len());
            return Err(Refusal(format!("{weights} weights for {urls} URLs")));
        }
        let body = self.body()?;
        let headers = self.headers()?;
        let method = match &self.method {
            Some(method) => method.clone(),
            None if body.is_empty() => "GET".to_owned(),
            None => "POST".to_owned(),
        };
        let target = |url: &str| -> Result<Target, Refusal> {
            let url = Url::parse(url)?;
            let (method, headers, body) = (method.clone(), headers.clone(), body.clone());
            Ok(Target { url, method, headers, body, weight: 1, check: None })
        };
        let mut targets = Vec::new();
        for (index, url) in self.urls.iter().enumerate() {
            let weight = self.weights.get(index).copied().unwrap_or(1);
            targets.push(Target { weight, ..target(url)? });
        }
        if let Some(path) = &self.urls_file {
            let text = read(path)?;
            let lines = text.lines().map(str::trim).enumerate();
            for (index, line) in
                lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            {
                let place = format!("{}:{}", path.display(), index + 1);
                let more = line_of_target(line, &target);
                targets.push(more.map_err(|Refusal(why)| Refusal(format!("{place}: {why}")))?);
            }
        }
        Ok(targets)
    }

    fn headers(&self) -> Result<Vec<(String, Template)>, Refusal> {
        let mut headers = Vec::new();
        for line in &self.headers {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| Refusal(format!("{line:?} is no header: write NAME: VALUE")))?;
            if value.contains(['\r', '\n']) {
                return Err(Refusal(format!("{line:?} is more than one line")));
            }
            headers.push((name.trim().to_owned(), Template::parse(value.trim())?));
        }
        if let Some(bearer) = &self.bearer {
            headers.push(("Authorization".to_owned(), bearer_value(bearer)?));
        }
        Ok(headers)
    }

    fn body(&self) -> Result<Template, Refusal> {
        match (&self.body, &self.body_file) {
            (Some(text), _) => Template::parse(text),
            (None, Some(path)) => Template::parse_bytes(&read_bytes(path)?),
            (None, None) => Ok(Template::constant("")),
        }
    }

    /// The log's requests become the targets; the URL's place stays.
    fn replay(&self, path: &PathBuf, plan: &mut Plan) -> Result<(), Refusal> {
        if plan.targets.len() != 1 {
            return Err(Refusal("a replay goes to one URL".to_owned()));
        }
        if self.speed <= 0.0 {
            return Err(Refusal("the speed of a replay is more than 0".to_owned()));
        }
        let log = access_log::read(&read_bytes(path)?)
            .map_err(|Refusal(why)| Refusal(format!("{}: {why}", path.display())))?;
        let base = plan.targets[0].clone();
        let target = |request: &access_log::Request| Target {
            url: Url { path: request.path.clone(), ..base.url.clone() },
            method: request.method.clone(),
            ..base.clone()
        };
        plan.targets = log.requests.iter().map(target).collect();
        let record = |&(at, target): &(Duration, usize)| (at.div_f64(self.speed), target);
        let records: Vec<_> = log.records.iter().map(record).collect();
        if let (None, Some((last, _))) = (self.duration, records.last()) {
            plan.duration = *last + Duration::from_millis(1);
        }
        plan.pacing = Pacing::Replay(records);
        Ok(())
    }
}

fn line_of_target(
    line: &str,
    target: &dyn Fn(&str) -> Result<Target, Refusal>,
) -> Result<Target, Refusal> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let mut found = target(words.pop().unwrap_or_default())?;
    if let Some(weight) = words.first().and_then(|word| word.parse().ok()) {
        found.weight = weight;
        words.remove(0);
    }
    match words[..] {
        [] => Ok(found),
        [method] => Ok(Target { method: method.to_owned(), ..found }),
        _ => Err(Refusal("write [WEIGHT] [METHOD] URL".to_owned())),
    }
}

fn bearer_value(bearer: &str) -> Result<Template, Refusal> {
    let tokens: Vec<String> = if let Some(path) = bearer.strip_prefix('@') {
        let text = read(&PathBuf::from(path))?;
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    } else if let Some(name) = bearer.strip_prefix("env:") {
        vec![std::env::var(name).map_err(|_| Refusal(format!("--bearer: {name} is not set")))?]
    } else {
        vec![bearer.to_owned()]
    };
    if tokens.is_empty() || tokens.iter().any(|token| token.chars().any(char::is_control)) {
        return Err(Refusal("--bearer: no token of one line".to_owned()));
    }
    Ok(Template::cycle(tokens).between("Bearer ", ""))
}

fn read_bytes(path: &PathBuf) -> Result<Vec<u8>, Refusal> {
    fs::read(path).map_err(|error| Refusal(format!("{}: {error}", path.display())))
}

fn read(path: &PathBuf) -> Result<String, Refusal> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|_| Refusal(format!("{}: it is no text", path.display())))
}

const DURATION_DEFAULT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
