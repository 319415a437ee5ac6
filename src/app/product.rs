//! The product, as control sees it: what a configuration means, what a worker runs, what is told
//! to those who ask.

mod names;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Product;
use super::budgets;
use super::crew::{Seat, WorkerMain};
use super::endpoints;
use super::origin::Origin;
use crate::base::clock::Clock;
use crate::base::id::WorkerId;
use crate::base::ring::Consumer;
use crate::bus::BindSocket;
use crate::config::dns::LookupFamily;
use crate::config::process::{LogFormat as RawLogFormat, Process, WorkerThreads};
use crate::config::ringway::{AccessLogTarget, Driver as RawDriver};
use crate::config::{self, Config};
use crate::control::credentials::Keeper;
use crate::control::drain::Deadlines;
use crate::control::health::Checked;
use crate::control::ledger::Ledger;
use crate::control::listen::{Bind, Group};
use crate::control::resolve::{Addresses, Dns, Family, Name};
use crate::control::source::Text;
use crate::control::wiring::{Facts, Format, Found, Load, Settings, Wiring};
use crate::limits::CERTIFICATE_WARNING_DAYS;
use crate::llm::budget::Purses;
use crate::net::listen;
use crate::net::runtime::{self, Driver, DriverChoice};
use crate::net::tls::Certificate;
use crate::policy::gradient::Gradient;
use crate::proto::http1::ParseError;
use crate::snapshot::Snapshot;
use crate::snapshot::compile::{self, Inputs};
use crate::snapshot::dump;
use crate::snapshot::handed;
use crate::snapshot::refresh;
use crate::snapshot::resources::Shared;
use crate::snapshot::tls::Keyring;
use crate::telemetry::access_log::line::LineFormat;
use crate::telemetry::access_log::{Recorder, recorder};
use crate::telemetry::labels::Registry;
use crate::telemetry::log::{self, LogFormat, ProcessLog};
use crate::telemetry::log_writer::{LogWriter, Target as LogTarget};
use crate::telemetry::merge::{
    self, CertificateMetric, ConcurrencyMetric, ControlMetrics, CredentialMetric,
};
use crate::telemetry::process::ProcessMetrics;
use crate::telemetry::shard::{Shard, ShardOptions};
use crate::telemetry::value::Gauge;
use crate::upstream::credential::Credential;
use crate::worker::{self, Spec};

/// All that control's thread owns of the product.
pub struct Ringway {
    clock: Clock,
    registry: Registry,
    keyring: Keyring,
    keeper: Keeper,
    origin: Origin,
    purses: Purses,
    /// None where nothing is written down.
    ledger: Option<Ledger>,
    driver: Driver,
    log: Option<ProcessLog>,
    shards: Vec<Arc<Shard>>,
    shared: Shared,
    access: Access,
    release_memory: fn(),
}

/// The access log on its way to being written: its thread wants the rings of all workers at once.
#[derive(Default)]
struct Access {
    rings: Vec<Consumer>,
    target: Option<LogTarget>,
    format: LineFormat,
    writer: Option<LogWriter>,
}

impl Ringway {
    /// `release_memory` gives what a thread has freed back to the system: the allocator is the
    /// executable's choice.
    pub fn new(release_memory: fn()) -> Self {
        Self {
            release_memory,
            clock: Clock::new(),
            registry: Registry::new(),
            keyring: Keyring::default(),
            keeper: Keeper::default(),
            origin: Origin::default(),
            purses: Purses::default(),
            ledger: None,
            driver: Driver::Epoll,
            log: None,
            shards: Vec::new(),
            shared: Shared::default(),
            access: Access::default(),
        }
    }

    /// The workers are known now: their shards are, and their rings have a reader.
    fn settle(&mut self) -> Result<(), String> {
        if self.shared.shards.all().is_empty() && !self.shards.is_empty() {
            self.shared.shards.set(self.shards.clone());
        }
        let Some(target) = self.access.target.take_if(|_| !self.shards.is_empty()) else {
            return Ok(());
        };
        let rings = std::mem::take(&mut self.access.rings);
        let writer = LogWriter::start(rings, self.registry.names(), &target, self.access.format)
            .map_err(|error| format!("cannot open the access log {target:?}: {error}"))?;
        self.access.writer = Some(writer);
        Ok(())
    }

    fn recorder(&mut self) -> Recorder {
        let (recorder, ring) = recorder();
        self.access.rings.push(ring);
        recorder
    }
}

impl Product for Ringway {
    const BUILT_IN: &'static str = config::DEFAULT;

    fn begin(&mut self, config: &Config) -> Result<(), String> {
        let logging = &config.process.logging;
        let format = match logging.format {
            RawLogFormat::Text => LogFormat::Text,
            RawLogFormat::Json => LogFormat::Json,
        };
        let log = log::start(&logging.level.join(","), format);
        self.log = Some(log.map_err(|error| format!("config.logging.level: {error}"))?);
        let ringway = &config.process.ringway;
        let choice = match ringway.driver {
            RawDriver::Auto => DriverChoice::Auto,
            RawDriver::Uring => DriverChoice::Uring,
            RawDriver::Epoll => DriverChoice::Epoll,
        };
        self.driver = runtime::probe(choice).map_err(|error| {
            format!(
                "io_uring was asked for, and the kernel refuses a ring: {error}\n    hint: look at \
                 `sysctl kernel.io_uring_disabled` and the container's seccomp profile, or leave \
                 out config.ringway.driver to fall back to epoll"
            )
        })?;
        if self.driver == Driver::Epoll && choice == DriverChoice::Auto {
            tracing::warn!("io_uring is not to be had here: running on epoll, which costs more");
        }
        tracing::info!("workers run on {}", self.driver);
        self.access.format = match ringway.access_log.format {
            RawLogFormat::Text => LineFormat::Text,
            RawLogFormat::Json => LineFormat::Json,
        };
        self.access.target = match &ringway.access_log.to {
            AccessLogTarget::Stdout => Some(LogTarget::Stdout),
            AccessLogTarget::File(path) => Some(LogTarget::File(path.clone())),
            AccessLogTarget::Off => None,
        };
        self.ledger = budgets::ledger(&ringway.budgets, &self.purses)?;
        Ok(())
    }

    fn hire(&mut self, seat: Seat<Snapshot>) -> WorkerMain {
        let options = ShardOptions { malformed_errors: MALFORMED, ..ShardOptions::default() };
        let shard = Arc::new(Shard::with_options(seat.worker, options));
        self.shards.push(Arc::clone(&shard));
        let spec = Spec {
            id: seat.worker,
            driver: self.driver,
            clock: self.clock.clone(),
            inbox: seat.commands,
            events: seat.events,
            pulse: seat.pulse,
            shard,
            shared: self.shared.clone(),
            log: self.recorder(),
            release_memory: self.release_memory,
        };
        Box::new(move || worker::run(spec))
    }

    fn finish(self) {
        if self.ledger.is_some_and(|ledger| !ledger.stop()) {
            tracing::error!("what budgets used was not written down in time");
        }
        if let Some(writer) = self.access.writer {
            writer.stop(LOG_PATIENCE);
        }
    }
}

impl Wiring for Ringway {
    type Config = Config;
    type Snapshot = Snapshot;

    fn parse(&mut self, text: &Text) -> Result<Config, String> {
        config::parse(&text.text, &text.origin).map_err(|diagnostics| diagnostics.to_string())
    }

    fn settings(&self, config: &Config) -> Settings {
        let process = &config.process;
        Settings {
            admin: process.admin_addr.clone(),
            metrics: process.stats_addr.clone(),
            readiness: process.readiness_addr.clone(),
            ipv6: process.enable_ipv6,
            workers: match process.worker_threads {
                WorkerThreads::Cores => None,
                WorkerThreads::Count(count) => Some(count),
                WorkerThreads::Percent(percent) => Some(share_of_cores(percent)),
            },
            pin: process.ringway.pin,
            at_start: vec![
                ("ringway.driver", format!("{:?}", process.ringway.driver)),
                ("logging", format!("{:?}", process.logging)),
                ("ringway.accessLog", format!("{:?}", process.ringway.access_log)),
                ("ringway.budgets.store", format!("{:?}", process.ringway.budgets.kept())),
            ],
            drain: Deadlines::new(
                process.connection_min_termination_deadline,
                process.connection_termination_deadline,
            ),
            dns: dns(process),
            upgrade_timeout: process.ringway.upgrade.timeout,
            upgrade_socket: process.ringway.upgrade.socket.clone(),
        }
    }

    fn names(&self, config: &Config) -> Vec<Name> {
        names::of(config)
    }

    fn files(&self, config: &Config) -> Vec<PathBuf> {
        let files: BTreeSet<PathBuf> = config.written.files.iter().cloned().collect();
        files.into_iter().collect()
    }

    fn compile(
        &mut self,
        config: &Config,
        found: &Found<'_>,
        last: Option<&Snapshot>,
    ) -> Result<Snapshot, String> {
        self.settle()?;
        let resolve = |host: &str, port: u16| {
            let name = Name { host: host.to_owned(), port };
            found.addresses.get(&name).cloned().unwrap_or_default()
        };
        let origin = || self.origin.address().map_err(|error| error.to_string());
        let file = |path: &Path| match found.files.get(path) {
            Some(read) => read.clone(),
            None => Err("it was not read".to_owned()),
        };
        let now = self.clock.now();
        let purses = &self.purses;
        let inputs = Inputs { resolve: &resolve, origin: &origin, file: &file, now, purses };
        let (registry, keyring) = (&mut self.registry, &mut self.keyring);
        let snapshot = compile::compile(config, &inputs, last, registry, keyring)?;
        warn_of_certificates(&snapshot);
        budgets::follow(self.ledger.as_ref(), &snapshot.budgets);
        Ok(snapshot)
    }

    fn refresh(&mut self, addresses: &Addresses, last: &Snapshot) -> Option<Snapshot> {
        let resolve = |host: &str, port: u16| {
            let name = Name { host: host.to_owned(), port };
            addresses.get(&name).cloned().unwrap_or_default()
        };
        refresh::refresh(last, &resolve, self.clock.now(), &mut self.registry)
    }

    fn probes(&self, snapshot: &Snapshot) -> Vec<Checked> {
        endpoints::probes(snapshot, &self.clock)
    }

    fn clusters(&self, snapshot: &Snapshot) -> serde_json::Value {
        endpoints::list(snapshot, self.clock.now())
    }

    fn budgets(&self, snapshot: &Snapshot) -> serde_json::Value {
        budgets::list(&snapshot.budgets, self.ledger.as_ref())
    }

    fn reset_budget(&self, snapshot: &Snapshot, name: &str) -> bool {
        budgets::reset(&snapshot.budgets, self.ledger.as_ref(), name)
    }

    fn binds(&self, snapshot: &Snapshot) -> Vec<Bind> {
        let bind = |bind: &Arc<crate::snapshot::bind::Bind>| Bind {
            id: bind.id,
            name: bind.name.clone(),
            address: bind.address,
        };
        snapshot.binds.iter().map(bind).collect()
    }

    fn listen(
        &mut self,
        snapshot: &Snapshot,
        bind: &Bind,
        group: Group,
    ) -> io::Result<Vec<OwnedFd>> {
        let keepalive = snapshot.bind(bind.id).and_then(|bind| bind.settings.keepalive);
        let options = listen::Options { keepalive, alone: group.alone, join: group.join };
        listen::open(bind.address, group.sockets, &options)
    }

    fn inherit(&self, snapshot: &Snapshot, socket: &BindSocket) -> io::Result<()> {
        let keepalive = snapshot.bind(socket.bind).and_then(|bind| bind.settings.keepalive);
        let options = listen::Options { keepalive, ..listen::Options::default() };
        listen::inherit(socket.socket.as_fd(), &options)
    }

    fn state(&self, snapshot: &Snapshot) -> Vec<u8> {
        handed::save(snapshot, self.clock.now()).unwrap_or_else(|why| {
            tracing::error!("the state is not handed over: {why}");
            Vec::new()
        })
    }

    fn restore(&self, snapshot: &Snapshot, state: &[u8], age: Duration) -> Result<(), String> {
        handed::restore(snapshot, state, age, self.clock.now())
    }

    fn dump(&self, config: &Config, snapshot: &Snapshot) -> serde_json::Value {
        dump::dump(config, snapshot, self.shared.pressure.level(), self.clock.now())
    }

    fn exposition(&self, facts: &Facts<'_>, snapshot: Option<&Snapshot>, format: Format) -> String {
        let writer = self.access.writer.as_ref();
        let control = ControlMetrics {
            tag: env!("CARGO_PKG_VERSION"),
            config_synchronized: facts.synchronized,
            config_version: facts.version,
            reloads_accepted: facts.reloads_accepted,
            reloads_refused: facts.reloads_refused,
            access_records_lost: writer.map_or(0, LogWriter::lost_records),
            access_log_errors: writer.map_or(0, LogWriter::errors),
            certificates: snapshot.map_or_else(Vec::new, certificate_metrics),
            credentials: snapshot.map_or_else(Vec::new, credential_metrics),
            endpoints: snapshot.map_or_else(Vec::new, |s| endpoints::metrics(s, self.clock.now())),
            circuits: snapshot.map_or_else(Vec::new, endpoints::circuit_metrics),
            budgets: snapshot.map_or_else(Vec::new, |one| budgets::metrics(&one.budgets)),
            budget_store_errors: self.ledger.as_ref().map_or(0, Ledger::errors),
            lookups_good: facts.lookups_good,
            lookups_failed: facts.lookups_failed,
            upgrades_failed: facts.upgrades_failed,
            concurrency: snapshot.map_or_else(Vec::new, concurrency_metrics),
            memory_limit_bytes: snapshot.and_then(|one| one.memory_bytes_max).unwrap_or(0),
            memory_pressure: self.shared.pressure.level() as u8,
            process: ProcessMetrics::read(),
        };
        let format = match format {
            Format::Text => merge::Format::Text,
            Format::OpenMetrics => merge::Format::OpenMetrics,
        };
        merge::render(&self.shards, &self.registry, &control, format)
    }

    fn load(&self, worker: WorkerId) -> Load {
        self.shards.get(worker.index()).map_or_else(Load::default, |shard| Load {
            connections: u64::try_from(shard.active_connections()).unwrap_or(0),
            busy_ratio: shard.gauge(Gauge::BusyPpm) as f64 / 1e6,
        })
    }

    fn look(&mut self, snapshot: Option<&Snapshot>) {
        self.keeper.follow(snapshot.map_or(&[], |snapshot| &snapshot.credentials));
        let pressure = &self.shared.pressure;
        pressure.bound(snapshot.and_then(|snapshot| snapshot.memory_bytes_max));
        if let Some((before, level)) = pressure.news() {
            tracing::warn!("memory is {}, and was {}", level.text(), before.text());
        }
    }

    fn log_level(&self) -> String {
        self.log.as_ref().map_or_else(String::new, ProcessLog::filter)
    }

    fn set_log_level(&mut self, level: &str) -> Result<(), String> {
        let Some(log) = &self.log else { return Err("the log is not open".to_owned()) };
        log.set(level).map_err(|error| error.to_string())
    }

    fn reopen_logs(&mut self) {
        if let Some(writer) = &self.access.writer {
            writer.reopen();
        }
    }
}

fn dns(process: &Process) -> Dns {
    let own = &process.ringway.dns;
    Dns {
        family: match process.dns.lookup_family {
            LookupFamily::Auto => Family::Auto,
            LookupFamily::All => Family::All,
            LookupFamily::V4Preferred => Family::V4Preferred,
            LookupFamily::V4Only => Family::V4Only,
            LookupFamily::V6Only => Family::V6Only,
        },
        edns0: process.dns.edns0,
        servers: own.servers.clone(),
        ttl_min: own.min_ttl,
        ttl_max: own.max_ttl,
    }
}

fn concurrency_metrics(snapshot: &Snapshot) -> Vec<ConcurrencyMetric> {
    let metric = |one: &Arc<Gradient>| ConcurrencyMetric {
        of: one.name.clone(),
        limit: one.limit(),
        active: one.active(),
    };
    snapshot.gradients.iter().map(metric).collect()
}

fn credential_metrics(snapshot: &Snapshot) -> Vec<CredentialMetric> {
    let fetched = snapshot.credentials.iter().filter(|one| !one.is_fixed());
    let metric = |one: &Arc<Credential>| CredentialMetric {
        name: one.name.clone(),
        fetched: one.fetched.load(Ordering::Relaxed),
        failed: one.failed.load(Ordering::Relaxed),
        ends_seconds: one.ends(),
    };
    fetched.map(metric).collect()
}

fn certificate_metrics(snapshot: &Snapshot) -> Vec<CertificateMetric> {
    let metric = |(bind, listener, certificate): (&str, &str, &Certificate)| CertificateMetric {
        bind: bind.to_owned(),
        listener: listener.to_owned(),
        certificate: title(certificate).to_owned(),
        not_after_seconds: certificate.identity().not_after_seconds,
    };
    snapshot.certificates().map(metric).collect()
}

/// Served all the same: clients judge, and some do not care.
fn warn_of_certificates(snapshot: &Snapshot) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    for (bind, listener, certificate) in snapshot.certificates() {
        let days = (certificate.identity().not_after_seconds - now) / (24 * 3600);
        let title = title(certificate);
        if let Some(warning) = certificate.warning(now) {
            tracing::warn!("{bind}: listener `{listener}`: `{title}`: {warning}");
        } else if days < CERTIFICATE_WARNING_DAYS {
            tracing::warn!(
                "{bind}: listener `{listener}`: `{title}`: the certificate expires in {days} days"
            );
        }
    }
}

/// The first of the names that it is for.
fn title(certificate: &Certificate) -> &str {
    let identity = certificate.identity();
    identity.dns_names.first().unwrap_or(&identity.subject)
}

fn share_of_cores(percent: f64) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (((cores as f64) * percent / 100.0).ceil() as usize).max(1)
}

/// How long the end of the process waits for the last lines of the access log.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// The names of `ParseError::ALL`, in its order: what `shard.malformed` is given is a place in it.
const MALFORMED: &[&str] = &{
    let mut names = [""; ParseError::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ParseError::ALL[index].name();
        index += 1;
    }
    names
};

#[cfg(test)]
mod tests;
