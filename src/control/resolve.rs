//! Names of backends to addresses, off the workers.
//!
//! Names are looked up when a configuration is loaded, and again when their answers are too old: by
//! their time to live, within bounds. A name that cannot be resolved does not refuse a
//! configuration: DNS may be down for a moment, and all else should be served. It keeps its last
//! good answer, or has no address, is reported, and is tried again soon. So is one that vanished:
//! who takes a name out of DNS by mistake should not take the service down with it.
//!
//! `Resolver` is owned by the control loop and remembers the last good answers; the look-ups run
//! beside it in a task of their own.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::limits::{
    DNS_RETRY_MAX, DNS_RETRY_MIN, DNS_TTL_MAX, DNS_TTL_MIN, DNS_TTL_UNKNOWN, LOOKUP_MS_MAX,
    LOOKUPS_AT_ONCE_MAX,
};

/// A host by name, as a configuration gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    pub host: String,
    pub port: u16,
}

/// The addresses of each name, in the order the resolver gave them; empty when it has none.
pub type Addresses = HashMap<Name, Vec<SocketAddr>>;

/// What a name stands for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub addresses: Vec<SocketAddr>,
    pub ttl: Duration,
}

/// What the look-ups brought.
pub type Answers = Vec<(Name, Result<Answer, String>)>;

/// How names are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    pub family: Family,
    pub edns0: bool,
    /// None: those of the system.
    pub servers: Vec<SocketAddr>,
    pub ttl_min: Duration,
    pub ttl_max: Duration,
}

/// Which addresses are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv6 where there is a way to it.
    Auto,
    All,
    V4Preferred,
    V4Only,
    V6Only,
}

impl Default for Dns {
    fn default() -> Self {
        let (ttl_min, ttl_max) = (DNS_TTL_MIN, DNS_TTL_MAX);
        Self { family: Family::Auto, edns0: false, servers: Vec::new(), ttl_min, ttl_max }
    }
}

/// Last good answers, of the names in use, and when each is looked up again.
#[derive(Debug, Default)]
pub struct Resolver {
    pub dns: Dns,
    known: Addresses,
    turns: HashMap<Name, Due>,
    pub good: u64,
    pub failed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    /// None while it is being looked up.
    at: Option<Instant>,
    failures: u32,
}

/// A name without a new answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    pub name: Name,
    pub why: String,
    /// It keeps the addresses it had.
    pub kept: bool,
}

impl Resolver {
    /// Takes new answers in; names that are not among them are forgotten.
    pub fn learn(&mut self, answers: Answers, now: Instant) -> (&Addresses, Vec<Unresolved>) {
        let mut old = std::mem::take(&mut self.known);
        self.turns.retain(|name, _| answers.iter().any(|(asked, _)| asked == name));
        for (name, _) in &answers {
            let kept = old.remove(name).unwrap_or_default();
            self.known.insert(name.clone(), kept);
        }
        let (_, unresolved) = self.renew(answers, now);
        (&self.known, unresolved)
    }

    /// Takes in answers of some names; whether that changes an address.
    pub fn renew(&mut self, answers: Answers, now: Instant) -> (bool, Vec<Unresolved>) {
        let (mut changed, mut unresolved) = (false, Vec::new());
        for (name, answer) in answers {
            // It may have gone out of use meanwhile.
            let Some(known) = self.known.get_mut(&name) else { continue };
            let before = self.turns.get(&name).map_or(0, |due| due.failures);
            let answer = match answer {
                Ok(answer) => answer,
                Err(why) => {
                    self.failed += 1;
                    let wait = DNS_RETRY_MIN.saturating_mul(1 << before.min(10));
                    let (at, failures) = (Some(now + wait.min(DNS_RETRY_MAX)), before + 1);
                    self.turns.insert(name.clone(), Due { at, failures });
                    // Once is enough said, until it works again.
                    let news = (before == 0).then_some(!known.is_empty());
                    unresolved.extend(news.map(|kept| Unresolved { name, why, kept }));
                    continue;
                }
            };
            self.good += 1;
            changed |= !is_same(known, &answer.addresses);
            *known = answer.addresses;
            let at = Some(now + answer.ttl.clamp(self.dns.ttl_min, self.dns.ttl_max));
            self.turns.insert(name, Due { at, failures: 0 });
        }
        (changed, unresolved)
    }

    pub fn known(&self) -> &Addresses {
        &self.known
    }

    /// When the next look-up is due.
    pub fn due(&self) -> Option<Instant> {
        self.turns.values().filter_map(|due| due.at).min()
    }

    /// The names whose turn it is.
    pub fn take_due(&mut self, now: Instant) -> Vec<Name> {
        let mut names = Vec::new();
        for (name, due) in &mut self.turns {
            if due.at.is_some_and(|at| at <= now) {
                due.at = None;
                names.push(name.clone());
            }
        }
        names
    }
}

/// Resolvers give addresses in turns: another order is no change.
fn is_same(known: &[SocketAddr], new: &[SocketAddr]) -> bool {
    known.len() == new.len() && new.iter().all(|address| known.contains(address))
}

/// Look-ups beside the loop, one batch at a time.
#[derive(Debug, Default)]
pub struct Refreshing(Option<JoinHandle<Answers>>);

impl Refreshing {
    pub fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    pub fn begin(&mut self, names: Vec<Name>, dns: &Dns) {
        if !names.is_empty() {
            let dns = dns.clone();
            self.0 = Some(tokio::spawn(async move { look_up(names, &dns).await }));
        }
    }

    /// Waits for the batch, if there is one. Nothing is lost when this is dropped.
    pub async fn answers(&mut self) -> Answers {
        match &mut self.0 {
            Some(task) => {
                let answers = task.await.expect("look-ups neither panic nor are they aborted");
                self.0 = None;
                answers
            }
            None => std::future::pending().await,
        }
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Looks all names up, some at a time: in `/etc/hosts`, then by DNS.
pub async fn look_up(names: Vec<Name>, dns: &Dns) -> Answers {
    if names.is_empty() {
        return Vec::new();
    }
    let turns = Arc::new(Semaphore::new(LOOKUPS_AT_ONCE_MAX));
    let asked = asked(dns).map(Arc::new);
    let mut lookups = JoinSet::new();
    for name in names {
        let (turns, asked) = (Arc::clone(&turns), asked.clone());
        lookups.spawn(async move {
            let _turn = turns.acquire_owned().await;
            let limit = Duration::from_millis(LOOKUP_MS_MAX);
            let answer = match timeout(limit, look_up_one(&name, asked.as_deref())).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("no answer in {LOOKUP_MS_MAX} ms")),
            };
            (name, answer)
        });
    }
    lookups.join_all().await
}

/// Made for each batch: `resolv.conf` may have changed, and nothing is to be answered from a cache.
fn asked(dns: &Dns) -> Option<TokioResolver> {
    let mut builder = match dns.servers.is_empty() {
        true => TokioResolver::builder_tokio()
            .inspect_err(|error| tracing::warn!("resolv.conf: {error}: libc is asked instead"))
            .ok()?,
        false => {
            let servers = dns.servers.iter().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options: &mut ResolverOpts = builder.options_mut();
    options.cache_size = 0;
    options.edns0 = dns.edns0;
    options.timeout = Duration::from_millis(LOOKUP_MS_MAX) / 3;
    options.try_tcp_on_error = true;
    options.ip_strategy = match dns.family {
        Family::Auto if has_ipv6() => LookupIpStrategy::Ipv4AndIpv6,
        Family::All => LookupIpStrategy::Ipv4AndIpv6,
        Family::Auto | Family::V4Preferred => LookupIpStrategy::Ipv4thenIpv6,
        Family::V4Only => LookupIpStrategy::Ipv4Only,
        Family::V6Only => LookupIpStrategy::Ipv6Only,
    };
    builder.build().inspect_err(|error| tracing::warn!("the resolver: {error}")).ok()
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// Whether the kernel knows a way to the world by IPv6. Nothing is sent.
fn has_ipv6() -> bool {
    let far = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 53));
    let near = SocketAddr::from(([0_u16; 8], 0));
    UdpSocket::bind(near).is_ok_and(|socket| socket.connect(far).is_ok())
}

async fn look_up_one(name: &Name, asked: Option<&TokioResolver>) -> Result<Answer, String> {
    let (mut addresses, ttl): (Vec<SocketAddr>, _) = match asked {
        Some(resolver) => {
            let found = resolver.lookup_ip(name.host.as_str()).await;
            let found = found.map_err(|error| error.to_string())?;
            let ttl = found.valid_until().saturating_duration_since(Instant::now());
            (found.iter().map(|ip| SocketAddr::new(ip, name.port)).collect(), ttl)
        }
        None => {
            let found = tokio::net::lookup_host((name.host.as_str(), name.port)).await;
            (found.map_err(|error| error.to_string())?.collect(), DNS_TTL_UNKNOWN)
        }
    };
    let mut seen = Vec::with_capacity(addresses.len());
    addresses.retain(|address| {
        let new = !seen.contains(address);
        seen.push(*address);
        new
    });
    match addresses.is_empty() {
        true => Err("it has no address".to_owned()),
        false => Ok(Answer { addresses, ttl }),
    }
}

#[cfg(test)]
mod tests;
