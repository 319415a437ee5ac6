//! Whole files: those of `config/`, those of agentgateway, and what comes back out of them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

mod bad_tests;
mod expression_tests;
mod protocol_tests;
mod tls_tests;

const REFERENCE: &str = include_str!("../../config/reference.yaml");
const FILES: [(&str, &str); 8] = [
    ("default.yaml", DEFAULT),
    ("llm.yaml", include_str!("../../config/llm.yaml")),
    ("minimal.yaml", include_str!("../../config/minimal.yaml")),
    ("policies.yaml", include_str!("../../config/policies.yaml")),
    ("reference.yaml", REFERENCE),
    ("routing.yaml", include_str!("../../config/routing.yaml")),
    ("tcp.yaml", include_str!("../../config/tcp.yaml")),
    ("tls.yaml", include_str!("../../config/tls.yaml")),
];

/// The reference with what needs files, which control would look for.
fn whole_reference() -> String {
    REFERENCE
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("#: ").unwrap_or(line)))
        .collect()
}

fn read(text: &str) -> Result<Config, Diagnostics> {
    parse_with(text, "gateway.yaml", &|_| None)
}

fn good(text: &str) -> Config {
    read(text).unwrap_or_else(|found| panic!("{found}"))
}

fn told(text: &str) -> String {
    read(text).map_or_else(|found| found.to_string(), |_| "nothing is wrong".to_owned())
}

fn json(config: &Config) -> Value {
    serde_json::to_value(config).unwrap()
}

/// By way of JSON, because serde_yaml writes tags for enums.
fn yaml(config: &Config) -> String {
    serde_yaml::to_string(&json(config)).unwrap()
}

#[test]
fn every_file_is_good() {
    for (name, text) in FILES {
        let parsed = parse_with(text, name, &|_| None);
        assert!(parsed.is_ok(), "{}", parsed.unwrap_err());
    }
    good(&whole_reference());
}

#[test]
fn the_list_of_files_is_whole() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let names: BTreeSet<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    let tested = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names, tested);
}

/// A route is one thing wherever it stands, and so is a backend: each key is shown once.
fn once(key: &str) -> String {
    let key = attached(key);
    let key = key.replace("binds[].listeners[].routes[]", "routes[]");
    let key = key.replace("routeGroups[].routes[]", "routes[]");
    let key = key.replace("binds[].listeners[].tcpRoutes[]", "tcpRoutes[]");
    let key = key.replace("gateways.*.tls", "binds[].listeners[].tls");
    let key = key.replace("gateways.*.listeners[].tls", "binds[].listeners[].tls");
    let key = key.replace("policies.requestMirror.backend.", "backends[].");
    let key = key.replace("llm.policies.", "routes[].policies.");
    let key = key.replace("llm.providers[].params", "llm.models[].params");
    let key = key.replace("llm.providers[].backendTLS", "backends[].policies.backendTLS");
    let key = key.replace("llm.models[].backendTLS", "backends[].policies.backendTLS");
    let key = key.replace("llm.policies.", "routes[].policies.");
    let key = key.replace("llm.models[].authorization", "routes[].policies.authorization");
    let headers = "routes[].policies.requestHeaderModifier";
    let key = key.replace("llm.models[].requestHeaders", headers);
    let key = key.replace("llm.models[].auth.", "routes[].policies.backendAuth.");
    let key = key.replace("llm.modelCatalog.", "config.modelCatalog[].");
    let key = key.replace(".tiers[].rates.", ".rates.");
    let key = key.replace("routes[].backends[].ai", "backends[].ai");
    let key = key.replace("routes[].policies.backendAuth", "backends[].policies.backendAuth");
    let key = key.replace("tcpRoutes[].backends[].policies", "backends[].policies");
    let key = key.replace("routes[].backends[].policies", "backends[].policies");
    let key = key.replace("tcpRoutes[].policies.backendTLS", "backends[].policies.backendTLS");
    let key = key.replace("routes[].policies.backendTLS", "backends[].policies.backendTLS");
    let key = key.replace("binds[].listeners[].policies.", "routes[].policies.");
    let inherited = ["apiKey", "cors", "authorization", "transformations"];
    let of_gateway = key.strip_prefix("gateways.*.");
    let of_gateway = of_gateway.map(|rest| rest.strip_prefix("listeners[].").unwrap_or(rest));
    let key = match of_gateway {
        Some(rest) if inherited.iter().any(|policy| rest.starts_with(policy)) => {
            format!("routes[].policies.{rest}")
        }
        _ => key,
    };
    // A provider is the same in a group, with policies as of a backend.
    let key = match key.strip_prefix("backends[].ai.groups[].providers[].") {
        Some(rest) if rest.starts_with("policies.") => format!("backends[].{rest}"),
        Some(rest) => format!("backends[].ai.{rest}"),
        None => key,
    };
    // Some policies are the same of a route and of a backend.
    let key = match key.strip_prefix("backends[].policies.") {
        Some(rest) if OF_REQUESTS.iter().any(|policy| rest.starts_with(policy)) => {
            format!("routes[].policies.{rest}")
        }
        _ => key,
    };
    // The health of a model's provider is that of any backend, its fields are those of any match.
    let key = match key.strip_prefix("llm.models[].") {
        Some(rest) if rest.starts_with("health.") => format!("backends[].policies.{rest}"),
        Some(rest) if rest.starts_with("matches[].headers[].") => format!("routes[].{rest}"),
        _ => key,
    };
    // A policy is the same in each of its cases.
    let key = match key.split_once(".conditional[].") {
        Some((policy, rest)) if rest != "condition" => format!("{policy}.{rest}"),
        _ => key,
    };
    let key = key.replace("transformations.response.", "transformations.request.");
    let key = key.replace("responseHeaderModifier.", "requestHeaderModifier.");
    // A value is one thing of every part of a certificate.
    match key.split_once(".source.") {
        Some((of, part)) => match part.split_once('.') {
            Some((_, value)) => format!("{of}.source.*.{value}"),
            None => key,
        },
        None => key,
    }
}

/// A policy at the top of the file is one of a route, or of a backend.
fn attached(key: &str) -> String {
    const OF_BACKENDS: [&str; 7] =
        ["backendTLS", "circuit", "health", "http", "loadBalancer", "sessionAffinity", "tcp"];
    match key.strip_prefix("policies[].policy.") {
        Some(rest) if OF_BACKENDS.iter().any(|policy| rest.starts_with(policy)) => {
            format!("backends[].policies.{rest}")
        }
        Some(rest) => format!("routes[].policies.{rest}"),
        None => key.to_owned(),
    }
}

const OF_REQUESTS: [&str; 5] = [
    "authorization",
    "requestHeaderModifier",
    "requestRedirect",
    "responseHeaderModifier",
    "transformations",
];

#[test]
fn the_reference_has_every_key() {
    let keys = keys_of(&whole_reference());
    let written: BTreeSet<String> = keys.written.iter().map(|key| once(key)).collect();
    let accepted: BTreeSet<String> = keys.accepted.iter().map(|key| once(key)).collect();
    let left_out: Vec<_> = accepted.difference(&written).collect();
    assert_eq!(left_out, Vec::<&String>::new());
    assert!(accepted.contains("routes[].policies.urlRewrite.authority.port"));
    assert!(accepted.contains("gateways.*.listeners[].hostname"));
    assert!(accepted.contains("binds[].listeners[].tls.certificates[].key"));
    assert!(accepted.contains("tcpRoutes[].hostnames"));
    assert!(accepted.contains("backends[].policies.backendTLS.insecureHost"));
    assert!(accepted.contains("config.ringway.limits.pipelinedRequests"));
}

#[test]
fn the_reference_shows_the_defaults() {
    let reference = good(REFERENCE);
    let mut process = Process::default();
    process.worker_threads = process::WorkerThreads::Percent(100.0);
    process.backend.pool_max_size = Some(1024);
    // Without a default that could be written.
    process.ringway.upgrade.socket.clone_from(&reference.process.ringway.upgrade.socket);
    assert!(process.ringway.upgrade.socket.is_some());
    let budgets = &reference.process.ringway.budgets;
    process.ringway.budgets.store.clone_from(&budgets.store);
    process.ringway.budgets.limits.clone_from(&budgets.limits);
    assert!(budgets.store.is_some() && !budgets.limits.is_empty());
    let limits = &mut process.ringway.limits;
    let shown = &reference.process.ringway.limits;
    limits.memory_bytes = shown.memory_bytes;
    limits.requests = shown.requests;
    limits.per_source.clone_from(&shown.per_source);
    assert!(limits.memory_bytes.is_some() && limits.requests.is_some());
    assert!(limits.per_source.is_some());
    assert_eq!(reference.process, process);
    let mut frontend = reference.frontend_policies;
    assert_eq!(frontend.tcp.unwrap().keepalives, process::Keepalives::default());
    let strict = frontend::ProxyProtocol::default();
    let optional = frontend::ProxyProtocol { mode: frontend::ProxyMode::Optional, ..strict };
    assert_eq!(strict.mode, frontend::ProxyMode::Strict);
    // So that the file can be tried with a plain client.
    assert_eq!(frontend.proxy_protocol, Some(optional));
    assert_eq!(frontend.connect, frontend::Connect::default());
    let negotiation = frontend.tls.negotiation();
    assert_eq!(negotiation.versions(), tls::Negotiation::default().versions());
    assert_eq!(negotiation.suites(), tls::Negotiation::default().suites());
    assert_eq!(negotiation.groups(), tls::Negotiation::default().groups());
    assert_eq!(frontend.tls.alpn, frontend::FrontendTls::default().alpn);
    let handshake_timeout = frontend::FrontendTls::default().handshake_timeout;
    assert_eq!(frontend.tls.handshake_timeout, handshake_timeout);
    let keepalive = Duration::from_secs(20);
    assert_eq!(frontend.http.http2.keepalive(), Some((Duration::from_secs(30), keepalive)));
    assert_eq!(frontend.http.http2.keepalive_timeout, Some(keepalive));
    // Without a default that could be written.
    frontend.http.http2 = frontend::FrontendHttp2::default();
    frontend.http.max_connection_duration = None;
    assert_eq!(frontend.http, frontend::FrontendHttp::default());
}

#[test]
fn a_file_comes_back_as_it_went_in() {
    let whole = whole_reference();
    for (name, text) in FILES.into_iter().chain([("whole reference", whole.as_str())]) {
        let config = good(text);
        let yaml = yaml(&config);
        let again = read(&yaml).unwrap_or_else(|found| panic!("{name}: {found}\n{yaml}"));
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(json(&config), json(&again), "{name}");
        assert_eq!(json(&config), json(&good(&written)), "{name}: JSON is YAML");
        // A key does not come back: nobody is shown it.
        if !text.contains("apiKey: ") && !text.contains("backendAuth:") {
            assert_eq!(config, again, "{name}");
            assert_eq!(config, good(&written), "{name}: JSON is YAML");
        }
    }
}

#[test]
fn a_dump_is_spelled_like_the_file() {
    let config = good(
        "binds:\n\
         - port: 3000\n\
        \x20 listeners:\n\
        \x20 - hostname: '*.Example.com'\n\
        \x20   routes:\n\
        \x20   - backends:\n\
        \x20     - {host: 'localhost:80', weight: 2}\n\
        \x20     - {hosts: ['[::1]:80', 'unix:/run/a.sock']}\n\
        \x20     policies: {timeout: {requestTimeout: 90s}}\n",
    );
    assert_eq!(
        json(&config)["binds"],
        json!([{ "port": 3000, "listeners": [{
            "hostname": "*.example.com",
            "protocol": "HTTP",
            "routes": [{
                "matches": [{"path": {"pathPrefix": "/"}}],
                "policies": {"timeout": {"requestTimeout": "1m30s"}},
                "backends": [
                    {"host": "localhost:80", "weight": 2},
                    {"hosts": ["[::1]:80", "unix:/run/a.sock"], "weight": 1},
                ],
            }],
        }]}])
    );
    assert_eq!(json(&config)["config"]["backend"]["poolIdleTimeout"], "1m30s");
    assert_eq!(json(&config)["config"]["adminAddr"], "localhost:15000");
}

#[test]
fn a_dump_holds_no_secret() {
    let text = "binds: [{port: 1, listeners: [{routes: [{policies: {requestHeaderModifier: \
                {set: {Authorization: Bearer $TOKEN, x-api-key: $TOKEN, x-open: open}}}}]}]}]\n";
    let token = |name: &str| (name == "TOKEN").then(|| "hunter2".to_owned());
    let config = parse_with(text, "gateway.yaml", &token).unwrap();
    for shown in [json(&config).to_string(), format!("{config:?}"), format!("{config:#?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("open"), "{shown}");
    }
    let policies = &config.binds[0].listeners[0].routes[0].policies;
    let set = &policies.request_header_modifier.as_ref().unwrap().set.0;
    assert_eq!(set[0].1.as_str(), "Bearer hunter2");
}

#[test]
fn a_change_of_one_value_is_seen() {
    let one = good(DEFAULT);
    assert_eq!(one, good(DEFAULT));
    assert_ne!(one, good(&DEFAULT.replace("8080", "8081")));
}

/// What agentgateway's plain HTTP example has of this release, as written there.
#[test]
fn the_http_example_of_agentgateway_starts_unchanged() {
    let config = good(AGENTGATEWAY_HTTP);
    let routes = &config.binds[0].listeners[0].routes;
    assert_eq!(routes.len(), 3);
    let expected = json!([{
        "path": {"pathPrefix": "/match"},
        "method": "GET",
        "headers": [{"name": "x-header", "value": {"regex": "test-[0-9]"}}],
        "query": [{"name": "param", "value": {"exact": "hello"}}],
    }]);
    assert_eq!(serde_json::to_value(&routes[0].matches).unwrap(), expected);
    assert_eq!(
        routes[2].policies.direct_response.iter().flat_map(|r| r.policies()).next().unwrap().body.0,
        b"hello!"
    );
}

const AGENTGATEWAY_HTTP: &str = r#"
# yaml-language-server: $schema=https://agentgateway.dev/schema/config
binds:
- port: 3000
  listeners:
  - protocol: HTTP
    routes:
    - name: match-example
      matches:
      - path: {pathPrefix: /match}
        method: GET
        query:   [{name: param, value: {exact: hello}}]
        headers: [{name: x-header, value: {regex: "test-[0-9]"}}]
      backends:
      - host: 127.0.0.1:8080
    - name: policy-example
      policies:
        requestHeaderModifier: {add: {x-req-added: value}, remove: [x-illegal-header]}
        responseHeaderModifier: {set: {x-req-added: value}}
        urlRewrite: {path: {full: "/new-path"}, authority: {full: "custom-host-header"}}
        timeout: {requestTimeout: 1s}
      backends: [{host: 127.0.0.1:8080}]
    - name: direct-response
      matches: [{path: {pathPrefix: /direct}}]
      policies:
        directResponse: {body: "hello!", status: 200}
"#;

/// Its other examples, shortened: each stops at what Ringway has not, and at nothing else.
#[test]
fn other_examples_of_agentgateway_are_known() {
    let examples =
        [AGENTGATEWAY_MCP, AGENTGATEWAY_RATE_LIMIT, AGENTGATEWAY_UNIFIED, AGENTGATEWAY_EGRESS];
    for text in examples {
        let key = |name: &str| name.ends_with("_API_KEY").then(|| "key".to_owned());
        let found = parse_with(text, "gateway.yaml", &key).unwrap_err();
        for problem in found.problems() {
            assert!(problem.message.ends_with(reader::UNSUPPORTED), "{found}\nof\n{text}");
        }
    }
    let key = |name: &str| name.ends_with("_API_KEY").then(|| "key".to_owned());
    let llm = parse_with(AGENTGATEWAY_LLM, "gateway.yaml", &key).unwrap().llm.unwrap();
    assert_eq!((llm.port, llm.models.len()), (4000, 2));
    assert_eq!(good(AGENTGATEWAY_FAULTS).binds.len(), 1);
    // Of policies it knows all by now.
    let routes = &good(AGENTGATEWAY_HTTP_POLICIES).binds[0].listeners[0].routes;
    assert!(routes[0].policies.retry.is_some() && !routes[0].policies.local_rate_limit.is_empty());
}

const AGENTGATEWAY_HTTP_POLICIES: &str = r#"
binds:
- port: 3000
  listeners:
  - protocol: HTTP
    routes:
    - name: policy-example
      policies:
        cors: {allowHeaders: ["header"], allowOrigins: ["*"], allowCredentials: true, maxAge: 100s}
        localRateLimit: [{maxTokens: 10, tokensPerFill: 1, fillInterval: 1s}]
        requestMirror: {backend: {host: 127.0.0.1:8081}, percentage: .5}
        retry: {attempts: 2, codes: [429]}
        timeout: {requestTimeout: 1s}
      backends: [{host: 127.0.0.1:8080}]
    - name: ip-rules
      matches: [{path: {pathPrefix: /ips}}]
      policies:
        authorization: {rules: ['cidr("127.0.0.1/8").containsIP(source.address)']}
        directResponse: {body: "hello!", status: 200}
"#;
const AGENTGATEWAY_LLM: &str = r#"
config: {readinessAddr: 127.0.0.1:19001, statsAddr: 127.0.0.1:19002}
frontendPolicies: {http: {maxBufferSize: 20971520}}
llm:
  port: 4000
  models:
  - {name: smart, provider: openAI, params: {model: gpt-5.5, apiKey: $OPENAI_API_KEY}}
  - name: anthropic/*
    provider: anthropic
    params: {apiKey: $ANTHROPIC_API_KEY}
    transformation: {model: 'llmRequest.model.stripPrefix("anthropic/")'}
"#;
const AGENTGATEWAY_MCP: &str = r#"
mcp:
  port: 3000
  targets:
  - name: everything
    stdio: {cmd: npx, args: ["@modelcontextprotocol/server-everything"]}
"#;
const AGENTGATEWAY_RATE_LIMIT: &str = r#"
config: {tracing: {otlpEndpoint: http://localhost:4317, randomSampling: true}}
binds:
- port: 3000
  listeners:
  - protocol: HTTP
    routes:
    - policies:
        remoteRateLimit:
          domain: "agentgateway"
          host: "127.0.0.1:8081"
          descriptors: [{entries: [{key: method, value: request.method}], type: requests}]
      backends: [{host: localhost:8080}]
"#;
const AGENTGATEWAY_UNIFIED: &str = r"
gateways: {default: {port: 3000}}
llm: {models: [{name: a, provider: openAI}], virtualModels: []}
mcp: {targets: []}
ui: {policies: {}}
";
const AGENTGATEWAY_EGRESS: &str = r#"
binds: [{port: 3000, tunnelProtocol: connect, mode: internal, listeners: [{protocol: HBONE}]}]
gateways: {secure: {port: 443, listeners: [{name: public-egress, hostname: "*", protocol: TLS}]}}
tcpRoutes:
- name: public-egress-allowlist
  gateways: secure/public-egress
  hostnames: [packages.example, github.com]
  backends: [{dynamic: {}}]
"#;
const AGENTGATEWAY_FAULTS: &str = r#"
binds:
- port: 3000
  listeners:
  - routes:
    - policies:
        delay: {duration: "random() < 0.1 ? 2000 : 0"}
        directResponse: {conditional: [{condition: random() < 0.1, status: 503, body: "fault"}]}
      backends: [{ai: {name: openai, provider: {openAI: {model: gpt-4o-mini}}}}]
"#;

#[test]
fn ten_thousand_routes_are_read() {
    let mut text = "binds:\n- port: 1\n  listeners:\n  - routes:\n".to_owned();
    for n in 0..10_000 {
        text += &format!("    - matches: [{{path: {{pathPrefix: /r{n}}}, method: GET}}]\n");
        text += "      backends: [{host: '$HOST:80'}]\n";
    }
    let host = |name: &str| (name == "HOST").then(|| "localhost".to_owned());
    let config = parse_with(&text, "many", &host).unwrap();
    assert_eq!(config.binds[0].listeners[0].routes.len(), 10_000);
    let found = read(&text.replace("$HOST", "localhost").replace("/r9999", "r9999")).unwrap_err();
    assert!(found.to_string().starts_with("gateway.yaml:20003:37: "), "{found}");
}

#[test]
fn forward_is_one_line() {
    let listen = "0.0.0.0:8080".parse().unwrap();
    let to = Host::parse("127.0.0.1:9000").unwrap();
    let config = forward(listen, to, &|_| None).unwrap();
    assert_eq!(config, good(&yaml(&config)));
    assert_eq!(config.binds[0].socket(true), listen);
    let taken = forward("[::]:15000".parse().unwrap(), Host::parse("a:1").unwrap(), &|_| None);
    let expected = "command line: --listen: port 15000 is taken by config.adminAddr";
    assert_eq!(taken.unwrap_err().to_string(), expected);
    let bad = |name: &str| (name == "STATS_ADDR").then(|| "nowhere".to_owned());
    let found = forward(listen, Host::parse("a:1").unwrap(), &bad).unwrap_err();
    assert!(found.to_string().starts_with("environment: STATS_ADDR: "), "{found}");
}
