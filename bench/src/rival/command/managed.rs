//! Ringway with all that a route can have: a table of ten thousand, twenty policies on the one that
//! is asked for, a hundred endpoints. None of them answers in the origin's place.

use std::fmt::Write;
use std::net::SocketAddrV4;

use super::Setting;
use crate::rival::origin::ENDPOINTS;

pub(super) fn setting(origin: SocketAddrV4) -> Setting {
    let port = origin.port();
    let hosts: Vec<String> = (1..=ENDPOINTS).map(|n| format!("\"127.0.0.{n}:{port}\"")).collect();
    let mut more_routes = String::new();
    for number in 0..ROUTES {
        let path = format!("/tenant-{}/service-{}", number / 100, number % 100);
        let _ = writeln!(
            more_routes,
            "    - matches: [{{path: {{pathPrefix: {path}}}}}]\n      \
             backends: [{{host: \"127.0.0.1:{port}\"}}]"
        );
    }
    Setting {
        route_policies: ROUTE_POLICIES.trim().to_owned(),
        backend: Some(format!("hosts: [{}]\n{BACKEND_POLICIES}", hosts.join(", "))),
        more_routes,
        ..Setting::default()
    }
}

/// Beside the one that is asked for.
const ROUTES: usize = 10_000;
/// Thirteen; a limit that is not reached costs what one costs that is.
const ROUTE_POLICIES: &str = r#"
      policies:
        authorization: {rules: [{deny: 'request.path.startsWith("/internal/")'}]}
        csrf: {additionalOrigins: ["https://app.example.com"]}
        cors: {allowOrigins: ["https://*.example.com"], allowMethods: [GET, POST]}
        localRateLimit:
        - {maxTokens: 1000000, tokensPerFill: 1000000, fillInterval: 1s}
        - {maxTokens: 1000000, tokensPerFill: 1000000, fillInterval: 1s, key: {source: {}}}
        requestHeaderModifier: {set: {x-tier: gold}, remove: [x-internal]}
        responseHeaderModifier: {set: {cache-control: no-store}, remove: [x-secret]}
        transformations: {response: {set: {x-late: 'response.code == 504 ? "yes" : "no"'}}}
        urlRewrite: {authority: {full: origin.internal}}
        timeout: {requestTimeout: 30s, backendRequestTimeout: 10s}
        retry: {attempts: 2, backoff: 25ms, codes: [503]}
        compression: {minBytes: 512}
        adaptiveConcurrency: {minLimit: 100, initialLimit: 200}
"#;
/// Seven.
const BACKEND_POLICIES: &str = r"        policies:
          loadBalancer: {algorithm: peakEwma, slowStart: 10s}
          tcp: {connectTimeout: 2s, keepalives: {enabled: true}}
          http: {requestTimeout: 10s}
          circuit: {maxRequests: 10000, maxWaiting: 100}
          health:
            eviction: {consecutiveFailures: 5, successRate: 80}
            check: {tcp: {}}";
