//! Models that stand for others: by weight, by priority, by what a request is. Whoever cannot
//! answer before the caller heard anything is followed by the next, and a storm is not made worse.

use loadtest::origin::Faults;

use super::*;

matrix! {
    who_cannot_answer_is_followed_by_the_next,
    when_all_have_too_much_to_do_the_caller_is_told,
    weights_conditions_and_names_in_names,
}

drivers! {
    a_first_token_that_does_not_come_is_somebody_elses,
    a_stream_that_began_is_nobody_elses,
    who_asks_to_be_left_alone_is,
    models_may_be_inner_and_for_some,
    each_model_is_told_by_its_name,
    the_last_answer_is_the_callers,
    groups_of_providers_stand_in_for_each_other,
    a_conversation_stays_where_it_began,
    a_large_prompt_is_sent_again,
    a_prompt_that_is_refused_half_way_is_sent_again,
}

const CHAT: &str = "/v1/chat/completions";
const RETRIES: &str = "agentgateway_retries_total";

/// A gateway with a model for each provider, `m0` on, and what stands for them.
struct Block {
    models: Vec<Value>,
    rest: Value,
}

impl Block {
    /// Each with what it is asked for there: `gpt-6@500` is refused.
    fn of(providers: &[(SocketAddr, &str)]) -> Self {
        let model = |(place, (at, sent)): (usize, &(SocketAddr, &str))| {
            let params = json!({ "hostOverride": at.to_string(), "model": sent });
            let provider = json!({ "reference": format!("p{place}") });
            json!({ "name": format!("m{place}"), "provider": provider, "params": params })
        };
        let provider = |place| json!({ "name": format!("p{place}"), "provider": "openAI" });
        let known: Vec<_> = (0..providers.len()).map(provider).collect();
        let models = providers.iter().enumerate().map(model).collect();
        Self { models, rest: json!({ "providers": known }) }
    }

    /// `v` fails over from one to the next.
    fn failover(mut self) -> Self {
        let targets = 0..self.models.len();
        let targets: Vec<_> =
            targets.map(|at| json!({ "model": format!("m{at}"), "priority": at })).collect();
        self.rest["virtualModels"] =
            json!([{ "name": "v", "routing": { "failover": { "targets": targets } } }]);
        self
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.rest[key] = value;
        self
    }

    fn start(self, cell: Cell) -> Proxy {
        self.start_with(cell, json!({}))
    }

    fn start_with(self, cell: Cell, frontend: Value) -> Proxy {
        let mut llm = json!({ "port": 0, "address": "127.0.0.1", "models": self.models });
        for (key, value) in self.rest.as_object().unwrap() {
            llm[key] = value.clone();
        }
        cell.start(&config().frontend(frontend).block("llm", llm))
    }
}

fn client(proxy: &Proxy) -> Client {
    Client::http1(*proxy.addresses().last().expect("the bind of the block"))
}

/// An answer that is whole, of the model that was asked in the end.
fn answered(answer: &Response, is_stream: bool) {
    assert_eq!(answer.status, 200, "{}", answer.body());
    match is_stream {
        true => {
            let body = answer.body();
            assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
            assert_eq!(body.matches("\"role\":\"assistant\"").count(), 1, "one answer: {body}");
        }
        false => assert_eq!(json_of(answer)["model"], "gpt-6"),
    }
}

fn who_cannot_answer_is_followed_by_the_next(cell: Cell) {
    let (good, at) = provider();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut expected = 0.0;
    let mut asked = 0;
    for bad in ["429", "500", "503", "close", "reset", "garbage", "html", "nobody"] {
        let (first, first_at) = match bad {
            "nobody" => (None, nobody),
            _ => {
                let (origin, at) = provider();
                (Some(origin), at)
            }
        };
        let proxy =
            Block::of(&[(first_at, &format!("gpt-6@{bad}")), (at, "gpt-6")]).failover().start(cell);
        let mut client = client(&proxy);
        for is_stream in [false, true] {
            let body = if is_stream { streamed(chat("v")) } else { chat("v") };
            answered(&ask(&mut client, CHAT, &body), is_stream);
            asked += 1;
            assert_eq!(good.counts().requests, asked, "{bad}");
        }
        // A request names the model that it asked for, and is one however often it was sent.
        let labels = [("gen_ai_request_model", "v"), ("gen_ai_response_model", "gpt-6")];
        proxy.await_metric(DURATION, &labels, 2.0);
        tokens(&proxy, "input", 16.0);
        let retries = proxy.metrics().sum(RETRIES, &[]);
        let tried = first.map_or(2.0, |first| first.counts().requests as f64);
        assert_eq!(retries, tried, "{bad}");
        expected += retries;
        drop(client);
        proxy.await_buffers(1);
    }
    assert!(expected >= 8.0, "the first of each was asked once at least");
}

fn when_all_have_too_much_to_do_the_caller_is_told(cell: Cell) {
    let limited = |seconds| {
        let faults = Faults {
            chances: vec![(1.0, "429".parse().unwrap())],
            retry_after_seconds: seconds,
            ..Faults::default()
        };
        start(Setup { faults, ..Setup::new(Kind::Llm(ten_tokens())) })
    };
    let ((first, at), (second, other)) = (limited(120), limited(60));
    let proxy = Block::of(&[(at, "gpt-6"), (other, "gpt-6")]).failover().start(cell);
    let mut client = client(&proxy);
    for turn in 0..20 {
        let (path, body, kind) = match turn % 2 {
            0 => (CHAT, streamed(chat("v")), "rate_limit_error"),
            _ => (CHAT, chat("v"), "rate_limit_error"),
        };
        let answer = ask(&mut client, path, &body);
        assert_eq!(answer.status, 429, "{}", answer.body());
        assert_eq!(json_of(&answer)["error"]["type"], kind);
        let wait: u64 = answer.field("retry-after").expect("when to come back").parse().unwrap();
        assert!((1..=60).contains(&wait), "the shortest of both: {wait}");
    }
    // Each was asked once: what it would say is known for as long as it said.
    assert_eq!((first.counts().requests, second.counts().requests), (1, 1));
    drop(client);
    proxy.await_buffers(1);
}

fn who_asks_to_be_left_alone_is(cell: Cell) {
    let faults = Faults {
        first: vec![Some("429".parse().unwrap())],
        retry_after_seconds: 300,
        ..Faults::default()
    };
    let (first, at) = start(Setup { faults, ..Setup::new(Kind::Llm(ten_tokens())) });
    let (second, other) = provider();
    let proxy = Block::of(&[(at, "gpt-6"), (other, "gpt-6")]).failover().start(cell);
    let mut client = client(&proxy);
    for _ in 0..5 {
        answered(&ask(&mut client, CHAT, &chat("v")), false);
    }
    assert_eq!((first.counts().requests, second.counts().requests), (1, 5));
    assert_eq!(proxy.metrics().sum(RETRIES, &[]), 1.0);
}

fn a_first_token_that_does_not_come_is_somebody_elses(cell: Cell) {
    // One says nothing at all, one no more than who speaks, and one ends before it says anything.
    let hangs = |first: &'static str| {
        Origin::script(move |visit| {
            visit.request()?;
            visit.wire.send(first)?;
            visit.until_closed();
            Ok(())
        })
    };
    const BEGUN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                         Transfer-Encoding: chunked\r\n\r\n31\r\ndata: \
                         {\"choices\":[{\"delta\":{\"role\":\"nobody\"}}]}\n\n";
    let (_good, at) = provider();
    for slow in [hangs(""), hangs(BEGUN)] {
        let proxy = Block::of(&[(slow.address(), "gpt-6"), (at, "gpt-6")])
            .failover()
            .with("firstTokenTimeout", json!("300ms"))
            .start(cell);
        let mut client = client(&proxy);
        let answer = ask(&mut client, CHAT, &streamed(chat("v")));
        answered(&answer, true);
        assert!(!answer.body().contains("nobody"));
        // Alone it is told in the caller's shape.
        let answer = ask(&mut client, CHAT, &streamed(chat("m0")));
        assert_eq!(answer.status, 504, "{}", answer.body());
        assert_eq!(json_of(&answer)["error"]["type"], "server_error");
        proxy.await_metric("agentgateway_retries_total", &[], 1.0);
        drop(client);
        proxy.await_buffers(1);
    }
    let (_cut, cut) = provider();
    for broken in ["gpt-6@truncate=0", "gpt-6@truncate=1", "gpt-6@cut=0"] {
        let proxy = Block::of(&[(cut, broken), (at, "gpt-6")]).failover().start(cell);
        let mut client = client(&proxy);
        answered(&ask(&mut client, CHAT, &streamed(chat("v"))), true);
        // Of the first nothing is billed.
        tokens(&proxy, "output", 10.0);
    }
}

fn a_stream_that_began_is_nobody_elses(cell: Cell) {
    let (_first, at) = provider();
    let (second, other) = provider();
    let proxy = Block::of(&[(at, "gpt-6@truncate=5"), (other, "gpt-6")])
        .failover()
        .with("firstTokenTimeout", json!("60s"))
        .start(cell);
    let mut client = client(&proxy);
    client.send(request(CHAT, &streamed(chat("v")).to_string()));
    let rest = client.wire.rest().unwrap_or_default();
    let text = String::from_utf8_lossy(&rest).into_owned();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("data: "), "{text}");
    assert!(!text.ends_with("0\r\n\r\n") && !text.contains("[DONE]"), "{text}");
    assert_eq!(second.counts().requests, 0);
    drop(client);
    proxy.await_buffers(1);
}

fn weights_conditions_and_names_in_names(cell: Cell) {
    let ((zero, at), (one, other)) = (provider(), provider());
    let virtuals = json!([
        { "name": "share", "routing": { "weighted": { "targets": [
            { "model": "m0", "weight": 3 }, { "model": "m1" },
        ] } } },
        { "name": "gold", "routing": { "conditional": { "targets": [
            { "when": "request.headers['x-tier'] == 'gold'", "model": "m1" },
            { "when": "request.body.contains('urgent')", "model": "m1" },
            { "model": "outer" },
        ] } } },
        { "name": "outer", "routing": { "failover": { "targets": [
            { "model": "broken", "priority": 1 }, { "model": "m0", "priority": 2 },
        ] } } },
        { "name": "broken", "routing": { "weighted": { "targets": [{ "model": "m2" }] } } },
    ]);
    let proxy = Block::of(&[(at, "gpt-6"), (other, "gpt-6"), (at, "gpt-6@500")])
        .with("virtualModels", virtuals)
        .start(cell);
    let mut client = client(&proxy);
    for _ in 0..80 {
        answered(&ask(&mut client, CHAT, &chat("share")), false);
    }
    let (first, second) = (zero.counts().requests, one.counts().requests);
    assert_eq!(first + second, 80);
    assert!(first > second && second > 0, "{first} to {second}");
    let body = chat("gold").to_string();
    let gold = |client: &mut Client, fields: &str, body: &str| {
        let text = String::from_utf8(request(CHAT, body)).unwrap();
        client.send(text.replacen("\r\n", &format!("\r\n{fields}"), 1));
        answered(&client.response(), false);
    };
    gold(&mut client, "X-Tier: gold\r\n", &body);
    gold(&mut client, "", &body.replace(PROMPT, "urgent"));
    assert_eq!((zero.counts().requests, one.counts().requests), (first, second + 2));
    // Neither: the one that is broken, and then the one behind it.
    gold(&mut client, "", &body);
    assert_eq!((zero.counts().requests, one.counts().requests), (first + 2, second + 2));
}

fn models_may_be_inner_and_for_some(cell: Cell) {
    let ((zero, at), (one, other)) = (provider(), provider());
    let mut block = Block::of(&[(at, "gpt-6"), (other, "gpt-6")]);
    block.models[0]["visibility"] = json!("internal");
    block.models[1]["name"] = json!("m");
    block.models[1]["matches"] =
        json!([{ "headers": [{ "name": "X-Team", "value": { "regex": "a.*" } }] }]);
    let mut all = block.models[0].clone();
    (all["name"], all["visibility"]) = (json!("m"), json!("public"));
    block.models.push(all);
    let targets = json!([{ "model": "m0" }]);
    let block = block.with(
        "virtualModels",
        json!([{ "name": "v", "routing": { "weighted": { "targets": targets } } }]),
    );
    let proxy = block.start(cell);
    let mut client = client(&proxy);
    assert_eq!(ask(&mut client, CHAT, &chat("m0")).status, 404);
    answered(&ask(&mut client, CHAT, &chat("v")), false);
    assert_eq!((zero.counts().requests, one.counts().requests), (1, 0));
    for (team, places) in [("a-team", (1, 1)), ("b-team", (2, 1))] {
        let text = String::from_utf8(request(CHAT, &chat("m").to_string())).unwrap();
        client.send(text.replacen("\r\n", &format!("\r\nX-Team: {team}\r\n"), 1));
        answered(&client.response(), false);
        assert_eq!((zero.counts().requests, one.counts().requests), places, "{team}");
    }
    let list = json_of(&client.get("/v1/models"));
    let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|m| &m["id"]).collect();
    assert_eq!(names, ["m", "v"]);
}

fn each_model_is_told_by_its_name(cell: Cell) {
    let (origin, at) = provider();
    let mut block = Block::of(&[(at, "gpt-6")]).failover();
    block.models[0]["name"] = json!("team/m 0");
    block.rest["virtualModels"][0]["routing"]["failover"]["targets"][0]["model"] =
        json!("team/m 0");
    let proxy = block.start(cell);
    let mut client = client(&proxy);
    for (path, id) in [("v", "v"), ("team/m%200", "team/m 0"), ("team%2Fm%200", "team/m 0")] {
        let model = client.get(&format!("/v1/models/{path}"));
        assert_eq!((model.status, &json_of(&model)["id"]), (200, &json!(id)));
        assert_eq!(json_of(&model)["object"], "model");
    }
    let unknown = client.get("/v1/models/other");
    assert_eq!(
        (unknown.status, &json_of(&unknown)["error"]["code"]),
        (404, &json!("model_not_found"))
    );
    let of = |client: &mut Client, id: &str| {
        client.ask(&format!(
            "GET /v1/models/{id} HTTP/1.1\r\nHost: a\r\nanthropic-version: 2023-06-01\r\n\r\n"
        ))
    };
    let (known, unknown) = (of(&mut client, "v"), of(&mut client, "w"));
    assert_eq!((known.status, &json_of(&known)["type"]), (200, &json!("model")));
    let error = json_of(&unknown);
    assert_eq!((unknown.status, &error["error"]["type"]), (404, &json!("not_found_error")));
    assert_eq!(origin.counts().requests, 0);
}

/// Who is last is not left unsent, whatever it says; nor is what no other could do better.
fn the_last_answer_is_the_callers(cell: Cell) {
    let ((first, at), (second, other)) = (provider(), provider());
    let proxy = Block::of(&[(at, "gpt-6@500"), (other, "gpt-6@503")]).failover().start(cell);
    let mut caller = client(&proxy);
    let answer = ask(&mut caller, CHAT, &chat("v"));
    let own = direct(other, CHAT, &chat("gpt-6@503").to_string());
    assert_eq!((answer.status, answer.body()), (503, own.body()));
    assert_eq!((first.counts().requests, second.counts().requests), (1, 2));
    let proxy = Block::of(&[(at, "gpt-6@400"), (other, "gpt-6")]).failover().start(cell);
    let mut caller = client(&proxy);
    assert_eq!(ask(&mut caller, CHAT, &chat("v")).status, 400);
    assert_eq!(second.counts().requests, 2, "a bad request is as bad with anybody");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Block::of(&[(nobody, "a"), (nobody, "b")]).failover().start(cell);
    let mut caller = client(&proxy);
    for _ in 0..5 {
        let answer = ask(&mut caller, CHAT, &chat("v"));
        assert_eq!(answer.status, 503, "{}", answer.body());
        assert_eq!(json_of(&answer)["error"]["type"], "server_error");
    }
}

fn groups_of_providers_stand_in_for_each_other(cell: Cell) {
    let wants = |key: &str| {
        let llm = Llm { key: Some(key.to_owned()), ..ten_tokens() };
        provider_with(llm, Pace::default())
    };
    let ((first, at), (second, other), (third, last)) =
        (provider(), wants("sk-second"), wants("sk-third"));
    let member = |name: &str, at: SocketAddr, model: &str| {
        json!({
            "name": name, "provider": { "openAI": { "model": model } },
            "hostOverride": at.to_string(),
        })
    };
    let mut own = member("third", last, "gpt-6");
    own["policies"] = json!({ "backendAuth": { "key": "sk-third" } });
    let groups = json!([
        { "providers": [member("first", at, "gpt-6@500")] },
        { "providers": [member("second", other, "gpt-6"), own] },
    ]);
    let backend = json!({
        "ai": { "groups": groups },
        "policies": { "backendAuth": { "key": "sk-second" } },
    });
    let proxy = cell.start(&config().route_with("/", json!({ "backends": [backend] })));
    let mut client = proxy.client();
    for turn in 1..=40 {
        answered(&ask(&mut client, CHAT, &chat("any")), false);
        // After three failures in a row the first is left out for a while.
        assert_eq!(second.counts().requests + third.counts().requests, turn);
    }
    wait::until("both of the second group are asked", || {
        answered(&ask(&mut client, CHAT, &chat("any")), false);
        second.counts().requests > 0 && third.counts().requests > 0
    });
    let all = first.counts().requests + second.counts().requests + third.counts().requests;
    assert!(
        first.counts().requests >= 3 && 2 * first.counts().requests < all,
        "{}",
        first.counts()
    );
    let to = |name| [("backend", name), ("status", "200")];
    let requests = "agentgateway_requests_total";
    let of_both = |metrics: &metrics::Metrics| {
        metrics.sum(requests, &to("second")) + metrics.sum(requests, &to("third"))
    };
    wait::until("both are counted by their names", || of_both(&proxy.metrics()) >= 40.0);
    drop(client);
    proxy.await_buffers(1);
}

/// Two addresses of one name: the same port on another address of loopback.
fn two_addresses() -> (Origin, Origin) {
    let origin = |name: &str| {
        let body = format!("{{\"model\":\"{name}\",\"choices\":[]}}");
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
        Origin::http1().answer(CHAT, format!("{head} {length}\r\n\r\n{body}"))
    };
    for _ in 0..50 {
        let first = origin("first").start();
        let address = SocketAddr::from(([127, 0, 0, 2], first.address().port()));
        if let Some(second) = origin("second").start_at(address) {
            return (first, second);
        }
    }
    panic!("no port is free on two addresses");
}

fn a_conversation_stays_where_it_began(cell: Cell) {
    let (first, _second) = two_addresses();
    let server = dns::NameServer::start(60);
    server.set("model.test", &[[127, 0, 0, 1].into(), [127, 0, 0, 2].into()]);
    let mut backend = ai("openAI", first.address());
    backend["ai"]["hostOverride"] = json!(format!("model.test:{}", first.address().port()));
    backend["policies"] = json!({ "loadBalancer": {
        "algorithm": "maglev", "hash": { "promptPrefix": "1KiB" },
    } });
    let dns = json!({
        "dns": { "lookupFamily": "V4Only" },
        "ringway": { "dns": { "servers": [server.address().to_string()] } },
    });
    let route = json!({ "backends": [backend] });
    let proxy = cell.start(&config().process(dns).route_with("/", route));
    let mut client = proxy.client();
    let mut places = Vec::new();
    for talk in 0..40 {
        let mut body = chat("m");
        body["messages"][0]["content"] = json!(format!("talk {talk}"));
        let mut turn = |body: &Value| json_of(&ask(&mut client, CHAT, body))["model"].to_string();
        let place = turn(&body);
        for said in ["more", "and more"] {
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(json!({ "role": "user", "content": said }));
            assert_eq!(turn(&body), place, "talk {talk}");
        }
        places.push(place);
    }
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 2, "conversations are spread");
}

fn a_large_prompt_is_sent_again(cell: Cell) {
    let ((_first, at), (_second, other)) = (provider(), provider());
    let proxy = Block::of(&[(at, "gpt-6@500"), (other, "gpt-6")]).failover().start(cell);
    let mut client = client(&proxy);
    let mut body = chat("v");
    body["messages"][0]["content"] = json!("word".repeat(250_000));
    for is_stream in [false, true] {
        let body = if is_stream { streamed(body.clone()) } else { body.clone() };
        answered(&ask(&mut client, CHAT, &body), is_stream);
    }
    tokens(&proxy, "input", 500_000.0);
    drop(client);
    proxy.await_buffers(1);
}

/// The answer comes before the body is through; that of the next is the caller's.
fn a_prompt_that_is_refused_half_way_is_sent_again(cell: Cell) {
    let refuses = Origin::script(|visit| {
        visit.head()?;
        visit.wire.send(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n",
        )?;
        visit.until_closed();
        Ok(())
    });
    let closes = Origin::script(|visit| visit.head().map(|_| ()));
    let (_good, at) = provider();
    for bad in [refuses, closes] {
        let block = Block::of(&[(bad.address(), "gpt-6"), (at, "gpt-6")]).failover();
        let proxy = block.start_with(cell, json!({ "http": { "maxBufferSize": 50_000_000 } }));
        let mut client = client(&proxy);
        let mut body = chat("v");
        body["messages"][0]["content"] = json!("word".repeat(4_000_000));
        answered(&ask(&mut client, CHAT, &body), false);
        // The connection goes on.
        answered(&ask(&mut client, CHAT, &chat("v")), false);
        drop(client);
        proxy.await_buffers(1);
    }
}
