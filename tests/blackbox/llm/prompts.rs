//! What policies make of requests: fields that are set, made and defaulted, messages around those of
//! the caller, marks for a cache; by route, and by model.

use super::*;

matrix! {
    requests_are_what_the_policies_make_of_them,
}

drivers! {
    each_api_has_its_own_places,
    models_have_policies_of_their_own,
    the_block_takes_what_a_route_takes,
    what_cannot_be_read_is_refused_in_shape,
    without_policies_nothing_is_touched,
}

const PATH: &str = "/v1/chat/completions";
/// Three tokens and four.
const ANSWER: &str = "{\"model\":\"told\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";

/// A provider that keeps what it was asked.
fn listener() -> Origin {
    let paths =
        [PATH, "/v1/messages", "/v1/messages/count_tokens", "/v1/responses", "/v1/embeddings"];
    let length = ANSWER.len();
    let kind = "Content-Type: application/json";
    let answer = format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{ANSWER}");
    paths.iter().fold(Origin::http1(), |origin, path| origin.answer(path, answer.clone())).start()
}

/// What the provider is sent for this.
fn sent(client: &mut Client, origin: &Origin, path: &str, body: &Value) -> String {
    let answer = ask(client, path, body);
    assert_eq!(answer.status, 200, "{}", answer.body());
    let last = origin.last();
    let length = last.head.field("content-length").expect("a length");
    assert_eq!(length, last.body.len().to_string());
    String::from_utf8(last.body).expect("a text")
}

fn json_sent(client: &mut Client, origin: &Origin, path: &str, body: &Value) -> Value {
    serde_json::from_str(&sent(client, origin, path, body)).expect("JSON")
}

fn with(origin: &Origin, kind: &str, policy: Value) -> config::Config {
    let backends = [ai(kind, origin.address())];
    config().route_with("/", json!({ "backends": backends, "policies": { "ai": policy } }))
}

fn requests_are_what_the_policies_make_of_them(cell: Cell) {
    let origin = listener();
    let policy = json!({
        "overrides": { "temperature": 0.5, "metadata": { "team": "a" } },
        "transformations": {
            "max_tokens": "llmRequest.max_tokens > 100 ? 100 : llmRequest.max_tokens",
            "gone": "llmRequest.nothing",
            "user": "request.headers['x-user'] + '@' + llmRequest.model",
        },
        "defaults": { "max_tokens": 50, "top_p": 0.9 },
        "prompts": {
            "prepend": [{ "role": "system", "content": "Be \"brief\"." }],
            "append": [{ "role": "user", "content": "Ünd so weiter" }],
        },
        "finalTransformations": { "seen": "size(llmRequest.messages)" },
        "modelAliases": { "smart": "gpt-6" },
    });
    let proxy = cell.start(&with(&origin, "openAI", policy));
    let mut client = proxy.client();
    let body = r#"{"z":1,"temperature":2,"model":"smart","max_tokens":4000,"gone":true,"messages":[{"role":"user","content":"Hi"}],"stream":false}"#;
    let ask = |client: &mut Client, body: &str| {
        let request = String::from_utf8(request(PATH, body)).unwrap();
        client.send(request.replacen("\r\n", "\r\nX-User: ann\r\n", 1));
        assert_eq!(client.response().status, 200);
        String::from_utf8(origin.last().body).unwrap()
    };
    // Each field where it stood; what is new behind them.
    let expected = r#"{"z":1,"temperature":0.5,"model":"gpt-6","max_tokens":100,"messages":[{"role":"system","content":"Be \"brief\"."},{"role":"user","content":"Hi"},{"role":"user","content":"Ünd so weiter"}],"stream":false,"metadata":{"team":"a"},"user":"ann@smart","top_p":0.9,"seen":3}"#;
    for _ in 0..3 {
        assert_eq!(ask(&mut client, body), expected);
    }
    // A stream gets its usage asked for, in the body that the policies made.
    let told: Value = serde_json::from_str(&ask(
        &mut client,
        &body.replace("\"stream\":false", "\"stream\":true"),
    ))
    .unwrap();
    assert_eq!(
        (&told["stream"], &told["stream_options"]),
        (&json!(true), &json!({ "include_usage": true }))
    );
    assert_eq!(told["seen"], 3);
    let bare: Value = serde_json::from_str(&ask(&mut client, r#"{"model":"other"}"#)).unwrap();
    assert_eq!(
        (&bare["max_tokens"], &bare["messages"].as_array().map(Vec::len)),
        (&json!(50), &Some(2))
    );
    // Of each of five requests one, and of the last one more: a field that is not there.
    proxy.await_metric("ringway_expression_failures_total", &[], 6.0);
    drop(client);
    proxy.await_buffers(1);
}

fn each_api_has_its_own_places(cell: Cell) {
    let origin = listener();
    let policy = json!({
        "prompts": { "prepend": [{ "role": "system", "content": "S" }] },
        "defaults": { "max_tokens": 7 },
        "promptCaching": { "minTokens": 0 },
    });
    let with_key = |kind: &str| json!({ "backends": [ai(kind, origin.address())], "policies": { "ai": policy } });
    let proxy = cell.start(
        &config()
            .route_with("/", with_key("openAI"))
            .route_with("/v1/messages", with_key("anthropic")),
    );
    let mut client = proxy.client();
    let mark = json!({ "type": "ephemeral" });
    let said = json!([{ "role": "user", "content": PROMPT }]);
    let system = json!([{ "type": "text", "text": "S", "cache_control": mark }]);
    for (path, body, expected) in [
        (
            "/v1/messages",
            json!({ "model": "c", "messages": said }),
            json!({ "model": "c", "messages": said, "system": system, "max_tokens": 7 }),
        ),
        // A count has no field that its API does not know.
        (
            "/v1/messages/count_tokens",
            json!({ "model": "c", "messages": said }),
            json!({ "model": "c", "messages": said, "system": "S" }),
        ),
        (
            "/v1/responses",
            json!({ "model": "g", "input": PROMPT }),
            json!({ "model": "g", "input": PROMPT, "instructions": "S", "max_tokens": 7 }),
        ),
        (
            "/v1/embeddings",
            json!({ "model": "e", "input": PROMPT }),
            json!({ "model": "e", "input": PROMPT, "max_tokens": 7 }),
        ),
    ] {
        assert_eq!(json_sent(&mut client, &origin, path, &body), expected, "{path}");
    }
}

fn block(origin: &Origin, policies: Value, models: Value) -> config::Config {
    let params = json!({ "hostOverride": origin.host(), "apiKey": "k" });
    let provider = json!({ "name": "here", "provider": "openAI", "params": params });
    let llm = json!({
        "port": 0, "address": "127.0.0.1", "providers": [provider], "models": models, "policies": policies,
    });
    config().block("llm", llm)
}

fn model(name: &str, rest: Value) -> Value {
    let mut model = json!({ "name": name, "provider": { "reference": "here" } });
    model.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    model
}

fn models_have_policies_of_their_own(cell: Cell) {
    let origin = listener();
    let models = json!([
        model("cold", json!({ "params": { "model": "gpt-6" }, "overrides": { "temperature": 0 } })),
        model(
            "short",
            json!({ "defaults": { "max_tokens": 5 }, "transformation": {
            "model": "'gpt-' + string(size(llmRequest.messages))",
        } })
        ),
        model(
            "team/*",
            json!({ "transformation": {
            "model": "llmRequest.model.stripPrefix(\"team/\")", "user": "llmRequest.model",
        } })
        ),
        model("plain", json!({})),
        model("closed", json!({ "authorization": { "rules": [{ "deny": "true" }] } })),
        model(
            "own",
            json!({
                "auth": { "key": "other" }, "requestHeaders": { "set": { "x-team": "blue" } },
            })
        ),
    ]);
    let proxy = cell.start(&block(&origin, json!({}), models));
    let mut client = Client::http1(*proxy.addresses().last().expect("the bind of the block"));
    let asked = |model: &str| json!({ "model": model, "messages": [] });
    for (name, expected) in [
        ("cold", json!({ "model": "gpt-6", "messages": [], "temperature": 0 })),
        ("short", json!({ "model": "gpt-0", "messages": [], "max_tokens": 5 })),
        ("team/a", json!({ "model": "a", "messages": [], "user": "team/a" })),
        ("plain", json!({ "model": "plain", "messages": [] })),
        ("own", json!({ "model": "own", "messages": [] })),
    ] {
        assert_eq!(json_sent(&mut client, &origin, PATH, &asked(name)), expected, "{name}");
        let head = origin.last().head;
        let own = name == "own";
        let key = if own { "Bearer other" } else { "Bearer k" };
        assert_eq!(head.field("authorization"), Some(key), "{name}");
        assert_eq!(head.field("x-team"), own.then_some("blue"));
    }
    let before = origin.seen().len();
    let closed = ask(&mut client, PATH, &asked("closed"));
    assert_eq!(
        (closed.status, json_of(&closed)["error"]["type"].as_str()),
        (403, Some("permission_error"))
    );
    assert_eq!(origin.seen().len(), before);
}

fn the_block_takes_what_a_route_takes(cell: Cell) {
    let origin = listener();
    let policies = json!({
        "ai": { "defaults": { "seed": 1 }, "costHeader": "x-cost" },
        "responseHeaderModifier": { "set": { "x-by": "ringway" } },
        "localRateLimit": [
            { "maxTokens": 2, "tokensPerFill": 1, "fillInterval": "1h" },
            { "maxTokens": 1000, "tokensPerFill": 1, "fillInterval": "1h", "type": "tokens" },
        ],
    });
    let mut config = block(&origin, policies, json!([model("*", json!({}))]));
    let rates = json!({ "rates": { "input": "1", "output": "1" } });
    let prices = json!({ "providers": { "openai": { "models": { "told": rates } } } });
    config = config.process(json!({ "modelCatalog": { "inline": prices } }));
    let proxy = cell.start(&config);
    let mut client = Client::http1(*proxy.addresses().last().expect("the bind of the block"));
    for _ in 0..2 {
        let answer = ask(&mut client, PATH, &chat("any"));
        assert_eq!((answer.status, answer.field("x-by")), (200, Some("ringway")));
        assert_eq!(answer.field("x-cost"), Some("0.000007000"));
        assert_eq!(json_of(&answer)["model"], "told");
        let body: Value = serde_json::from_slice(&origin.last().body).expect("JSON");
        assert_eq!((&body["seed"], &body["model"]), (&json!(1), &json!("any")));
    }
    let refused = ask(&mut client, PATH, &chat("any"));
    assert_eq!(
        (refused.status, json_of(&refused)["error"]["type"].as_str()),
        (429, Some("rate_limit_error"))
    );
}

fn what_cannot_be_read_is_refused_in_shape(cell: Cell) {
    let origin = listener();
    let policy = json!({ "defaults": { "seed": 1 } });
    let proxy = cell.start(&with(&origin, "openAI", policy));
    let mut client = proxy.client();
    let deep = format!("{{\"model\":\"a\",\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for body in [
        "",
        "no JSON",
        "[1]",
        "{\"model\":1}",
        "{\"seed\":2}",
        "{\"model\":\"a\",}",
        &deep,
        "{\"model\":\"a\",\"model\":\"b\"}",
        "{\"model\":\"a\",\"x\":\"\u{0}\"}",
    ] {
        client.send(request(PATH, body));
        let answer = client.response();
        if body.contains("\"model\":\"b\"") {
            // A tree has each field once: what is sent says the same to everybody who reads it.
            assert_eq!(answer.status, 200);
            assert_eq!(origin.last().body, b"{\"model\":\"b\",\"seed\":1}");
            continue;
        }
        assert_eq!(answer.status, 400, "{body:.80}");
        assert!(json_of(&answer)["error"]["message"].is_string(), "{}", answer.body());
    }
    assert_eq!(origin.seen().len(), 1);
    client.send([&request(PATH, "x")[..20], b" "].concat());
    drop(client);
    proxy.await_buffers(1);
}

fn without_policies_nothing_is_touched(cell: Cell) {
    let origin = listener();
    let proxy = cell.start(&with(&origin, "openAI", json!({})));
    let body = "{ \"b\" : 1.0e0,\n \"model\":\t\"m\\u0061\", \"a\":[ ] , \"b\":2 }";
    let mut client = proxy.client();
    client.send(request(PATH, body));
    assert_eq!(client.response().status, 200);
    assert_eq!(origin.last().body, body.as_bytes());
}
