//! Limits on tokens: an estimate is taken before, what was used counts, a long answer is paid for by
//! those behind it, and all workers take from one bucket.

use super::*;

matrix! {
    tokens_are_of_all_workers_together,
}

drivers! {
    what_was_used_is_what_counts,
    a_long_stream_is_paid_for_later,
    keys_have_tokens_of_their_own,
    a_refusal_is_told_in_the_callers_shape,
    who_fails_pays_nothing,
    a_limit_of_tokens_needs_models,
}

const PATH: &str = "/v1/chat/completions";

/// A bucket that does not fill while a test runs.
fn bucket(tokens: u32, rest: Value) -> Value {
    let mut bucket =
        json!({ "maxTokens": tokens, "tokensPerFill": 1, "fillInterval": "1h", "type": "tokens" });
    bucket.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    bucket
}

fn limited(at: SocketAddr, kind: &str, limits: Value) -> Value {
    json!({ "backends": [ai(kind, at)], "policies": { "localRateLimit": limits } })
}

fn left(proxy: &Proxy) -> i64 {
    proxy.config_dump()["compiled"]["rateLimits"][0]["tokensLeft"].as_i64().expect("a number")
}

/// Each answer takes 8 tokens of a prompt and 10 of its own: 18. So many fit exactly, whatever worker
/// has them, when one comes after the other.
fn tokens_are_of_all_workers_together(cell: Cell) {
    let (_origin, at) = provider();
    let limits = json!([bucket(18 * 20 + 7, json!({}))]);
    let proxy = cell.start(&config().route_with("/", limited(at, "openAI", limits)));
    // A connection each, so that all workers have some.
    let mut clients: Vec<_> = (0..24).map(|_| proxy.client()).collect();
    for (turn, client) in clients.iter_mut().enumerate() {
        let answer = ask(client, PATH, &chat("gpt-6"));
        assert_eq!(answer.status, if turn < 20 { 200 } else { 429 }, "{turn}");
        if turn >= 20 {
            continue;
        }
        let remaining = 18 * 20 + 7 - 18 * turn as i64 - 8;
        assert_eq!(answer.field("x-ratelimit-limit"), Some("367"));
        assert_eq!(answer.field("x-ratelimit-remaining"), Some(&*remaining.to_string()));
        assert!(answer.field("x-ratelimit-reset").is_some());
        // It is mended behind the answer.
        wait::equal("tokens are left", || (left(&proxy), 18 * 20 + 7 - 18 * (turn as i64 + 1)));
    }
    proxy.await_metric("ringway_rate_limit_admitted_total", &[], 20.0);
    proxy.await_metric("ringway_rate_limit_refused_total", &[], 4.0);
    // All at once: nothing is lost, whoever is quicker.
    let limits = json!([bucket(5_000, json!({}))]);
    let proxy = cell.start(&config().route_with("/", limited(at, "openAI", limits)));
    let ask = || {
        let mut client = proxy.client();
        for body in [chat("gpt-6"), streamed(chat("gpt-6"))].iter().cycle().take(10) {
            assert_eq!(ask(&mut client, PATH, body).status, 200);
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(ask))));
    wait::equal("tokens are left", || (left(&proxy), 5_000 - 80 * 18));
}

fn what_was_used_is_what_counts(cell: Cell) {
    let (_origin, at) = provider();
    let limits = json!([bucket(5_000, json!({ "reserveOutput": 500 }))]);
    let proxy = cell.start(
        &config()
            .route_with("/", limited(at, "openAI", limits.clone()))
            .route_with("/v1/messages", limited(at, "anthropic", limits)),
    );
    let mut client = proxy.client();
    let mut wanted = [5_000, 5_000];
    let mut capped = chat("gpt-6");
    capped["max_tokens"] = json!(4000);
    let responses = json!({ "model": "gpt-6", "input": PROMPT, "max_output_tokens": 3 });
    for (path, body, used) in [
        (PATH, chat("gpt-6"), 18),
        (PATH, streamed(chat("gpt-6")), 18),
        (PATH, capped, 18),
        ("/v1/responses", responses, 11),
        ("/v1/embeddings", json!({ "model": "e", "input": [PROMPT, PROMPT] }), 16),
        ("/v1/messages", messages("claude-5"), 18),
        ("/v1/messages", streamed(messages("claude-5")), 18),
        ("/v1/messages/count_tokens", messages("claude-5"), 0),
    ] {
        let answer = ask(&mut client, path, &body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body());
        wanted[usize::from(path.starts_with("/v1/messages"))] -= used;
        let left = || {
            let dumped = proxy.config_dump();
            [0, 1].map(|place| {
                dumped["compiled"]["rateLimits"][place]["tokensLeft"].as_i64().expect("a number")
            })
        };
        wait::equal("tokens are left", || (left(), wanted));
    }
    // While it is under way the estimate is taken: 8, and 500 of 4000.
    let mut body = chat("gpt-6");
    body["max_tokens"] = json!(4000);
    let remaining = ask(&mut client, PATH, &body);
    let expected = (wanted[0] - 508).to_string();
    assert_eq!(remaining.field("x-ratelimit-remaining"), Some(&*expected));
}

fn a_long_stream_is_paid_for_later(cell: Cell) {
    let (_origin, at) = provider_with(Llm { tokens: 300, ..Llm::default() }, Pace::default());
    let limits = json!([bucket(100, json!({}))]);
    let proxy = cell.start(&config().route_with("/", limited(at, "openAI", limits)));
    let mut client = proxy.client();
    let answer = ask(&mut client, PATH, &streamed(chat("gpt-6")));
    assert_eq!(answer.status, 200);
    assert!(answer.body().ends_with("data: [DONE]\n\n"), "it was not cut");
    tokens(&proxy, "output", 300.0);
    let refused = ask(&mut client, PATH, &chat("gpt-6"));
    assert_eq!(refused.status, 429);
    // 208 are owed, and 8 have to be there: one an hour.
    let wait: u64 = refused.field("retry-after").expect("a time").parse().expect("seconds");
    assert!((214 * 3600..=216 * 3600).contains(&wait), "{wait}");
}

fn keys_have_tokens_of_their_own(cell: Cell) {
    let (_origin, at) = provider();
    let by_header = json!([bucket(20, json!({ "key": { "header": "x-team" } }))]);
    let by_model = json!([bucket(20, json!({ "key": "llm.requestModel" }))]);
    let proxy = cell.start(
        &config()
            .route_with("/", limited(at, "openAI", by_header))
            .route_with("/model", limited(at, "openAI", by_model)),
    );
    let ask_as = |team: &str| {
        let text = String::from_utf8(request(PATH, &chat("gpt-6").to_string())).unwrap();
        let mut client = proxy.client();
        client.send(text.replacen("\r\n", &format!("\r\nX-Team: {team}\r\n"), 1));
        client.response().status
    };
    let mut done = 0.0;
    let mut settled = || {
        done += 1.0;
        proxy.await_metric(DURATION, &[], done);
    };
    for team in ["a", "b"] {
        assert_eq!(ask_as(team), 200);
        settled();
        // 2 are left, 8 are wanted.
        assert_eq!((ask_as(team), ask_as(team)), (429, 429), "{team}");
    }
    for model in ["gpt-6", "gpt-7"] {
        let path = "/model/v1/chat/completions";
        assert_eq!(ask(&mut proxy.client(), path, &chat(model)).status, 200);
        settled();
        assert_eq!(ask(&mut proxy.client(), path, &chat(model)).status, 429, "{model}");
    }
}

fn a_refusal_is_told_in_the_callers_shape(cell: Cell) {
    let (origin, at) = provider();
    let limits = json!([bucket(1, json!({}))]);
    let proxy = cell.start(
        &config()
            .route_with("/", limited(at, "openAI", limits.clone()))
            .route_with("/v1/messages", limited(at, "anthropic", limits)),
    );
    let mut client = proxy.client();
    // The first finds the bucket full: more than there can be is let in then.
    for (path, body) in [(PATH, chat("gpt-6")), ("/v1/messages", messages("claude-5"))] {
        assert_eq!(ask(&mut client, path, &body).status, 200);
    }
    proxy.await_metric(DURATION, &[], 2.0);
    let asked = origin.counts().requests;
    for (path, body, kind) in [
        (PATH, chat("gpt-6"), "rate_limit_error"),
        ("/v1/messages", messages("claude-5"), "rate_limit_error"),
    ] {
        let refused = ask(&mut client, path, &body);
        let told = json_of(&refused);
        assert_eq!((refused.status, told["error"]["type"].as_str()), (429, Some(kind)), "{path}");
        assert_eq!(refused.field("x-ratelimit-limit"), Some("1"));
        assert_eq!(refused.field("x-ratelimit-remaining"), Some("0"));
        assert_eq!(refused.field("retry-after"), refused.field("x-ratelimit-reset"));
    }
    assert_eq!(origin.counts().requests, asked);
    // What asks no model takes nothing.
    assert_eq!(client.get("/v1/models").status, 200);
}

fn who_fails_pays_nothing(cell: Cell) {
    let (_origin, at) = provider();
    let limits = json!([bucket(1000, json!({}))]);
    let proxy = cell.start(&config().route_with("/", limited(at, "openAI", limits)));
    let mut client = proxy.client();
    for (model, status) in [("gpt-6@500", 500), ("gpt-6@429", 429)] {
        assert_eq!(ask(&mut client, PATH, &chat(model)).status, status);
        wait::equal("tokens are left", || (left(&proxy), 1000));
    }
    assert_eq!(ask(&mut client, PATH, &json!({ "messages": [] })).status, 400);
    wait::equal("tokens are left", || (left(&proxy), 1000));
}

fn a_limit_of_tokens_needs_models(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let route = json!({
        "backends": [{ "host": origin.host() }],
        "policies": { "localRateLimit": [bucket(1, json!({}))] },
    });
    let good = config().route("/", &origin);
    let proxy = cell.start(&good);
    proxy.write(&good.route_with("/x", route).text());
    wait::until("it is refused", || proxy.stderr().contains("none of its backends is an `ai`"));
    assert_eq!(proxy.client().get("/").body(), "hello");
}
