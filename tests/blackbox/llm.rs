//! Models behind the gateway, with a stand-in for their providers: what the client gets is what the
//! provider said, what is counted is what the provider billed, and errors are told in the shape that
//! the caller's library reads.

mod clients;
mod cost;
mod dialects;
mod errors;
mod failover;
mod prompts;
mod real_clients;
mod realtime;
mod requests;
mod streams;
mod surfaces;
mod token_limits;
mod translated;

use std::net::SocketAddr;

use loadtest::origin::{self, Kind, Llm, Pace, Running, Setup};
use serde_json::{Value, json};

use crate::harness::h2_client::H2;
use crate::harness::*;

matrix! {
    an_answer_is_the_providers_and_is_counted,
    every_api_is_counted_to_the_token,
    many_requests_on_one_connection,
}

drivers! {
    models_have_names_of_ours,
    the_list_of_models_is_the_configurations,
    credentials_are_the_gateways,
    a_record_names_model_and_tokens,
    streams_of_http2_are_answered_too,
    the_example_works_with_the_stand_in,
}

/// 32 bytes: 8 tokens.
pub const PROMPT: &str = "What is the way around the city?";
pub const USAGE: &str = "agentgateway_gen_ai_client_token_usage_sum";
pub const DURATION: &str = "agentgateway_gen_ai_server_request_duration_count";
pub const FIRST_TOKEN: &str = "agentgateway_gen_ai_server_time_to_first_token_count";
pub const EACH_TOKEN: &str = "agentgateway_gen_ai_server_time_per_output_token_count";

/// A provider of ten tokens an answer, three of the prompt out of a cache.
pub fn provider() -> (Running, SocketAddr) {
    provider_with(ten_tokens(), Pace::default())
}

pub fn ten_tokens() -> Llm {
    Llm { tokens: 10, cached_tokens: 3, ..Llm::default() }
}

pub fn provider_with(llm: Llm, pace: Pace) -> (Running, SocketAddr) {
    start(Setup { pace, ..Setup::new(Kind::Llm(llm)) })
}

pub fn start(setup: Setup) -> (Running, SocketAddr) {
    let origin = origin::start(setup).expect("an origin starts");
    let address = origin.address();
    (origin, address)
}

/// A backend of a route.
pub fn ai(kind: &str, at: SocketAddr) -> Value {
    json!({ "ai": { "provider": { kind: {} }, "hostOverride": at.to_string() } })
}

/// A gateway with a route to a provider of each kind.
pub fn gateway(at: SocketAddr) -> config::Config {
    config()
        .route_with("/", json!({ "backends": [ai("openAI", at)] }))
        .route_with("/v1/messages", json!({ "backends": [ai("anthropic", at)] }))
}

pub fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": PROMPT }] })
}

pub fn messages(model: &str) -> Value {
    json!({
        "model": model, "max_tokens": 100,
        "messages": [{ "role": "user", "content": PROMPT }],
    })
}

/// The same as a stream.
pub fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body
}

pub fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         anthropic-version: 2023-06-01\r\nAccept-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

pub fn ask(client: &mut Client, path: &str, body: &Value) -> Response {
    client.send(request(path, &body.to_string()));
    client.response()
}

/// The provider's own answer.
pub fn direct(at: SocketAddr, path: &str, body: &str) -> Response {
    let mut client = Client::http1(at);
    client.send(request(path, body));
    client.response()
}

pub fn tokens(proxy: &Proxy, kind: &str, wanted: f64) {
    proxy.await_metric(USAGE, &[("gen_ai_token_type", kind)], wanted);
}

pub fn json_of(response: &Response) -> Value {
    let body = response.body();
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body:?}"))
}

fn an_answer_is_the_providers_and_is_counted(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let body = chat("gpt-6");
    for turn in 1..=3 {
        let answer = ask(&mut client, "/v1/chat/completions", &body);
        let own = direct(at, "/v1/chat/completions", &body.to_string());
        assert_eq!((answer.status, answer.body()), (200, own.body()));
        assert_eq!(answer.field("request-id"), own.field("request-id"));
        tokens(&proxy, "input", f64::from(turn) * 8.0);
        tokens(&proxy, "output", f64::from(turn) * 10.0);
        tokens(&proxy, "input_cache_read", f64::from(turn) * 3.0);
    }
    let labels = [
        ("gen_ai_operation_name", "chat"),
        ("gen_ai_system", "openai"),
        ("gen_ai_request_model", "gpt-6"),
        ("gen_ai_response_model", "gpt-6"),
        ("gateway", "default/default"),
        ("listener", "listener0"),
        ("route", "default/route0"),
        ("route_rule", "unknown"),
    ];
    proxy.await_metric(DURATION, &labels, 3.0);
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum(USAGE, &[("gen_ai_token_type", "input_cache_write")]), 0.0);
    assert_eq!(metrics.sum(FIRST_TOKEN, &[]), 0.0, "no stream, no first token");
    let buckets = "agentgateway_gen_ai_client_token_usage_bucket";
    let input = ("gen_ai_token_type", "input");
    assert_eq!(metrics.sum(buckets, &[("le", "4.0"), input]), 0.0);
    assert_eq!(metrics.sum(buckets, &[("le", "16.0"), input]), 3.0);
    let requests = [("protocol", "llm"), ("backend", "openai"), ("status", "200")];
    assert_eq!(metrics.sum("agentgateway_requests_total", &requests), 3.0);
    drop(client);
    proxy.await_buffers(1);
}

fn every_api_is_counted_to_the_token(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let responses = json!({ "model": "gpt-6", "input": PROMPT });
    let embeddings = json!({ "model": "embed", "input": [PROMPT, PROMPT] });
    // Input, output, read from a cache, operation.
    for (path, body, cost) in [
        ("/v1/responses", &responses, Some((8.0, 10.0, 3.0, "chat"))),
        ("/v1/responses", &streamed(responses.clone()), Some((8.0, 10.0, 3.0, "chat"))),
        ("/v1/messages", &messages("claude-5"), Some((8.0, 10.0, 3.0, "chat"))),
        ("/v1/messages", &streamed(messages("claude-5")), Some((8.0, 10.0, 3.0, "chat"))),
        ("/v1/embeddings", &embeddings, Some((16.0, 0.0, 0.0, "embeddings"))),
        ("/v1/messages/count_tokens", &messages("claude-5"), None),
    ] {
        let before = proxy.metrics();
        let answer = ask(&mut client, path, body);
        let own = direct(at, path, &body.to_string());
        assert_eq!((answer.status, answer.body()), (200, own.body()), "{path}");
        let operation = cost.map_or("count_tokens", |(.., operation)| operation);
        let counted = [("gen_ai_operation_name", operation)];
        proxy.await_metric(DURATION, &counted, before.sum(DURATION, &counted) + 1.0);
        let (input, output, cached, _) = cost.unwrap_or((0.0, 0.0, 0.0, ""));
        let after = proxy.metrics();
        for (kind, cost) in [("input", input), ("output", output), ("input_cache_read", cached)] {
            let labels = [("gen_ai_token_type", kind)];
            assert_eq!(
                after.sum(USAGE, &labels) - before.sum(USAGE, &labels),
                cost,
                "{path} {kind}"
            );
        }
    }
    // Of the two streams.
    assert_eq!(proxy.metrics().sum(FIRST_TOKEN, &[]), 2.0);
    assert_eq!(proxy.metrics().sum(EACH_TOKEN, &[]), 2.0);
}

fn many_requests_on_one_connection(cell: Cell) {
    let (origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let (plain, stream) = (chat("gpt-6").to_string(), streamed(chat("gpt-6")).to_string());
    let path = "/v1/chat/completions";
    // All at once: each answer comes in its turn, and bodies are not taken for requests.
    let turn = [request(path, &plain), request(path, &stream), request(path, &plain)].concat();
    client.send(turn.repeat(5));
    let own = direct(at, path, &plain).body();
    for _ in 0..5 {
        assert_eq!(client.response().body(), own);
        assert!(client.response().body().ends_with("data: [DONE]\n\n"));
        assert_eq!(client.response().body(), own);
    }
    tokens(&proxy, "input", 15.0 * 8.0);
    tokens(&proxy, "output", 15.0 * 10.0);
    // The provider's connection was kept: ours and that of `direct`.
    assert!(origin.counts().connections <= 3, "{}", origin.counts());
    drop(client);
    proxy.await_buffers(1);
}

fn models_have_names_of_ours(cell: Cell) {
    let (_origin, at) = provider();
    let host = at.to_string();
    let model = |name: &str, params: Value| json!({ "name": name, "provider": { "reference": "here" }, "params": params });
    let local = json!({
        "name": "local/*", "provider": "ollama", "params": { "hostOverride": host },
        "transformation": { "model": "llmRequest.model.stripPrefix(\"local/\")" },
    });
    let provider =
        json!({ "name": "here", "provider": "openAI", "params": { "hostOverride": host } });
    let llm = json!({
        "port": 0, "address": "127.0.0.1", "providers": [provider],
        "models": [model("smart", json!({ "model": "gpt-6" })), model("gpt-*", json!({})), local],
    });
    let proxy = cell.start(&config().block("llm", llm));
    let addresses = proxy.addresses();
    let mut client = Client::http1(*addresses.last().expect("the bind of the block"));
    for (asked, sent, system) in [
        ("smart", "gpt-6", "openai"),
        ("gpt-7", "gpt-7", "openai"),
        ("local/gemma\"3", "gemma\"3", "ollama"),
    ] {
        let answer = ask(&mut client, "/v1/chat/completions", &chat(asked));
        assert_eq!((answer.status, &json_of(&answer)["model"]), (200, &json!(sent)), "{asked}");
        let labels = [("gen_ai_request_model", asked), ("gen_ai_system", system)];
        proxy.await_metric(DURATION, &labels, 1.0);
    }
    let answer = ask(&mut client, "/v1/chat/completions", &chat("other"));
    assert_eq!(
        (answer.status, json_of(&answer)["error"]["code"].as_str()),
        (404, Some("model_not_found"))
    );
}

fn the_list_of_models_is_the_configurations(cell: Cell) {
    let (origin, at) = provider();
    let policies = json!({ "ai": { "modelAliases": { "fast": "gpt-6-mini", "any-*": "gpt-6" } } });
    let route = json!({ "backends": [ai("openAI", at)], "policies": policies });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let list = json_of(&client.get("/v1/models"));
    assert_eq!((&list["object"], &list["data"][0]["id"]), (&json!("list"), &json!("fast")));
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let anthropic = "GET /v1/models HTTP/1.1\r\nHost: a\r\nanthropic-version: 2023-06-01\r\n\r\n";
    let list = json_of(&client.ask(anthropic));
    assert_eq!((&list["first_id"], &list["data"][0]["type"]), (&json!("fast"), &json!("model")));
    assert_eq!(client.post("/v1/models", b"{}").status, 405);
    assert_eq!(origin.counts().requests, 0);
    for (asked, sent) in [("fast", "gpt-6-mini"), ("any-thing", "gpt-6"), ("own", "own")] {
        let answer = ask(&mut client, "/v1/chat/completions", &chat(asked));
        assert_eq!(json_of(&answer)["model"], sent);
    }
}

fn credentials_are_the_gateways(cell: Cell) {
    let llm = Llm { key: Some("sk-provider".to_owned()), ..ten_tokens() };
    let (_origin, at) = provider_with(llm, Pace::default());
    let with_key = |kind: &str| {
        let mut backend = ai(kind, at);
        backend["policies"] = json!({ "backendAuth": { "key": "sk-provider" } });
        backend
    };
    let proxy = cell.start(
        &config()
            .route_with("/", json!({ "backends": [with_key("openAI")] }))
            .route_with("/v1/messages", json!({ "backends": [with_key("anthropic")] }))
            .route_with("/open", json!({ "backends": [ai("openAI", at)] })),
    );
    let mut client = proxy.client();
    let asked = |client: &mut Client, path: &str, body: &Value, fields: &str| {
        let text = String::from_utf8(request(path, &body.to_string())).unwrap();
        client.send(text.replacen("\r\n", &format!("\r\n{fields}"), 1));
        client.response().status
    };
    let wrong = "Authorization: Bearer of-the-client\r\nX-Api-Key: of-the-client\r\n";
    for fields in ["", wrong] {
        assert_eq!(asked(&mut client, "/v1/chat/completions", &chat("gpt-6"), fields), 200);
        assert_eq!(asked(&mut client, "/v1/messages", &messages("claude-5"), fields), 200);
    }
    // Without a key of the gateway's own the client's goes through.
    let path = "/open/v1/chat/completions";
    assert_eq!(asked(&mut client, path, &chat("gpt-6"), wrong), 401);
    let right = "Authorization: Bearer sk-provider\r\n";
    assert_eq!(asked(&mut client, path, &chat("gpt-6"), right), 200);
    assert!(!proxy.config_dump().to_string().contains("sk-provider"));
}

fn a_record_names_model_and_tokens(cell: Cell) {
    let (_origin, at) = provider();
    let log = json!({ "ringway": { "accessLog": { "to": "stdout" } } });
    let proxy = cell.start(&gateway(at).process(log));
    let mut client = proxy.client();
    assert_eq!(ask(&mut client, "/v1/chat/completions", &streamed(chat("gpt-6"))).status, 200);
    assert_eq!(client.get("/v1/models").status, 200);
    wait::until("both records are written", || proxy.stdout().lines().count() >= 2);
    let said = proxy.stdout();
    let line = said.lines().find(|line| line.contains("/chat/completions")).unwrap();
    for field in [
        "protocol=llm",
        "gen_ai.operation.name=chat",
        "gen_ai.provider.name=openai",
        "gen_ai.request.model=gpt-6",
        "gen_ai.response.model=gpt-6",
        "gen_ai.usage.input_tokens=8",
        "gen_ai.usage.cache_read.input_tokens=3",
        "gen_ai.usage.output_tokens=10",
    ] {
        assert!(line.contains(field), "{field}: {line}");
    }
    assert!(!line.contains(PROMPT), "{line}");
}

fn streams_of_http2_are_answered_too(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = H2::connect(proxy.address());
    let path = "/v1/chat/completions";
    for body in [chat("gpt-6").to_string(), streamed(chat("gpt-6")).to_string()] {
        let answer = client.post(path, body.as_bytes());
        assert_eq!(answer.status(), 200);
        let text = answer.body();
        match body.contains("\"stream\"") {
            true => {
                assert!(text.ends_with("data: [DONE]\n\n") && text.matches("data: ").count() > 10)
            }
            false => assert_eq!(text, direct(at, path, &body).body()),
        }
    }
    tokens(&proxy, "input", 16.0);
    tokens(&proxy, "output", 20.0);
}

/// `config/llm.yaml`, with the stand-in on a port of its own.
fn the_example_works_with_the_stand_in(cell: Cell) {
    let (_origin, at) = provider();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/llm.yaml");
    let text = scratch::read(file.as_ref());
    let text = text.replace("port: 4000", "port: 0").replace("127.0.0.1:9400", &at.to_string());
    let mut launch = Proxy::with_text(&text).on(cell);
    for name in ["ADMIN_ADDR", "STATS_ADDR", "READINESS_ADDR"] {
        launch = launch.variable(name, "127.0.0.1:0");
    }
    let proxy = launch.start();
    let mut client = proxy.client();
    for (path, body) in [
        ("/v1/chat/completions", chat("smart")),
        ("/v1/chat/completions", chat("gpt-7")),
        ("/v1/chat/completions", chat("local/gemma3")),
        ("/v1/messages", messages("claude-5")),
    ] {
        let answer = ask(&mut client, path, &body);
        assert_eq!(answer.status, 200, "{}", answer.body());
    }
    let list = json_of(&client.get("/v1/models"));
    assert_eq!(list["data"][0]["id"], "smart");
    tokens(&proxy, "output", 40.0);
}
