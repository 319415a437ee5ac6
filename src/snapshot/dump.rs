//! A configuration and what was compiled of it, for people to read: `/config_dump`. Secrets are
//! left out by the types that hold them.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Snapshot;
use super::bind::Bind;
use super::pressure::Level;
use super::sources::Sources;
use super::tcp::{By, Listener, Passage, Route};
use super::tls::{Carries, Clients, TlsListener};
use crate::base::clock::Instant;
use crate::config::Config;
use crate::config::frontend::FrontendPolicies;
use crate::net::tls::{Certificate, Verification};
use crate::policy::gradient::Gradient;
use crate::policy::rate_limit::RateLimit;
use crate::upstream::Cluster;
use crate::upstream::cluster::{HttpVersion, UpstreamTls};

pub fn dump(config: &Config, snapshot: &Snapshot, memory: Level, now: Instant) -> Value {
    let clusters = snapshot.clusters.iter().map(|cluster| of_cluster(cluster));
    let binds = snapshot.binds.iter().map(|bind| of_bind(bind));
    let limits = snapshot.rate_limits.iter().map(|limit| of_rate_limit(limit, now));
    json!({
        "config": serde_json::to_value(config).unwrap_or(Value::Null),
        "policies": policies(config),
        "compiled": {
            "version": snapshot.version,
            "binds": binds.collect::<Vec<_>>(),
            "clusters": clusters.collect::<Vec<_>>(),
            "rateLimits": limits.collect::<Vec<_>>(),
            "admission": {
                "concurrency": snapshot.gradients.iter().map(|one| of_gradient(one)).collect::<Vec<_>>(),
                "memory": memory.text(),
                "memoryBytesMax": snapshot.memory_bytes_max,
                "sources": snapshot.sources.as_ref().map(|sources| of_sources(sources, now)),
            },
        },
    })
}

/// What `frontendPolicies` change, as agentgateway lists it: its documentation looks there.
fn policies(config: &Config) -> Vec<Value> {
    let FrontendPolicies { http, tls, tcp, proxy_protocol, connect, access_log } =
        &config.frontend_policies;
    let default = FrontendPolicies::default();
    let written = [
        ("http", "hTTP", (*http != default.http).then(|| json!(http))),
        ("tls", "tLS", (*tls != default.tls).then(|| json!(tls))),
        ("tcp", "tCP", tcp.as_ref().map(|tcp| json!(tcp))),
        ("proxy", "proxy", proxy_protocol.as_ref().map(|proxy| json!(proxy))),
        ("accessLog", "accessLog", access_log.as_ref().map(|policy| json!(policy))),
        ("connect", "connect", (*connect != default.connect).then(|| json!(connect))),
    ];
    let listed = written.into_iter().filter_map(|(key, kind, policy)| {
        Some(json!({
            "key": format!("frontend/{key}"),
            "name": null,
            "target": {"gateway": {
                "gatewayName": "default",
                "gatewayNamespace": "default",
                "listenerName": null,
            }},
            "policy": {"frontend": {kind: policy?}},
        }))
    });
    listed.collect()
}

fn tcp_listeners(passage: &Passage) -> Vec<Value> {
    let routes = |routes: &[Route]| -> Vec<Value> {
        routes.iter().map(|route| Value::from(route.name.as_str())).collect()
    };
    match &passage.by {
        By::Port(route) => vec![json!({"tcpRoutes": routes(route.as_slice())})],
        By::Name(names) => {
            let listener =
                |one: &Listener| json!({"name": one.name, "tcpRoutes": routes(&one.routes)});
            names.listeners.iter().map(listener).collect()
        }
    }
}

/// With how full it is: what is held back is seen here.
fn of_rate_limit(limit: &RateLimit, now: Instant) -> Value {
    let keys = limit.keys(now).map(|(used, room)| json!({"inUse": used, "room": room}));
    json!({
        "name": limit.name,
        "tokensMax": limit.spec.rate.depth(),
        "tokensLeft": limit.left(now),
        "keys": keys,
    })
}

fn of_gradient(gradient: &Gradient) -> Value {
    json!({
        "name": gradient.name,
        "limit": gradient.limit(),
        "active": gradient.active(),
        "baseLatencyMs": gradient.base_nanos() as f64 / 1e6,
    })
}

fn of_sources(sources: &Sources, now: Instant) -> Value {
    let (connected, asking) = sources.in_use(now);
    json!({"connected": connected, "asking": asking, "room": sources.spec.sources_max})
}

fn of_bind(bind: &Bind) -> Value {
    let listeners = (0u32..).zip(&bind.listeners).map(|(place, listener)| {
        let routes = listener.routes.iter().map(|route| route.name.as_str());
        let tls = bind.tls.as_ref().and_then(|tls| tls.listener(place));
        json!({
            "name": listener.name,
            "routes": routes.collect::<Vec<_>>(),
            "tls": tls.map(of_listener_tls),
        })
    });
    let passed = bind.passage.iter().flat_map(tcp_listeners);
    json!({
        "name": bind.name,
        "address": bind.address.to_string(),
        "listeners": listeners.chain(passed).collect::<Vec<_>>(),
    })
}

fn of_listener_tls(tls: &TlsListener) -> Value {
    json!({
        "carries": match tls.carries {
            Carries::Http => "http",
            Carries::Tcp => "tcp",
        },
        "clientCertificates": match tls.clients {
            Clients::NotAsked => "not asked for",
            Clients::Optional => "optional",
            Clients::Required => "required",
        },
        "certificates": tls.certificates().map(of_certificate).collect::<Vec<_>>(),
    })
}

fn of_certificate(certificate: &Certificate) -> Value {
    let identity = certificate.identity();
    let names = identity.alternative_names().map(str::to_owned);
    let addresses = identity.addresses.iter().map(ToString::to_string);
    json!({
        "subject": identity.subject,
        "names": names.chain(addresses).collect::<Vec<_>>(),
        "notBefore": date(identity.not_before_seconds),
        "notAfter": date(identity.not_after_seconds),
    })
}

fn of_cluster(cluster: &Cluster) -> Value {
    let endpoints = cluster.endpoints.iter().map(|endpoint| endpoint.name.as_str());
    let settings = &cluster.settings;
    json!({
        "name": cluster.name,
        "endpoints": endpoints.collect::<Vec<_>>(),
        "connectTimeoutMs": settings.connect_timeout.as_millis() as u64,
        "idleTimeoutMs": settings.idle_timeout.as_millis() as u64,
        "idlePerWorkerMax": settings.idle_per_worker_max,
        "keepalive": settings.keepalive.map(|keepalive| json!({
            "retries": keepalive.retries,
            "timeSeconds": keepalive.time.as_secs(),
            "intervalSeconds": keepalive.interval.as_secs(),
        })),
        "http": match settings.http {
            HttpVersion::Http11 => "HTTP/1.1",
            HttpVersion::Http2 => "HTTP/2.0",
            HttpVersion::Auto => "auto",
        },
        "tls": settings.tls.as_ref().map(|tls| of_cluster_tls(tls, cluster)),
    })
}

fn of_cluster_tls(tls: &UpstreamTls, cluster: &Cluster) -> Value {
    let names = cluster.endpoints.iter().filter_map(|endpoint| endpoint.server_name.as_ref());
    let alpn = tls.settings.alpn.iter().map(|name| String::from_utf8_lossy(name));
    json!({
        "serverNames": names.map(|name| name.to_str()).collect::<Vec<_>>(),
        "alpn": alpn.collect::<Vec<_>>(),
        "verified": match tls.settings.verification {
            Verification::Host => "chain and host",
            Verification::Names(_) => "chain and subjectAltNames",
            Verification::Chain => "chain",
            Verification::Nothing => "nothing",
        },
        "certificate": tls.settings.certificate.as_ref().map(of_certificate),
    })
}

/// As in HTTP, which has no date before 1970 and none after 9999.
fn date(unix_seconds: i64) -> String {
    let seconds = u64::try_from(unix_seconds).unwrap_or(0).min(DATE_SECONDS_MAX);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

const DATE_SECONDS_MAX: u64 = 253_402_300_799;

#[cfg(test)]
mod tests;
