//! Backends that are shown more than a key: requests are signed for AWS, and whoever checks a
//! signature finds it true, whatever edits, codings and retries lay before; tokens of Google and
//! Azure are fetched and renewed while requests are served; a request without one is told so.

mod providers;
mod signature;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use self::signature::{check, clock};
use crate::harness::origin::ok;
use crate::harness::proxy::Launch;
use crate::harness::scratch::Scratch;
use crate::harness::tls::{Authority, Shown};
use crate::harness::*;

matrix! {
    a_call_of_bedrock_is_signed,
    keys_of_a_machine_are_renewed_while_requests_are_served,
}

drivers! {
    a_plain_backend_is_signed_for_too,
    what_is_sent_again_is_signed_again,
    clocks_that_differ_are_learnt,
    a_token_of_google_is_renewed,
    a_token_of_azure_is_shown,
    tokens_come_by_tls_from_who_is_known,
    without_a_credential_it_is_told_in_the_callers_shape,
}

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const CONVERSE: &str = "/model/anthropic.claude-v2%3A0/converse";
const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const JSON: &str = "Content-Type: application/json\r\n";

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Of AWS, as `date` would write it.
fn expiration(seconds: u64) -> String {
    let (date, time) = clock(seconds);
    let (y, m, d) = (&date[..4], &date[4..6], &date[6..]);
    format!("{y}-{m}-{d}T{}:{}:{}Z", &time[..2], &time[2..4], &time[4..])
}

fn static_keys() -> Value {
    json!({ "accessKeyId": ID, "secretAccessKey": SECRET })
}

fn backend(kind: &str, of: Value, at: &Origin, auth: Option<Value>) -> Value {
    let mut backend = json!({ "ai": { "provider": { kind: of }, "hostOverride": at.host() } });
    if let Some(auth) = auth {
        backend["policies"] = json!({ "backendAuth": auth });
    }
    backend
}

/// A route whose paths go through as they are.
fn passed(backend: Value) -> Value {
    json!({ "backends": [backend], "policies": { "ai": { "routes": { "*": "passthrough" } } } })
}

fn post(path: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: test\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

/// The environment of a process that finds nothing of the machine it runs on.
fn launch(cell: Cell, config: &config::Config) -> Launch {
    Proxy::with(config).on(cell).variable("HOME", "/nowhere")
}

fn a_call_of_bedrock_is_signed(cell: Cell) {
    let origin = Origin::http1().answer(CONVERSE, ANSWER).start();
    let mut keys = static_keys();
    keys["sessionToken"] = json!("quiet/+=");
    let auth = json!({ "aws": keys });
    let region = json!({ "region": "us-west-2" });
    let mut route = passed(backend("bedrock", region, &origin, Some(auth)));
    // What policies make of the head is signed, too.
    let edits = json!({ "set": { "x-amz-team": "a  b" }, "remove": ["x-drop"] });
    route["policies"]["requestHeaderModifier"] = edits;
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let own = "Authorization: AWS4-HMAC-SHA256 Credential=other\r\nX-Amz-Date: 20010101T000000Z\r\n\
               X-Amz-Security-Token: other\r\nX-Amz-Content-Sha256: other\r\nX-Drop: 1\r\n";
    let body = r#"{"messages":[{"role":"user","content":[{"text":"a"}]}]}"#;
    for turn in 0..20 {
        let body = body.replace('a', &"a".repeat(turn * 1000 + 1));
        let query = if turn % 2 == 0 { "" } else { "?b=2&a=%7e&a=1" };
        let request = post(&format!("{CONVERSE}{query}"), &format!("{JSON}{own}"), &body);
        assert_eq!(client.ask(&request).status, 200);
        let seen = origin.last();
        assert_eq!((seen.target, seen.body), (format!("{CONVERSE}{query}"), body.into_bytes()));
        check(&origin.last(), (ID, SECRET), ("us-west-2", "bedrock"), now());
        assert_eq!(seen.head.all("x-amz-security-token"), ["quiet/+="]);
        assert_eq!((seen.head.all("x-drop").len(), seen.head.all("authorization").len()), (0, 1));
    }
    // In chunks: it is signed whole, and has a length.
    let head = format!(
        "POST {CONVERSE} HTTP/1.1\r\nHost: test\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n"
    );
    client.send(head);
    client.send("5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert_eq!(origin.last().body, b"{\"a\":1}");
    check(&origin.last(), (ID, SECRET), ("us-west-2", "bedrock"), now());
    assert!(!proxy.config_dump().to_string().contains(SECRET));
    drop(client);
    proxy.await_buffers(1);
}

fn a_plain_backend_is_signed_for_too(cell: Cell) {
    let origin = Origin::http1().route("/prod/a", "yes").start();
    let mut auth = static_keys();
    auth["region"] = json!("eu-west-1");
    auth["serviceName"] = json!("execute-api");
    let policies = json!({ "backendAuth": { "aws": auth } });
    let backends = json!([{ "host": origin.host(), "policies": policies }]);
    let proxy = cell.start(&config().route_with("/", json!({ "backends": backends })));
    let mut client = proxy.client();
    for path in ["/prod/a", "/prod/a?x=1&x=&y"] {
        assert_eq!(client.get(path).body(), "yes");
        check(&origin.last(), (ID, SECRET), ("eu-west-1", "execute-api"), now());
        assert_eq!(client.post(path, &vec![7; 300_000]).body(), "yes");
        check(&origin.last(), (ID, SECRET), ("eu-west-1", "execute-api"), now());
    }
    drop(client);
    proxy.await_buffers(1);
}

fn what_is_sent_again_is_signed_again(cell: Cell) {
    let turn = AtomicUsize::new(0);
    let origin = Origin::http1()
        .on(CONVERSE, move |_, visit| {
            let status = match turn.fetch_add(1, Ordering::SeqCst) % 3 {
                2 => "200 OK",
                _ => "503 Service Unavailable",
            };
            visit.reply(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes())
        })
        .start();
    let region = json!({ "region": "us-east-1" });
    let auth = json!({ "aws": static_keys() });
    let mut route = passed(backend("bedrock", region, &origin, Some(auth)));
    route["policies"]["retry"] = json!({ "attempts": 3, "codes": [503], "backoff": "1100ms" });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    assert_eq!(client.ask(&post(CONVERSE, JSON, "{\"a\":1}")).status, 200);
    let seen = origin.seen();
    assert_eq!(seen.len(), 3);
    for request in &seen {
        assert_eq!(
            (&*request.body, request.head.all("authorization").len()),
            (&b"{\"a\":1}"[..], 1)
        );
        check(request, (ID, SECRET), ("us-east-1", "bedrock"), now());
    }
}

fn clocks_that_differ_are_learnt(cell: Cell) {
    // Theirs is an hour ahead, and they take nothing that is older than five minutes.
    let theirs = || now() + 3600;
    let origin = Origin::http1()
        .on(CONVERSE, move |request, visit| {
            let stamp = request.head.field("x-amz-date").unwrap_or_default().to_owned();
            let (date, time) = clock(theirs() - 300);
            let status = if *stamp >= *format!("{date}T{time}Z") { "200 OK" } else { "403 No" };
            let date =
                httpdate::fmt_http_date(UNIX_EPOCH + std::time::Duration::from_secs(theirs()));
            let head =
                format!("HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n{{}}");
            visit.reply(head.as_bytes())
        })
        .start();
    let region = json!({ "region": "us-east-1" });
    let auth = json!({ "aws": static_keys() });
    let route = passed(backend("bedrock", region, &origin, Some(auth)));
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let request = post(CONVERSE, JSON, "{}");
    assert_eq!(client.ask(&request).status, 403);
    for _ in 0..3 {
        assert_eq!(client.ask(&request).status, 200);
        check(&origin.last(), (ID, SECRET), ("us-east-1", "bedrock"), now() + 3600);
    }
    wait::until("it is said once", || {
        proxy.stderr().contains("Is the clock of this machine right?")
    });
    assert_eq!(proxy.stderr().matches("Is the clock").count(), 1);
}

/// A machine of AWS whose keys live some seconds, and have a number.
fn machine(life: u64) -> (Origin, Arc<AtomicUsize>) {
    let given = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&given);
    let roles = "/latest/meta-data/iam/security-credentials/";
    let origin = Origin::http1()
        .route("/latest/api/token", "t0ken")
        .route(roles, "ours")
        .on(&format!("{roles}ours"), move |request, visit| {
            if request.head.field("x-aws-ec2-metadata-token") != Some("t0ken") {
                return visit.reply(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
            }
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let keys = json!({
                "Code": "Success", "AccessKeyId": format!("ASIA{number}"),
                "SecretAccessKey": format!("{SECRET}{number}"), "Token": format!("t{number}"),
                "Expiration": expiration(now() + life),
            });
            visit.reply(&ok(keys.to_string()))
        })
        .start();
    (origin, given)
}

fn keys_of_a_machine_are_renewed_while_requests_are_served(cell: Cell) {
    let (machine, given) = machine(5);
    let origin = Origin::http1().answer(CONVERSE, ANSWER).start();
    // No `backendAuth`: of this provider it is implied.
    let route = passed(backend("bedrock", json!({ "region": "us-east-1" }), &origin, None));
    let config = config().route_with("/", route);
    let at = format!("http://{}", machine.host());
    let launch = launch(cell, &config);
    let proxy = launch.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", &at).start();
    let mut client = proxy.client();
    let request = post(CONVERSE, JSON, "{}");
    // The first waits until there are keys. None is refused while they change.
    let mut used = std::collections::BTreeSet::new();
    wait::until("requests are signed with the third keys", || {
        assert_eq!(client.ask(&request).status, 200);
        let seen = origin.last();
        let authorization = seen.head.field("authorization").unwrap();
        let number = authorization.split_once("Credential=ASIA").unwrap().1;
        let number = number.split('/').next().unwrap().to_owned();
        let (id, secret) = (format!("ASIA{number}"), format!("{SECRET}{number}"));
        check(&seen, (&id, &secret), ("us-east-1", "bedrock"), now());
        assert_eq!(seen.head.field("x-amz-security-token"), Some(&*format!("t{number}")));
        used.insert(number);
        used.contains("2")
    });
    assert!(given.load(Ordering::SeqCst) >= 3);
    let labels = [("credential", "aws/implicit"), ("result", "fetched")];
    let metrics = proxy.metrics();
    assert!(metrics.sum("ringway_credential_fetches_total", &labels) >= 3.0);
    let ends = "ringway_credential_expiry_timestamp_seconds";
    assert!(metrics.sum(ends, &labels[..1]) > 1.7e9);
}

/// A server of Google's metadata whose tokens live some seconds.
fn google(life: u64) -> Origin {
    let turn = AtomicUsize::new(0);
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    Origin::http1()
        .on(path, move |request, visit| {
            assert_eq!(request.head.field("metadata-flavor"), Some("Google"));
            let number = turn.fetch_add(1, Ordering::SeqCst);
            let token = json!({ "access_token": format!("ya29.{number}"), "expires_in": life });
            visit.reply(&ok(token.to_string()))
        })
        .start()
}

fn a_token_of_google_is_renewed(cell: Cell) {
    let metadata = google(5);
    let origin = Origin::http1().answer("/", ANSWER).start();
    let auth = json!({ "gcp": {} });
    let backends = json!([{ "host": origin.host(), "policies": { "backendAuth": auth } }]);
    let config = config().route_with("/", json!({ "backends": backends }));
    let launch = launch(cell, &config);
    let proxy = launch.variable("GCE_METADATA_HOST", metadata.host()).start();
    let mut client = proxy.client();
    let request =
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer mine\r\nX-Api-Key: mine\r\n\r\n";
    wait::until("requests have the third token", || {
        assert_eq!(client.ask(request).status, 200);
        let head = origin.last().head;
        let shown = head.all("authorization");
        assert!(shown.len() == 1 && shown[0].starts_with("Bearer ya29."), "{shown:?}");
        assert_eq!(head.field("x-api-key"), None);
        shown[0] == "Bearer ya29.2"
    });
}

fn a_token_of_azure_is_shown(cell: Cell) {
    let entra = Origin::http1()
        .on("/tenant/oauth2/v2.0/token", |request, visit| {
            let form = String::from_utf8_lossy(&request.body).into_owned();
            let known = form.contains("client_id=client&") && form.contains("client_secret=s%261");
            let answer = match known {
                true => json!({ "access_token": "ey.azure", "expires_in": 3599 }),
                false => json!({ "error": form }),
            };
            visit.reply(&ok(answer.to_string()))
        })
        .start();
    let origin = Origin::http1().answer("/openai/v1/chat/completions", ANSWER).start();
    let client = json!({ "clientSecret": { "tenantId": "tenant", "clientId": "client", "clientSecret": "s&1" } });
    let auth = json!({ "azure": { "explicitConfig": client } });
    let of = json!({ "resourceName": "ours" });
    let route = json!({ "backends": [backend("azure", of, &origin, Some(auth))] });
    let config = config().route_with("/", route);
    let at = format!("http://{}/", entra.host());
    let proxy = launch(cell, &config).variable("AZURE_AUTHORITY_HOST", &at).start();
    let mut client = proxy.client();
    let body = r#"{"model":"gpt-6","messages":[]}"#;
    let own = format!("{JSON}api-key: mine\r\n");
    assert_eq!(client.ask(&post("/v1/chat/completions", &own, body)).status, 200);
    let head = origin.last().head;
    assert_eq!((head.all("authorization"), head.field("api-key")), (vec!["Bearer ey.azure"], None));
    // A reload that does not change where it comes from fetches nothing anew.
    let other = json!({ "backends": [{ "host": origin.host() }] });
    proxy.reload(&config.route_with("/other", other));
    assert_eq!(client.ask(&post("/v1/chat/completions", &own, body)).status, 200);
    assert_eq!(entra.seen().len(), 1);
}

fn tokens_come_by_tls_from_who_is_known(cell: Cell) {
    let [ours, strange] = ["ours", "strange"].map(Authority::new);
    let token = json!({ "access_token": "ey.tls", "expires_in": 3599 }).to_string();
    let entra = Origin::http1().route("/t/oauth2/v2.0/token", token);
    let entra = entra.tls(&Shown::new(&ours.issue(&["127.0.0.1"]))).start();
    let origin = Origin::http1().route("/", "{}").start();
    let client =
        json!({ "clientSecret": { "tenantId": "t", "clientId": "c", "clientSecret": "s" } });
    let auth = json!({ "azure": { "explicitConfig": client } });
    let backends = json!([{ "host": origin.host(), "policies": { "backendAuth": auth } }]);
    let config = config().route_with("/", json!({ "backends": backends }));
    let at = format!("https://{}", entra.host());
    let scratch = Scratch::new();
    let start = |roots: &Authority| {
        let roots = scratch.replace("roots.pem", roots.pem());
        let launch = launch(cell, &config).variable("AZURE_AUTHORITY_HOST", &at);
        launch.variable("SSL_CERT_FILE", roots.to_str().unwrap()).start()
    };
    let stranger = start(&strange);
    let labels = [("credential", "azure/clientSecret/c"), ("result", "failed")];
    wait::until("a stranger is asked for nothing", || {
        stranger.metrics().sum("ringway_credential_fetches_total", &labels) >= 1.0
    });
    assert!(entra.seen().is_empty());
    let proxy = start(&ours);
    assert_eq!(proxy.client().get("/").status, 200);
    assert_eq!(origin.last().head.field("authorization"), Some("Bearer ey.tls"));
}

fn without_a_credential_it_is_told_in_the_callers_shape(cell: Cell) {
    let machine = Origin::http1().start();
    let origin = Origin::http1().start();
    let route = |kind: &str, of: Value, api: &str| {
        let backends = json!([backend(kind, of, &origin, None)]);
        json!({ "backends": backends, "policies": { "ai": { "routes": { "*": api } } } })
    };
    let vertex = || json!({ "projectId": "ours" });
    let config = config()
        .route_with("/", route("vertex", vertex(), "completions"))
        .route_with("/v1/messages", route("vertex", vertex(), "messages"));
    let launch = launch(cell, &config);
    let proxy = launch.variable("GCE_METADATA_HOST", machine.host()).start();
    let body = r#"{"model":"a","messages":[]}"#;
    let mut client = proxy.client();
    let answer = client.ask(&post("/v1/chat/completions", JSON, body));
    let told: Value = serde_json::from_str(&answer.body()).unwrap();
    let why = "no credential for the backend yet";
    assert_eq!((answer.status, told["error"]["message"].as_str()), (503, Some(why)));
    let answer = client.ask(&post("/v1/messages", JSON, body));
    let told: Value = serde_json::from_str(&answer.body()).unwrap();
    assert_eq!((answer.status, &told["type"]), (503, &json!("error")));
    assert_eq!(told["error"]["message"], why);
    assert!(origin.seen().is_empty());
    let labels = [("credential", "gcp/accessToken"), ("result", "failed")];
    assert!(proxy.metrics().sum("ringway_credential_fetches_total", &labels) >= 1.0);
    wait::until("it is said", || proxy.stderr().contains("credential `gcp/accessToken`"));
}
