//! What each provider of a cloud is asked, and where: its paths, its field for a key, its words in a
//! body.

use super::*;

drivers! {
    a_guardrail_looks_at_every_request,
    keys_go_where_providers_look,
    paths_are_the_providers_own,
    claude_on_vertex_is_asked_as_it_wants,
}

fn a_guardrail_looks_at_every_request(cell: Cell) {
    let invoke = "/model/a/invoke";
    let origin = Origin::http1().answer(CONVERSE, ANSWER).answer(invoke, ANSWER).start();
    let of = json!({ "region": "us-east-1", "guardrailIdentifier": "g1", "guardrailVersion": "2" });
    let auth = json!({ "aws": static_keys() });
    let route = passed(backend("bedrock", of, &origin, Some(auth)));
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let config = r#""guardrailConfig":{"guardrailIdentifier":"g1","guardrailVersion":"2"}"#;
    for body in [r#"{"messages":[]}"#, r#"{"guardrailConfig":{"x":1},"messages":[]}"#] {
        assert_eq!(client.ask(&post(CONVERSE, JSON, body)).status, 200);
        let seen = origin.last();
        assert_eq!(
            String::from_utf8(seen.body.clone()).unwrap(),
            format!("{{{config},\"messages\":[]}}")
        );
        check(&seen, (ID, SECRET), ("us-east-1", "bedrock"), now());
    }
    assert_eq!(client.ask(&post(invoke, JSON, "{}")).status, 200);
    let head = origin.last().head;
    assert_eq!(head.field("x-amzn-bedrock-guardrailidentifier"), Some("g1"));
    assert_eq!(head.field("x-amzn-bedrock-guardrailversion"), Some("2"));
    // Past it there is no way: neither as another type, nor with two of a name.
    let before = origin.seen().len();
    for (fields, body) in [
        ("Content-Type: text/plain\r\n", "{}"),
        ("", "{}"),
        (JSON, r#"{"guardrailConfig":{},"guardrailConfi\u0067":{}}"#),
        (JSON, "[]"),
        (JSON, "{"),
    ] {
        assert_eq!(client.ask(&post(CONVERSE, fields, body)).status, 400, "{fields}{body}");
    }
    assert_eq!(origin.seen().len(), before);
}

fn keys_go_where_providers_look(cell: Cell) {
    let origin = Origin::http1()
        .answer("/openai/v1/chat/completions", ANSWER)
        .answer("/v1beta/openai/chat/completions", ANSWER)
        .answer("/v1/chat/completions", ANSWER)
        .answer("/v1/messages", ANSWER)
        .start();
    let key = json!({ "key": "ours" });
    let elsewhere = json!({ "key": { "value": "ours", "location": { "header": { "name": "X-Token", "prefix": "Key " } } } });
    let azure = json!({ "resourceName": "a" });
    let cases = [
        ("azure", azure, &key, "api-key", "ours"),
        ("gemini", json!({}), &key, "x-goog-api-key", "ours"),
        ("openAI", json!({}), &key, "authorization", "Bearer ours"),
        ("vllm", json!({}), &elsewhere, "x-token", "Key ours"),
        ("anthropic", json!({}), &key, "x-api-key", "ours"),
        ("openAI", json!({}), &json!({ "passthrough": {} }), "authorization", "Bearer theirs"),
    ];
    let mut configured = config();
    for (place, (kind, of, auth, ..)) in cases.iter().enumerate() {
        let backend = backend(kind, of.clone(), &origin, Some((*auth).clone()));
        configured = configured.route_with(&format!("/{place}/"), json!({ "backends": [backend] }));
    }
    let proxy = cell.start(&configured);
    let mut client = proxy.client();
    let fields = "authorization: Bearer theirs\r\n";
    let others = "x-api-key: theirs\r\napi-key: theirs\r\nx-goog-api-key: theirs\r\n";
    for (place, (kind, .., auth, field, shown)) in cases.iter().enumerate() {
        let end = if *kind == "anthropic" { "messages" } else { "chat/completions" };
        let path = format!("/{place}/v1/{end}");
        let is_theirs = auth.get("passthrough").is_some();
        let others = if is_theirs { "" } else { others };
        let request = post(&path, &format!("{JSON}{fields}{others}"), r#"{"model":"m"}"#);
        assert_eq!(client.ask(&request).status, 200, "{kind}");
        let head = origin.last().head;
        assert_eq!(head.all(field), [*shown], "{kind}");
        for other in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
            assert!(other == *field || head.all(other).is_empty(), "{kind}: {other}");
        }
    }
}

fn paths_are_the_providers_own(cell: Cell) {
    let metadata = google(3600);
    let paths = [
        "/openai/v1/embeddings",
        "/openai/deployments/gpt-6/chat/completions",
        "/v1beta/openai/embeddings",
        "/v1/projects/p/locations/us-east5/endpoints/openapi/chat/completions",
        "/v1beta/models/gemini-3:generateContent",
    ];
    let origin = paths.iter().fold(Origin::http1(), |origin, path| origin.answer(path, ANSWER));
    let origin = origin.start();
    let dated = json!({ "resourceName": "a", "apiVersion": "2024-10-21", "model": "gpt-6" });
    let key = Some(json!({ "key": "k" }));
    let vertex = json!({ "projectId": "p", "region": "us-east5" });
    let route = |kind: &str, of: Value, auth: Option<Value>| json!({ "backends": [backend(kind, of, &origin, auth)] });
    let config = config()
        .route_with("/0/", route("azure", json!({ "resourceName": "a" }), key.clone()))
        .route_with("/1/", route("azure", dated, key.clone()))
        .route_with("/2/", route("gemini", json!({}), key.clone()))
        .route_with("/3/", route("vertex", vertex, None))
        .route_with("/v1beta", passed(backend("gemini", json!({}), &origin, key)));
    let launch = launch(cell, &config);
    let proxy = launch.variable("GCE_METADATA_HOST", metadata.host()).start();
    let mut client = proxy.client();
    for (asked, model, there) in [
        ("/0/v1/embeddings", "any", paths[0].to_owned()),
        ("/1/v1/chat/completions?a=1", "any", format!("{}?api-version=2024-10-21&a=1", paths[1])),
        ("/2/v1/embeddings", "any", paths[2].to_owned()),
        ("/3/v1/chat/completions", "google/gemini-3", paths[3].to_owned()),
        (paths[4], "", paths[4].to_owned()),
    ] {
        let body = json!({ "model": model }).to_string();
        let body = if model.is_empty() { "{}" } else { &body };
        assert_eq!(client.ask(&post(asked, JSON, body)).status, 200, "{asked}");
        assert_eq!(origin.last().target, there);
    }
    assert_eq!(origin.seen()[3].head.all("authorization"), ["Bearer ya29.0"]);
}

fn claude_on_vertex_is_asked_as_it_wants(cell: Cell) {
    let metadata = google(3600);
    let models = "/v1/projects/p/locations/global/publishers/anthropic/models/";
    let [plain, stream, count] =
        ["claude-5:rawPredict", "claude-5:streamRawPredict", "count-tokens:rawPredict"]
            .map(|end| format!("{models}{end}"));
    let origin = Origin::http1()
        .answer(&plain, ANSWER)
        .answer(&stream, ANSWER)
        .answer(&count, ANSWER)
        .start();
    let model = json!({
        "name": "claude-*", "provider": "vertex",
        "params": { "vertexProject": "p", "hostOverride": origin.host() },
    });
    let llm = json!({ "port": 0, "address": "127.0.0.1", "models": [model] });
    let config = config().block("llm", llm);
    let launch = launch(cell, &config);
    let proxy = launch.variable("GCE_METADATA_HOST", metadata.host()).start();
    let mut client = Client::http1(*proxy.addresses().last().unwrap());
    let version = r#""anthropic_version":"vertex-2023-10-16","#;
    for (path, body, there, fits) in [
        (
            "/v1/messages",
            r#"{"model":"claude-5","max_tokens":1}"#,
            &plain,
            format!(r#"{{{version}"max_tokens":1}}"#),
        ),
        (
            "/v1/messages",
            r#"{"stream":true,"model":"claude-5"}"#,
            &stream,
            format!(r#"{{{version}"stream":true}}"#),
        ),
        (
            "/v1/messages/count_tokens",
            r#"{"model":"claude-5"}"#,
            &count,
            format!(r#"{{{version}"model":"claude-5"}}"#),
        ),
    ] {
        assert_eq!(client.ask(&post(path, JSON, body)).status, 200, "{path}");
        let seen = origin.last();
        assert_eq!((&seen.target, String::from_utf8(seen.body).unwrap()), (there, fits));
        assert_eq!(seen.head.all("authorization"), ["Bearer ya29.0"]);
    }
    let bad = post("/v1/messages", JSON, r#"{"model":"claude-5/../x"}"#);
    assert_eq!(client.ask(&bad).status, 400);
}
