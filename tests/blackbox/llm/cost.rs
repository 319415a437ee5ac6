//! What requests cost, to the billionth of a dollar: in the metrics, the log, the head, and after the
//! prices have changed.

use super::*;

matrix! {
    an_answer_is_billed_to_the_billionth,
}

drivers! {
    what_has_no_price_is_told_apart,
    a_head_tells_the_cost_of_its_answer,
    prices_change_with_their_file,
    a_record_tells_cost_times_and_messages,
    a_record_has_what_expressions_add,
}

const COST: &str = "agentgateway_gen_ai_client_cost_usd_total";
const LOOKUPS: &str = "agentgateway_cost_catalog_lookups_total";
const PATH: &str = "/v1/chat/completions";

/// 8 tokens of the prompt, 3 of them out of a cache; 10 of the answer.
fn prices(input: &str) -> Value {
    let gpt = json!({
        "rates": { "input": input, "output": "10", "cacheRead": "0.125", "reasoning": "40" },
        "tiers": [{ "contextOver": 1000, "rates": { "input": "3" } }],
    });
    let claude = json!({ "rates": { "input": "3", "output": "15", "cacheRead": "0.3" } });
    let unpriced = json!({ "tags": ["local"] });
    json!({ "providers": {
        "openai": { "models": { "gpt-6*": gpt, "gpt-7*": { "rates": { "input": "0.000001" } }, "own": unpriced } },
        "anthropic": { "models": { "claude-*": claude } },
    } })
}

fn priced(at: SocketAddr, catalog: Value) -> config::Config {
    gateway(at).process(json!({ "modelCatalog": catalog }))
}

/// In billionths. What is printed has that many digits.
fn nanos(proxy: &Proxy, labels: &[(&str, &str)]) -> u64 {
    (proxy.metrics().sum(COST, labels) * 1e9).round() as u64
}

fn looked_up(proxy: &Proxy, status: &str, wanted: f64) {
    proxy.await_metric(LOOKUPS, &[("status", status)], wanted);
}

fn an_answer_is_billed_to_the_billionth(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&priced(at, json!([{ "inline": prices("1.25") }])));
    let mut client = proxy.client();
    let mut whole = 0;
    // 5 x 1250 + 3 x 125 + 10 x 10000; 5 x 3000 + 3 x 300 + 10 x 15000.
    let (gpt, claude) = (106_625, 165_900);
    let responses = json!({ "model": "gpt-6", "input": PROMPT });
    for (turn, (path, body, cost)) in [
        (PATH, chat("gpt-6"), gpt),
        (PATH, streamed(chat("gpt-6")), gpt),
        ("/v1/messages", messages("claude-5"), claude),
        ("/v1/messages", streamed(messages("claude-5")), claude),
        ("/v1/responses", responses.clone(), gpt),
        ("/v1/responses", streamed(responses), gpt),
        // A count costs nothing, and is not looked up.
        ("/v1/messages/count_tokens", messages("claude-5"), 0),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ask(&mut client, path, &body);
        assert_eq!((answer.status, answer.field("x-cost")), (200, None), "{path}");
        whole += cost;
        looked_up(&proxy, "Exact", (turn + 1).min(6) as f64);
        proxy.await_metric(DURATION, &[], (turn + 1) as f64);
        assert_eq!(nanos(&proxy, &[]), whole, "{path}");
    }
    // A long prompt, by the rates of its tier: 1997 x 3000 + 3 x 125 + 10 x 10000. What was thought
    // is among the 18 of the next: 5 x 1250 + 3 x 125 + 10 x 10000 + 8 x 40000.
    let long = json!({
        "model": "gpt-6", "messages": [{ "role": "user", "content": "a b ".repeat(2000) }],
    });
    let thinking = chat("gpt-6@think");
    for (body, cost) in [(long, 6_091_375), (thinking, 426_625)] {
        let before = proxy.metrics().sum(LOOKUPS, &[]);
        assert_eq!(ask(&mut client, PATH, &body).status, 200);
        proxy.await_metric(LOOKUPS, &[], before + 1.0);
        whole += cost;
        assert_eq!(nanos(&proxy, &[]), whole, "{body:.60}");
    }
    let labels = [
        ("gen_ai_system", "anthropic"),
        ("gen_ai_request_model", "claude-5"),
        ("gen_ai_operation_name", "chat"),
        ("route", "default/route1"),
    ];
    assert_eq!(nanos(&proxy, &labels), 2 * claude);
}

fn what_has_no_price_is_told_apart(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&priced(at, json!({ "inline": prices("1.25") })));
    let mut client = proxy.client();
    for (model, status) in [("own", "Unpriced"), ("other", "Missing"), ("gpt-7-mini", "Exact")] {
        assert_eq!(ask(&mut client, PATH, &chat(model)).status, 200);
        looked_up(&proxy, status, 1.0);
    }
    // Eight times 10^-12 is nothing yet.
    assert_eq!(nanos(&proxy, &[]), 0);
    // What the provider refused used nothing that one could look up.
    assert_eq!(ask(&mut client, PATH, &chat("gpt-6@429")).status, 429);
    proxy.await_metric(DURATION, &[], 4.0);
    assert_eq!(proxy.metrics().sum(LOOKUPS, &[]), 3.0);

    let proxy = cell.start(&gateway(at));
    assert_eq!(ask(&mut proxy.client(), PATH, &chat("gpt-6")).status, 200);
    looked_up(&proxy, "NoCatalog", 1.0);
    assert!(!proxy.metrics().has(COST, &[]));
}

fn a_head_tells_the_cost_of_its_answer(cell: Cell) {
    let (_origin, at) = provider();
    let policies = json!({ "ai": { "costHeader": "x-cost-usd" } });
    let route = json!({ "backends": [ai("openAI", at)], "policies": policies });
    let catalog = json!({ "inline": prices("1.25") });
    let config = config().route_with("/", route).process(json!({ "modelCatalog": catalog }));
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    for turn in 1..=3 {
        let answer = ask(&mut client, PATH, &chat("gpt-6"));
        let own = direct(at, PATH, &chat("gpt-6").to_string());
        assert_eq!((answer.status, answer.body()), (200, own.body()));
        assert_eq!(answer.field("x-cost-usd"), Some("0.000106625"));
        // A stream is not held, and its head knows nothing.
        let stream = ask(&mut client, PATH, &streamed(chat("gpt-6")));
        assert_eq!((stream.status, stream.field("x-cost-usd")), (200, None));
        assert!(stream.body().ends_with("data: [DONE]\n\n"));
        looked_up(&proxy, "Exact", f64::from(2 * turn));
        assert_eq!(nanos(&proxy, &[]), 2 * u64::from(turn as u32) * 106_625, "each is billed once");
    }
    // What has no price has no such field, and neither has a failure.
    assert_eq!(ask(&mut client, PATH, &chat("other")).field("x-cost-usd"), None);
    let refused = ask(&mut client, PATH, &chat("gpt-6@500"));
    assert_eq!((refused.status, refused.field("x-cost-usd")), (500, None));
    let mut h2 = H2::connect(proxy.address());
    let answer = h2.post(PATH, chat("gpt-6").to_string().as_bytes());
    assert_eq!((answer.status(), answer.field("x-cost-usd")), (200, Some("0.000106625")));
    drop((client, h2));
    proxy.await_buffers(1);
}

fn prices_change_with_their_file(cell: Cell) {
    let (_origin, at) = provider();
    let files = scratch::Scratch::new();
    let file = files.replace("prices.json", &prices("1.25").to_string());
    let proxy = cell.start(&priced(at, json!([{ "file": file }])));
    let mut client = proxy.client();
    let mut costs = |wanted: u64| {
        wait::until("the new price is used", || {
            let (before, lookups) = (nanos(&proxy, &[]), proxy.metrics().sum(LOOKUPS, &[]));
            assert_eq!(ask(&mut client, PATH, &chat("gpt-6")).status, 200);
            proxy.await_metric(LOOKUPS, &[], lookups + 1.0);
            nanos(&proxy, &[]) - before == wanted
        });
    };
    costs(106_625);
    files.replace("prices.json", &prices("2").to_string());
    costs(110_375);
    // What is wrong is told, and the last prices stay.
    files.replace(
        "prices.json",
        r#"{"providers": {"openai": {"models": {"gpt-6": {"rates": {"input": "x"}}}}}}"#,
    );
    wait::until("the mistake is told", || proxy.stderr().contains("is no price"));
    assert!(proxy.stderr().contains("prices.json:1"), "{}", proxy.stderr());
    costs(110_375);
    files.replace("prices.json", &prices("3").to_string());
    costs(115_375);
}

fn a_record_tells_cost_times_and_messages(cell: Cell) {
    let (_origin, at) = provider();
    let log = json!({
        "modelCatalog": { "inline": prices("1.25") },
        "ringway": { "accessLog": {
            "to": "stdout", "format": "json", "prompts": 40, "completions": "16KiB",
        } },
    });
    let proxy = cell.start(&gateway(at).process(log));
    let mut client = proxy.client();
    let plain = ask(&mut client, PATH, &chat("gpt-6@think")).body();
    let stream = ask(&mut client, PATH, &streamed(chat("gpt-6"))).body();
    wait::until("both records are written", || proxy.stdout().lines().count() >= 2);
    let said = proxy.stdout();
    let records: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let [thought, streamed] = &records[..] else { panic!("{said}") };
    assert_eq!(thought["gen_ai.usage.reasoning_tokens"], 8);
    assert_eq!(thought["agw.ai.usage.cost.total"], 0.000_426_625);
    assert_eq!(thought["agw.ai.time_to_first_token"], Value::Null, "it was no stream");
    assert_eq!(streamed["agw.ai.usage.cost.total"], 0.000_106_625);
    let first = streamed["agw.ai.time_to_first_token"].as_f64().expect("a time");
    assert!(first > 0.0 && streamed["agw.ai.time_per_output_token"].as_f64().is_some(), "{said}");
    let asked = chat("gpt-6")["messages"].to_string();
    assert_eq!(streamed["gen_ai.input.messages"], asked[..40]);
    assert_eq!(thought["gen_ai.output.messages"], plain);
    // As it came: what we asked for in the caller's stead is in it.
    let told = streamed["gen_ai.output.messages"].as_str().expect("a text");
    assert!(told.starts_with(&stream[..100]) && told.ends_with("data: [DONE]\n\n"), "{told}");
}

fn a_record_has_what_expressions_add(cell: Cell) {
    let (_origin, at) = provider();
    for format in ["json", "text"] {
        let process = json!({
            "modelCatalog": { "inline": prices("1.25") },
            "ringway": { "accessLog": { "to": "stdout", "format": format } },
        });
        let added = json!({
            "filter": "request.path != '/v1/models'",
            "add": {
                "my.tokens": "llm.totalTokens",
                "my.cost": "llm.cost.total",
                "my.model": "llm.requestModel + ' of ' + llm.provider",
                "my.status": "response.code",
                "my.list": "[1, 'a']",
                "my.user": "request.headers['x-user']",
            },
        });
        let config = gateway(at).process(process).frontend(json!({ "accessLog": added }));
        let proxy = cell.start(&config);
        let mut client = proxy.client();
        assert_eq!(client.get("/v1/models").status, 200);
        assert_eq!(ask(&mut client, PATH, &streamed(chat("gpt-6"))).status, 200);
        // What asked no model, and what was no request: the rest is there.
        assert_eq!(client.get("/v1/nothing").status, 405);
        client.send("GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n");
        assert_eq!(client.response().status, 400);
        wait::until("the records are written", || proxy.stdout().lines().count() >= 3);
        let said = proxy.stdout();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        if format == "text" {
            let wanted = "my.tokens=18 my.cost=0.000106625 my.model=\"gpt-6 of openai\" my.status=200 my.list=";
            assert!(lines[0].contains(wanted), "{said}");
            assert!(
                lines[1].contains(" my.status=405 ") && !lines[1].contains("my.cost"),
                "{said}"
            );
            assert!(lines[2].contains(" my.status=400 ") && !said.contains("my.user"), "{said}");
            continue;
        }
        let records: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        assert_eq!(records[0]["my.tokens"], 18);
        assert_eq!(records[0]["my.cost"], 0.000_106_625);
        assert_eq!(records[0]["my.model"], "gpt-6 of openai");
        assert_eq!(records[0]["my.list"], json!([1, "a"]));
        assert_eq!((&records[1]["my.status"], &records[1]["my.cost"]), (&json!(405), &Value::Null));
    }
}
