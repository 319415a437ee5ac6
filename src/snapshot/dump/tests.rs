use super::*;
use crate::snapshot::compile::tests::{Desk, config};

const YAML: &str = r"
binds:
- port: 8080
  listeners:
  - name: main
    routes:
    - name: all
      policies:
        requestHeaderModifier:
          set: {authorization: 'Bearer s3cret-1', x-plain: shown}
          add: {X-Api-Key: s3cret-2}
        responseHeaderModifier:
          add: {Set-Cookie: 'id=s3cret-3'}
      backends: [{host: '127.0.0.1:9001'}]
";

#[test]
fn a_dump_shows_what_runs_and_no_secret() {
    let snapshot = Desk::new().compile(YAML, None);
    let dumped = dump(&config(YAML), &snapshot, Level::Calm, Instant::default());
    let text = dumped.to_string();
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.contains("shown") && text.contains("authorization"), "{text}");
    let compiled = &dumped["compiled"];
    assert_eq!(compiled["version"], 1);
    assert_eq!(compiled["binds"][0]["name"], "bind/8080");
    assert_eq!(compiled["binds"][0]["listeners"][0]["routes"], json!(["all"]));
    let cluster = &compiled["clusters"][0];
    assert_eq!(cluster["endpoints"], json!(["127.0.0.1:9001"]));
    assert_eq!(cluster["keepalive"]["retries"], 9);
    assert_eq!(cluster["keepalive"]["timeSeconds"], 180);
    assert_eq!(cluster["keepalive"]["intervalSeconds"], 180);
}

#[test]
fn a_dump_shows_certificates_and_no_key() {
    let yaml = r"
binds:
- port: 8443
  listeners:
  - {protocol: HTTPS, tls: {selfSigned: {hostnames: [a.test, 127.0.0.1]}}, routes: [{name: all,
     backends: [{host: 'known.test:1', policies: {backendTLS: {insecure: true}}}]}]}
";
    let snapshot = Desk::new().compile(yaml, None);
    let dumped = dump(&config(yaml), &snapshot, Level::Calm, Instant::default());
    let tls = &dumped["compiled"]["binds"][0]["listeners"][0]["tls"];
    assert_eq!(
        (&tls["carries"], &tls["clientCertificates"]),
        (&json!("http"), &json!("not asked for"))
    );
    let certificate = &tls["certificates"][0];
    assert_eq!(certificate["names"], json!(["a.test", "127.0.0.1"]));
    assert!(certificate["notAfter"].as_str().unwrap().ends_with("GMT"), "{certificate}");
    let upstream = &dumped["compiled"]["clusters"][0]["tls"];
    assert_eq!(upstream["serverNames"], json!(["known.test"]));
    assert_eq!(upstream["alpn"], json!(["h2", "http/1.1"]));
    assert_eq!(upstream["verified"], "nothing");
    assert!(!dumped.to_string().contains("PRIVATE KEY"));
}

/// As the guide to keepalive looks for it:
/// `.policies[] | select(.policy.frontend != null and .policy.frontend.tCP != null and ..)`.
#[test]
fn policies_are_listed_where_agentgateway_has_them() {
    let listed = |yaml: &str| {
        let yaml = format!("{YAML}frontendPolicies: {yaml}\n");
        let snapshot = Desk::new().compile(&yaml, None);
        dump(&config(&yaml), &snapshot, Level::Calm, Instant::default())["policies"].clone()
    };
    assert_eq!(listed("{}"), json!([]));
    let found = listed(
        "{tcp: {keepalives: {time: 30s, interval: 5s, retries: 3}}, http: \
         {http2KeepaliveInterval: 5s, http2KeepaliveTimeout: 30s}}",
    );
    let frontend = |kind: &str| {
        let mut found = found.as_array().unwrap().iter().map(|one| &one["policy"]["frontend"]);
        found.find(|frontend| !frontend[kind].is_null()).unwrap()[kind].clone()
    };
    let keepalives = json!({"enabled": true, "time": "30s", "interval": "5s", "retries": 3});
    assert_eq!(frontend("tCP")["keepalives"], keepalives);
    assert_eq!(frontend("hTTP")["http2KeepaliveInterval"], "5s");
    assert_eq!(frontend("hTTP")["http2KeepaliveTimeout"], "30s");
    assert_eq!(frontend("hTTP")["maxBufferSize"], 2_097_152);
    assert_eq!(found[0]["target"]["gateway"]["gatewayName"], "default");
    assert_eq!(found[0]["key"], "frontend/http");
}
