//! Who asks is known by the key that he shows: who is let in and who is not, what the backend sees
//! of it, what expressions know of it, and which models it is for.

use serde_json::{Value, json};

use crate::harness::*;
use crate::llm::{ai, chat, json_of, messages, provider, request};

matrix! {
    who_shows_a_key_is_let_in,
    libraries_of_models_show_theirs_in_their_way,
    a_key_is_for_its_models,
}

drivers! {
    a_key_stands_where_the_configuration_says,
    expressions_know_who_asks,
    a_file_of_keys_is_read_again,
    modes_and_times,
    the_block_of_models_and_gateways_have_keys,
}

fn guarded(origin: &Origin, policy: Value) -> Value {
    json!({ "policies": { "apiKey": policy }, "backends": [{ "host": origin.host() }] })
}

fn strict(keys: Value) -> Value {
    json!({ "mode": "strict", "keys": keys })
}

/// A request for a path with these lines in its head.
fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n")
}

/// The same, asking a model.
pub fn ask_with(client: &mut Client, path: &str, body: &Value, fields: &str) -> Response {
    let text = String::from_utf8(request(path, &body.to_string())).expect("text");
    client.send(text.replacen("\r\n", &format!("\r\n{fields}"), 1));
    client.response()
}

pub fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\n")
}

fn who_shows_a_key_is_let_in(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let keys = json!([
        { "key": "secret-of-one", "metadata": { "name": "one" } },
        // Of `abc`.
        { "keyHash": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    ]);
    let log = json!({ "ringway": { "accessLog": { "to": "stdout" } } });
    let config = config().route_with("/", guarded(&origin, strict(keys))).process(log);
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    for (fields, status, text) in [
        (bearer("secret-of-one"), 200, "hello"),
        ("authorization: bearer abc\r\n".to_owned(), 200, "hello"),
        (String::new(), 401, "api key authentication failure: no API Key found"),
        (bearer("secret-of-two"), 401, "api key authentication failure: invalid credentials"),
        (bearer("secret-of-one "), 200, "hello"),
        (bearer("x secret-of-one"), 401, "api key authentication failure: invalid credentials"),
        ("X-Api-Key: abc\r\n".to_owned(), 401, "api key authentication failure: no API Key found"),
    ] {
        let answer = client.ask(&get("/", &fields));
        assert_eq!((answer.status, answer.body().as_str()), (status, text), "{fields}");
        let challenge = answer.field("www-authenticate");
        assert_eq!(challenge.is_some(), status == 401, "RFC 9110 section 15.5.2");
    }
    let seen = origin.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| request.head.field("authorization").is_none()));
    let refused = [("status", "401"), ("reason", "APIKeyAuth")];
    proxy.await_metric("agentgateway_requests_total", &refused, 4.0);
    // The connection is the same, and a body is not taken for a request.
    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(client.ask(body).status, 401);
    assert_eq!(client.ask(&get("/", &bearer("abc"))).status, 200);
    wait::until("all is logged", || proxy.stdout().lines().count() >= 9);
    let all = proxy.config_dump().to_string() + &proxy.stdout() + &proxy.stderr();
    for secret in ["secret-of", "ba7816bf"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

fn a_key_stands_where_the_configuration_says(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let at = |location: Value| json!({ "mode": "strict", "keys": [{ "key": "secret" }], "location": location });
    let proxy = cell.start(
        &config()
            .route_with("/header", guarded(&origin, at(json!({ "header": { "name": "X-Key" } }))))
            .route_with(
                "/query",
                guarded(&origin, at(json!({ "queryParameter": { "name": "k" } }))),
            )
            .route_with("/cookie", guarded(&origin, at(json!({ "cookie": { "name": "k" } })))),
    );
    let mut client = proxy.client();
    for (path, fields, status) in [
        ("/header", "X-Key: secret\r\n", 404),
        ("/header", "Authorization: Bearer secret\r\n", 401),
        ("/query?a=b&k=secret&c", "", 404),
        ("/query?a=b&k=secre&c", "", 401),
        ("/query", "Cookie: k=secret\r\n", 401),
        ("/cookie", "Cookie: a=b; k=secret; c=d\r\n", 404),
        ("/cookie?k=secret", "", 401),
    ] {
        // Who is let in learns that there is nothing.
        assert_eq!(client.ask(&get(path, fields)).status, status, "{path} {fields}");
    }
    let seen = origin.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| !format!("{:?}", request.head).contains("secret")));
    assert_eq!(seen[1].head.first_line, "GET /query?a=b&c HTTP/1.1");
    assert_eq!(seen[2].head.field("cookie").map(str::trim), Some("a=b; c=d"));
}

fn expressions_know_who_asks(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let keys = json!([
        { "key": "a", "metadata": { "name": "one", "level": 3, "tags": ["x", "y"] } },
        { "key": "b", "name": "two", "team": "blue", "metadata": { "level": 1 } },
    ]);
    let rule = "apiKey.level >= 2 || default(apiKey.team, '') == 'blue'";
    let bucket = json!({
        "maxTokens": 2, "tokensPerFill": 1, "fillInterval": "1h", "key": "apiKey.name",
    });
    let policies = json!({
        "apiKey": { "mode": "optional", "keys": keys },
        "authorization": { "rules": [rule] },
        "localRateLimit": [bucket],
        "transformations": { "request": { "set": { "x-who": "apiKey.name + '/' + string(apiKey.level)" } } },
    });
    let route = json!({ "policies": policies, "backends": [{ "host": origin.host() }] });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let mut ask = |fields: &str| client.ask(&get("/", fields)).status;
    assert_eq!(ask(""), 403, "an expression that names nobody's key fails");
    for key in ["a", "b"] {
        assert_eq!([(); 3].map(|()| ask(&bearer(key))), [200, 200, 429], "{key}");
    }
    let who: Vec<_> =
        origin.seen().iter().map(|one| one.head.field("x-who").map(str::to_owned)).collect();
    let who: Vec<_> = who.iter().flatten().map(String::as_str).collect();
    assert_eq!(who, ["one/3", "one/3", "two/1", "two/1"]);
}

fn a_file_of_keys_is_read_again(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let folder = scratch::Scratch::new();
    let file = folder.replace("keys.yaml", "- {key: first, name: one}\n");
    let policy = json!({ "mode": "strict", "file": file, "keys": [{ "key": "inline" }] });
    let proxy = cell.start(&config().route_with("/", guarded(&origin, policy)));
    let status = |key: &str| proxy.client().ask(&get("/", &bearer(key))).status;
    assert_eq!(["first", "second", "inline"].map(status), [200, 401, 200]);
    folder.replace("keys.yaml", "keys:\n- {key: second, name: two}\n");
    wait::until("the new key is known", || status("second") == 200);
    assert_eq!(["first", "second", "inline"].map(status), [401, 200, 200]);
    // What is wrong changes nothing, and is told without a key.
    folder.replace("keys.yaml", "- {key: third-secret, nmae: three}\n");
    wait::until("it is refused", || proxy.stderr().contains("did you mean `name`?"));
    assert_eq!(["third-secret", "second"].map(status), [401, 200]);
    assert!(!proxy.stderr().contains("third-secret"), "{}", proxy.stderr());
}

fn modes_and_times(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let with = |mode: &str| {
        json!({ "mode": mode, "keys": [
            { "key": "good", "expires": "2100-01-01" }, { "key": "old", "expires": "2020-01-01" },
        ] })
    };
    let proxy = cell.start(
        &config()
            .route_with("/strict", guarded(&origin, with("strict")))
            .route_with("/optional", guarded(&origin, with("optional")))
            .route_with("/permissive", guarded(&origin, with("permissive"))),
    );
    let mut client = proxy.client();
    for (path, expected) in [
        ("/strict", [404, 401, 401, 401]),
        ("/optional", [404, 401, 401, 404]),
        ("/permissive", [404, 404, 404, 404]),
    ] {
        let fields = [bearer("good"), bearer("old"), bearer("wrong"), String::new()];
        let found = fields.map(|fields| client.ask(&get(path, &fields)).status);
        assert_eq!(found, expected, "{path}");
    }
    // What nobody knows goes on to the backend.
    let last = origin.seen();
    let shown = last.iter().filter(|one| one.head.field("authorization").is_some()).count();
    assert_eq!(shown, 2, "wrong and old ones where that is allowed");
}

fn model_keys() -> Value {
    strict(json!([
        { "key": "sk-all", "name": "all" },
        { "key": "sk-some", "name": "some", "models": ["fast", "gpt-6*", "claude-5"] },
    ]))
}

fn libraries_of_models_show_theirs_in_their_way(cell: Cell) {
    let (origin, at) = provider();
    let route =
        |kind: &str| json!({ "policies": { "apiKey": model_keys() }, "backends": [ai(kind, at)] });
    let proxy = cell.start(
        &config().route_with("/", route("openAI")).route_with("/v1/messages", route("anthropic")),
    );
    let mut client = proxy.client();
    let (openai, anthropic) = ("/v1/chat/completions", "/v1/messages");
    for header in ["Authorization: Bearer ", "x-api-key: ", "api-key: ", "x-goog-api-key: "] {
        for (path, body) in [(openai, chat("gpt-6")), (anthropic, messages("claude-5"))] {
            let fields = format!("{header}sk-all\r\n");
            let answer = ask_with(&mut client, path, &body, &fields);
            assert_eq!(answer.status, 200, "{path} {header}");
            let wrong = ask_with(&mut client, path, &body, &format!("{header}sk-none\r\n"));
            let error = &json_of(&wrong)["error"];
            assert_eq!((wrong.status, &error["type"]), (401, &json!("authentication_error")));
            assert_eq!(error["message"], "api key authentication failure: invalid credentials");
        }
    }
    let missing = ask_with(&mut client, openai, &chat("gpt-6"), "");
    assert_eq!(
        (missing.status, json_of(&missing)["error"]["code"].as_str()),
        (401, Some("invalid_api_key"))
    );
    let missing = ask_with(&mut client, anthropic, &messages("claude-5"), "");
    assert_eq!((missing.status, &json_of(&missing)["type"]), (401, &json!("error")));
    assert_eq!(client.get("/v1/models").status, 401);
    assert_eq!(origin.counts().requests, 8);
}

fn a_key_is_for_its_models(cell: Cell) {
    let (origin, at) = provider();
    let policies = json!({
        "apiKey": model_keys(),
        "ai": { "modelAliases": { "fast": "gpt-6-mini", "slow": "gpt-5", "any-*": "gpt-5" } },
    });
    let route = json!({ "policies": policies, "backends": [ai("openAI", at)] });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let path = "/v1/chat/completions";
    for (key, model, status) in [
        ("sk-some", "fast", 200),
        ("sk-some", "gpt-6-max", 200),
        ("sk-some", "slow", 403),
        // What it stands for does not count.
        ("sk-some", "gpt-5", 403),
        ("sk-all", "slow", 200),
    ] {
        let answer = ask_with(&mut client, path, &chat(model), &bearer(key));
        assert_eq!(answer.status, status, "{key} {model}");
        if status == 403 {
            let error = &json_of(&answer)["error"];
            assert_eq!(
                (&error["type"], &error["code"]),
                (&json!("permission_error"), &json!("model_not_allowed"))
            );
        }
    }
    assert_eq!(origin.counts().requests, 3);
    let mut list = |fields: &str| -> Vec<String> {
        let answer = json_of(&client.ask(&get("/v1/models", fields)));
        let data = answer["data"].as_array().cloned().unwrap_or_default();
        data.iter().map(|model| model["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(list(&bearer("sk-all")), ["fast", "slow"]);
    assert_eq!(list(&bearer("sk-some")), ["claude-5", "fast"]);
    let fields = "x-api-key: sk-some\r\nanthropic-version: 2023-06-01\r\n";
    assert_eq!(list(fields), ["claude-5", "fast"]);
    let refused = [("status", "403"), ("reason", "Authorization")];
    proxy.await_metric("agentgateway_requests_total", &refused, 2.0);
}

/// agentgateway's example of a gateway for everything, and a key of a listener.
fn the_block_of_models_and_gateways_have_keys(cell: Cell) {
    let (_origin, at) = provider();
    let plain = Origin::http1().route("/", "hello").start();
    let llm = json!({
        "port": 0, "address": "127.0.0.1",
        "policies": { "apiKey": {
            "keys": [{ "key": "agw_sk_example", "metadata": { "name": "Example key", "owner": "platform" } }],
            "mode": "strict",
            "location": { "header": { "name": "authorization", "prefix": "Bearer " } },
        } },
        "models": [{ "name": "*", "provider": "openAI", "params": { "hostOverride": at.to_string() } }],
    });
    let listener = json!({
        "name": "main",
        "policies": { "apiKey": strict(json!([{ "key": "of-the-listener" }])) },
        "routes": [
            { "name": "inherits", "matches": [{ "path": { "pathPrefix": "/in" } }], "backends": [{ "host": plain.host() }] },
            { "name": "own", "matches": [{ "path": { "pathPrefix": "/own" } }],
              "policies": { "apiKey": strict(json!([{ "key": "of-the-route" }])) },
              "backends": [{ "host": plain.host() }] },
        ],
    });
    let proxy = cell.start(&config().listener(listener).block("llm", llm));
    let [first, second] = proxy.addresses()[..] else { panic!("two binds") };
    let is_models =
        |at| Client::http1(at).get("/v1/models").body().contains("authentication_error");
    let (models, other) = if is_models(first) { (first, second) } else { (second, first) };
    let mut client = Client::http1(models);
    let path = "/v1/chat/completions";
    for (fields, status) in [
        (bearer("agw_sk_example"), 200),
        (bearer("other"), 401),
        ("x-api-key: agw_sk_example\r\n".to_owned(), 401),
    ] {
        assert_eq!(ask_with(&mut client, path, &chat("gpt-6"), &fields).status, status, "{fields}");
    }
    let mut client = Client::http1(other);
    for (path, key, status) in [
        ("/in", "of-the-listener", 404),
        ("/in", "of-the-route", 401),
        ("/own", "of-the-route", 404),
        ("/own", "of-the-listener", 401),
        // Who finds nothing learns nothing.
        ("/none", "x", 401),
        ("/none", "of-the-listener", 404),
    ] {
        assert_eq!(client.ask(&get(path, &bearer(key))).status, status, "{path} {key}");
    }
}
