//! What may be used of models: never more than a budget and one request, whoever asks and however
//! many at once; and what was used is known after a restart, an upgrade and a kill.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use loadtest::origin::{Llm, Pace};
use serde_json::{Value, json};

use crate::harness::*;
use crate::keys::{ask_with, bearer};
use crate::llm::{ai, chat, json_of, messages, provider, provider_with, streamed, ten_tokens};

matrix! {
    a_budget_is_exact_under_load,
}

drivers! {
    keys_teams_and_models_have_budgets,
    a_period_ends_and_another_begins,
    dollars_are_spent_by_the_catalogue,
    a_restart_forgets_nothing,
    a_kill_forgets_an_interval,
    an_upgrade_keeps_what_was_used,
    a_store_that_cannot_be_read_is_told_of,
    a_disk_that_is_full_is_told_of,
    streams_and_refused_requests_cost_what_they_should,
}

const PATH: &str = "/v1/chat/completions";
/// What each request of these tests uses: 8 of the question, 10 of the answer.
const EACH: u64 = 18;

fn short(model: &str) -> Value {
    let mut body = chat(model);
    body["max_tokens"] = json!(10);
    body
}

/// Two keys of one team, of which the first has these budgets.
fn gateway(at: std::net::SocketAddr, budgets: Value) -> config::Config {
    let keys = json!([
        { "key": "sk-one", "name": "one", "team": "blue", "budgets": budgets },
        { "key": "sk-two", "name": "two", "team": "blue" },
    ]);
    let policies = json!({ "apiKey": { "mode": "strict", "keys": keys } });
    config()
        .route_with("/", json!({ "policies": policies, "backends": [ai("openAI", at)] }))
        .route_with(
            "/v1/messages",
            json!({ "policies": policies, "backends": [ai("anthropic", at)] }),
        )
}

fn kept(config: config::Config, store: &Path, interval: &str) -> config::Config {
    let budgets = json!({ "store": store, "flushInterval": interval });
    config.process(json!({ "ringway": { "budgets": budgets } }))
}

fn month(tokens: u64) -> Value {
    json!([{ "tokens": tokens, "period": "month" }])
}

fn budgets(proxy: &Proxy) -> Value {
    json_of(&Client::http1(proxy.admin()).get("/budgets"))
}

fn used(proxy: &Proxy, name: &str) -> u64 {
    let all = budgets(proxy);
    let list = all["budgets"].as_array().expect("a list");
    let found = list.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {all}"))["tokens"]["used"].as_u64().expect("a number")
}

fn await_used(proxy: &Proxy, name: &str, wanted: u64) {
    wait::equal(name, || (used(proxy, name), wanted));
}

fn ask(client: &mut Client, key: &str, model: &str) -> u16 {
    ask_with(client, PATH, &short(model), &bearer(key)).status
}

/// Asks until it is over, and counts who is let in and who is refused.
fn offer(proxy: &Proxy, is_over: &AtomicBool, [let_in, refused]: [&AtomicU32; 2]) {
    let mut client = proxy.client();
    while !is_over.load(Ordering::SeqCst) {
        match ask(&mut client, "sk-one", "gpt-6") {
            200 => let_in.fetch_add(1, Ordering::SeqCst),
            429 => refused.fetch_add(1, Ordering::SeqCst),
            other => panic!("{other}"),
        };
    }
}

fn a_budget_is_exact_under_load(cell: Cell) {
    const FIT: u64 = 10;
    let (origin, at) = provider();
    // The last that is let in goes over it.
    let limit = FIT * EACH - 5;
    let proxy = cell.start(&gateway(at, month(limit)));
    let (let_in, refused) = (AtomicU32::new(0), AtomicU32::new(0));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| offer(&proxy, &is_over, [&let_in, &refused]));
        }
        wait::until("it is used up", || used(&proxy, "key:one/month") >= limit);
        // And some more, of everybody.
        let so_far = refused.load(Ordering::SeqCst);
        wait::until("all are refused", || refused.load(Ordering::SeqCst) > so_far + 50);
        is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(u64::from(let_in.load(Ordering::SeqCst)), FIT);
    assert_eq!(origin.counts().requests, FIT);
    assert_eq!(used(&proxy, "key:one/month"), FIT * EACH);
    assert_eq!(budgets(&proxy)["budgets"][0]["tokens"]["reserved"], 0);

    let mut client = proxy.client();
    let answer = ask_with(&mut client, PATH, &short("gpt-6"), &bearer("sk-one"));
    let error = &json_of(&answer)["error"];
    assert_eq!((answer.status, &error["type"]), (429, &json!("budget_exceeded")));
    assert_eq!(error["code"], "budget_exceeded");
    let wait = answer.field("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(wait.is_some_and(|seconds| (1..=31 * 86_400).contains(&seconds)), "{wait:?}");
    assert_eq!(answer.field("x-should-retry"), Some("false"));
    let answer = ask_with(&mut client, "/v1/messages", &messages("claude-5"), &bearer("sk-one"));
    let told = json_of(&answer);
    assert_eq!((answer.status, &told["error"]["type"]), (429, &json!("rate_limit_error")));
    assert_eq!(ask(&mut client, "sk-two", "gpt-6"), 200, "another's key");
    // Nobody pays to see the list.
    let list = format!("GET /v1/models HTTP/1.1\r\nHost: a\r\n{}\r\n", bearer("sk-one"));
    assert_eq!(client.ask(&list).status, 200);

    let of = [("budget", "key:one/month")];
    let with_unit = [of[0], ("unit", "tokens")];
    proxy.await_metric("ringway_budget_used", &with_unit, (FIT * EACH) as f64);
    proxy.await_metric("ringway_budget_limit", &with_unit, limit as f64);
    let all = f64::from(refused.load(Ordering::SeqCst)) + 2.0;
    proxy.await_metric("ringway_budget_denials_total", &of, all);
    let labels = [("status", "429"), ("reason", "RateLimit")];
    proxy.await_metric("agentgateway_requests_total", &labels, all);
}

fn keys_teams_and_models_have_budgets(cell: Cell) {
    let (_origin, at) = provider();
    let limits = json!([
        { "team": "blue", "tokens": 5 * EACH, "period": "day" },
        { "model": "dear-*", "tokens": 1, "period": "week" },
        { "name": "all", "usd": 1000, "period": "never" },
    ]);
    let limits = json!({ "ringway": { "budgets": { "limits": limits } } });
    let proxy = cell.start(&gateway(at, month(2 * EACH)).process(limits));
    let mut client = proxy.client();
    let mut ask = |key: &str, model: &str| ask(&mut client, key, model);
    assert_eq!(ask("sk-one", "dear-1"), 200);
    assert_eq!(ask("sk-two", "dear-2"), 429, "one model for all");
    assert_eq!(ask("sk-one", "gpt-6"), 200);
    assert_eq!(ask("sk-one", "gpt-6"), 429, "the key's own");
    assert_eq!([(); 4].map(|()| ask("sk-two", "gpt-6")), [200, 200, 200, 429], "the team's");
    for (name, tokens) in
        [("key:one/month", 2), ("team:blue/day", 5), ("model:dear-*/week", 1), ("all", 5)]
    {
        assert_eq!(used(&proxy, name), tokens * EACH, "{name}");
    }
    let listed = budgets(&proxy);
    assert_eq!(
        (&listed["store"]["kept"], &listed["budgets"][3]["usd"]["limit"]),
        (&json!(false), &json!(1000.0))
    );
    assert_eq!(listed["budgets"][3]["resetsAt"], Value::Null);
    assert!(proxy.stderr().contains("is forgotten with this process"), "{}", proxy.stderr());
    // An operator has a heart.
    let mut admin = Client::http1(proxy.admin());
    for (path, status) in [
        ("/budgets/reset?name=team%3Ablue%2Fday", 200),
        ("/budgets/reset?name=none", 404),
        ("/budgets/reset", 400),
    ] {
        assert_eq!(admin.post(path, b"").status, status, "{path}");
    }
    assert_eq!(admin.get("/budgets/reset?name=all").status, 405);
    assert_eq!(used(&proxy, "team:blue/day"), 0);
    assert_eq!([(); 2].map(|()| ask("sk-two", "gpt-6")), [200, 200]);
    assert_eq!(used(&proxy, "all"), 7 * EACH);
}

fn a_period_ends_and_another_begins(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at, json!([{ "tokens": 1, "period": "2s" }])));
    let mut client = proxy.client();
    for _ in 0..2 {
        wait::until("there is another budget", || ask(&mut client, "sk-one", "gpt-6") == 200);
        let refused = wait::eventually("it is used up", || {
            let answer = ask_with(&mut client, PATH, &short("gpt-6"), &bearer("sk-one"));
            (answer.status == 429).then_some(answer)
        });
        let wait = refused.field("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(wait.is_some_and(|seconds| (1..=2).contains(&seconds)), "{wait:?}");
    }
}

fn a_restart_forgets_nothing(cell: Cell) {
    let (_origin, at) = provider();
    let folder = scratch::Scratch::new();
    // Only the end writes.
    let config =
        kept(gateway(at, month(3 * EACH)), &folder.path("b.redb"), "1h").drain("0s", "10s");
    for turn in 1..=3 {
        let mut proxy = cell.start(&config);
        assert_eq!(used(&proxy, "key:one/month"), (turn - 1) * EACH);
        assert_eq!(ask(&mut proxy.client(), "sk-one", "gpt-6"), 200);
        await_used(&proxy, "key:one/month", turn * EACH);
        proxy.drain();
        assert_eq!(proxy.wait_for_exit(wait::PATIENCE).code(), Some(0));
    }
    let proxy = cell.start(&config);
    assert_eq!(ask(&mut proxy.client(), "sk-one", "gpt-6"), 429);
    // It is gone from the configuration, and comes back.
    proxy.reload(&kept(gateway(at, json!([])), &folder.path("b.redb"), "1h"));
    assert_eq!(ask(&mut proxy.client(), "sk-one", "gpt-6"), 200);
    proxy.reload(&config);
    assert_eq!(used(&proxy, "key:one/month"), 3 * EACH);
    assert_eq!(ask(&mut proxy.client(), "sk-one", "gpt-6"), 429);
}

fn a_kill_forgets_an_interval(cell: Cell) {
    let (_origin, at) = provider();
    let folder = scratch::Scratch::new();
    let config = kept(gateway(at, month(1000)), &folder.path("b.redb"), "50ms");
    let mut spent = 0;
    for _ in 0..3 {
        let mut proxy = cell.start(&config);
        assert_eq!(used(&proxy, "key:one/month"), spent);
        assert_eq!(ask(&mut proxy.client(), "sk-one", "gpt-6"), 200);
        spent += EACH;
        // Another process with the same store knows of it once it is written.
        let other = cell.start(&config);
        await_used(&other, "key:one/month", spent);
        proxy.signal("KILL");
        proxy.wait_for_exit(wait::PATIENCE);
        assert_eq!(ask(&mut other.client(), "sk-one", "gpt-6"), 200);
        spent += EACH;
        let third = cell.start(&config);
        await_used(&third, "key:one/month", spent);
        other.signal("KILL");
    }
}

fn an_upgrade_keeps_what_was_used(cell: Cell) {
    // A second and a half for an answer.
    let llm = Llm { tokens_per_second: 7.0, ..ten_tokens() };
    let (_origin, at) = provider_with(llm, Pace::default());
    let folder = scratch::Scratch::new();
    let config =
        kept(gateway(at, month(10 * EACH)), &folder.path("b.redb"), "50ms").drain("0s", "60s");
    let proxy = cell.start(&config);
    assert_eq!(ask(&mut proxy.client(), "sk-one", "gpt-6"), 200);
    for turn in 1..=2 {
        // One that is begun in the old process and ends there.
        let (mut client, body) = (proxy.client(), streamed(short("gpt-6")));
        let stream = std::thread::spawn(move || {
            let answer = ask_with(&mut client, PATH, &body, &bearer("sk-one"));
            (answer.status, answer.body().contains("[DONE]"))
        });
        wait::until("it has begun", || {
            budgets(&proxy)["budgets"][0]["tokens"]["reserved"].as_u64() > Some(0)
        });
        let serving = proxy.upgrade(&[]).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(ask(&mut proxy.client(), "sk-one", "gpt-6"), 200);
        assert_eq!(stream.join().expect("it ends"), (200, true));
        proxy.await_alone(serving);
        await_used(&proxy, "key:one/month", (2 * turn + 1) * EACH);
    }
    let said = proxy.stderr();
    assert!(!said.contains("ERROR") && !said.contains("panicked"), "{said}");
}

fn store_errors(proxy: &Proxy) -> f64 {
    proxy.metrics().sum("ringway_budget_store_errors_total", &[])
}

fn a_store_that_cannot_be_read_is_told_of(cell: Cell) {
    let (_origin, at) = provider();
    let folder = scratch::Scratch::new();
    let rubbish = "no database ".repeat(1000);
    let store = folder.replace("b.redb", &rubbish);
    let config = kept(gateway(at, month(2 * EACH)), &store, "50ms");
    let proxy = cell.start(&config);
    assert_eq!((proxy.ready_status(), &budgets(&proxy)["store"]["healthy"]), (200, &json!(false)));
    let mut client = proxy.client();
    // Counted in memory.
    assert_eq!([(); 3].map(|()| ask(&mut client, "sk-one", "gpt-6")), [200, 200, 429]);
    wait::until("it is counted", || store_errors(&proxy) >= 2.0);
    assert!(proxy.stderr().contains("kept in memory alone"), "{}", proxy.stderr());
    assert_eq!(scratch::read(&store), rubbish, "it is left as it was");
    // Where that is wanted nobody is let in.
    let closed = json!({ "ringway": { "budgets": { "failureMode": "failClosed" } } });
    proxy.reload(&config.clone().process(closed));
    let answer = ask_with(&mut client, PATH, &short("gpt-6"), &bearer("sk-one"));
    assert_eq!(
        (answer.status, json_of(&answer)["error"]["type"].as_str()),
        (503, Some("server_error"))
    );
    assert_eq!(ask(&mut client, "sk-two", "gpt-6"), 200, "no budget is for that one");
    // Once it can be written what was counted is in it.
    std::fs::remove_file(&store).unwrap();
    wait::until("it is written again", || ask(&mut client, "sk-one", "gpt-6") == 429);
    wait::until("it says so", || budgets(&proxy)["store"]["healthy"] == true);
    let next = cell.start(&config);
    await_used(&next, "key:one/month", 2 * EACH);
}

fn a_disk_that_is_full_is_told_of(cell: Cell) {
    let (_origin, at) = provider();
    let folder = scratch::Scratch::new();
    let store = folder.path("b.redb");
    let text = kept(gateway(at, month(2 * EACH)), &store, "50ms").text();
    let file = folder.replace(proxy::FILE, &text);
    // No file of the process may have more than a block: to write more fails, as on a full disk.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_ringway"), "-f"]);
    command.arg(file).args(["--announce", "--workers", "1"]);
    command.env_remove("STATE_DIRECTORY").env("RINGWAY_DRIVER", cell.driver);
    let proxy = Proxy::start(command, scratch::Scratch::new());
    let mut client = proxy.client();
    assert_eq!([(); 3].map(|()| ask(&mut client, "sk-one", "gpt-6")), [200, 200, 429]);
    wait::until("it is counted", || store_errors(&proxy) >= 2.0);
    assert_eq!((proxy.ready_status(), &budgets(&proxy)["store"]["healthy"]), (200, &json!(false)));
    let said = proxy.stderr();
    assert_eq!(said.matches("kept in memory alone").count(), 1, "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

fn streams_and_refused_requests_cost_what_they_should(cell: Cell) {
    let llm = Llm { tokens_per_second: 20.0, tokens: 2000, ..ten_tokens() };
    let (_slow, slow) = provider_with(llm, Pace::default());
    let (_origin, at) = provider();
    let keys = json!([{ "key": "sk-one", "name": "one", "budgets": month(1_000_000) }]);
    let policies = json!({ "apiKey": { "mode": "strict", "keys": keys } });
    let to = |at| json!({ "policies": policies, "backends": [ai("openAI", at)] });
    let proxy = cell.start(&config().route_with("/", to(at)).route_with("/slow", to(slow)));
    let name = "key:one/month";
    let mut client = proxy.client();
    let answer = ask_with(&mut client, PATH, &streamed(short("gpt-6")), &bearer("sk-one"));
    assert_eq!(answer.status, 200);
    await_used(&proxy, name, EACH);
    // What is refused costs nothing, by us or by the provider.
    let mut bad = short("gpt-6");
    bad["stream"] = json!("yes");
    assert_eq!(ask_with(&mut client, PATH, &bad, &bearer("sk-one")).status, 400);
    assert_eq!(
        ask_with(&mut client, PATH, &json!({ "model": "gpt-6" }), &bearer("sk-one")).status,
        400
    );
    assert_eq!(used(&proxy, name), EACH);
    // Who leaves in the middle of a stream pays for what came, though nobody told what that was.
    let mut body = streamed(chat("gpt-6"));
    body["max_tokens"] = json!(2000);
    let text = String::from_utf8(crate::llm::request(&format!("/slow{PATH}"), &body.to_string()));
    client.send(text.unwrap().replacen("\r\n", &format!("\r\n{}", bearer("sk-one")), 1));
    assert_eq!(client.head().status().unwrap(), 200);
    let reserved = || budgets(&proxy)["budgets"][0]["tokens"]["reserved"].as_u64().unwrap_or(0);
    assert!(reserved() >= 2000, "{}", reserved());
    wait::rest(Duration::from_millis(300));
    drop(client);
    wait::until("nothing is held any more", || reserved() == 0);
    let paid = used(&proxy, name) - EACH;
    assert!((9..2000).contains(&paid), "{paid}");
}

/// Of money what the catalogue of prices says is used, to the billionth of a dollar.
fn dollars_are_spent_by_the_catalogue(cell: Cell) {
    let (_origin, at) = provider();
    let gpt = json!({ "rates": { "input": "1.25", "output": "10", "cacheRead": "0.125" } });
    let catalog = json!({ "providers": { "openai": { "models": { "gpt-6*": gpt } } } });
    // 5 x 1250 + 3 x 125 + 10 x 10000 billionths a request: three fit, and the fourth goes over it.
    let limit = json!([{ "usd": 0.00035, "period": "month" }]);
    let catalog = json!([{ "inline": catalog }]);
    let proxy = cell.start(&gateway(at, limit).process(json!({ "modelCatalog": catalog })));
    let mut client = proxy.client();
    let answers: Vec<u16> = (0..6).map(|_| ask(&mut client, "sk-one", "gpt-6")).collect();
    assert_eq!(answers, [200, 200, 200, 200, 429, 429]);
    assert_eq!(ask(&mut client, "sk-two", "gpt-6"), 200, "another key");
    let spent = || {
        let all = budgets(&proxy);
        let one =
            all["budgets"].as_array().unwrap().iter().find(|one| one["name"] == "key:one/month");
        one.unwrap()["usd"]["used"].to_string()
    };
    wait::equal("what was spent", || {
        (spent().trim_matches('"').to_owned(), "0.0004265".to_owned())
    });
}
