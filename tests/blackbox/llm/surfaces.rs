//! Ways in beside those of OpenAI and Anthropic: native to who speaks the same, counted, and found
//! by their paths.

use super::dialects::{Completions, Converse, Gemini, Messages};
use super::translated::{custom, gateway_of_all};
use super::*;

matrix! {
    what_is_spoken_natively_passes_to_the_byte,
}

drivers! {
    geminis_array_is_an_array,
    tokens_are_estimated_where_nobody_counts,
    a_raw_prediction_has_its_model_in_the_path,
    models_in_paths_have_names_of_ours,
    a_rerank_is_passed_on,
    sound_and_pictures_are_passed_on_and_counted,
    errors_have_the_shape_of_the_path,
}

fn what_is_spoken_natively_passes_to_the_byte(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    let array = Gemini.path("gemini-4", true).replace("?alt=sse", "");
    let mut count = 0.0;
    for (own, path) in [
        (Gemini, Gemini.path("gemini-4", false)),
        (Gemini, Gemini.path("gemini-4", true)),
        (Gemini, array),
        (Converse, Converse.path("nova-3@think", false)),
        (Converse, Converse.path("nova-3@think", true)),
    ] {
        let body = own.body("", false, PROMPT);
        let answer = ask(&mut client, &format!("/to-{}{path}", own.word()), &body);
        let own = direct(at, &path, &body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body());
        assert_eq!(answer.bytes, own.bytes, "{path}");
        assert_eq!(answer.field("content-type"), own.field("content-type"));
        count += 1.0;
        tokens(&proxy, "input", count * 8.0);
        tokens(&proxy, "input_cache_read", count * 3.0);
    }
    // Two of them thought of eight tokens more.
    tokens(&proxy, "output", count * 10.0 + 16.0);
    proxy.await_metric(FIRST_TOKEN, &[], 3.0);
    proxy.await_metric(DURATION, &[("gen_ai_operation_name", "generate_content")], 3.0);
    proxy.await_metric(DURATION, &[("gen_ai_request_model", "nova-3@think")], 2.0);
}

fn geminis_array_is_an_array(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    let path = |model: &str| Gemini.path(model, true).replace("?alt=sse", "");
    let ask = |client: &mut Client, model: &str| {
        let path = format!("/to-completions{}", path(model));
        ask(client, &path, &Gemini.body("", true, PROMPT))
    };
    let answer = ask(&mut client, "gpt-6");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let list = json_of(&answer);
    let list = list.as_array().expect("a list");
    let part = |item: &Value| {
        item["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned()
    };
    let text: String = list.iter().map(part).collect();
    assert!(text.starts_with("The ring road goes round"), "{text}");
    assert_eq!(list.last().unwrap()["usageMetadata"]["promptTokenCount"], 8);
    let broken = ask(&mut client, "gpt-6@error=2");
    let list = json_of(&broken);
    assert!(list.as_array().unwrap().last().unwrap()["error"]["message"].is_string(), "{list}");
    tokens(&proxy, "output", 10.0);
}

fn tokens_are_estimated_where_nobody_counts(cell: Cell) {
    let (origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    let body = Messages.body("gpt-6", false, PROMPT);
    let answer = ask(&mut client, "/to-completions/v1/messages/count_tokens", &body);
    // Eight of the text, and four of what stands around it.
    assert_eq!((answer.status, json_of(&answer)), (200, json!({ "input_tokens": 12 })));
    let path = "/to-completions/v1beta/models/gpt-6:countTokens";
    let answer = ask(&mut client, path, &Gemini.body("", false, PROMPT));
    assert_eq!((answer.status, json_of(&answer)), (200, json!({ "totalTokens": 12 })));
    let wrong = ask(
        &mut client,
        "/to-completions/v1/messages/count_tokens",
        &json!({ "model": "m", "messages": 7 }),
    );
    assert_eq!((wrong.status, &json_of(&wrong)["type"]), (400, &json!("error")));
    assert_eq!(origin.counts().requests, 0, "nobody was asked");
    assert_eq!(proxy.metrics().sum(USAGE, &[]), 0.0, "and nobody pays");
}

fn a_raw_prediction_has_its_model_in_the_path(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&config().route_with("/", json!({ "backends": [ai("anthropic", at)] })));
    let mut client = proxy.client();
    let body = json!({
        "anthropic_version": "vertex-2023-10-16", "max_tokens": 100,
        "messages": [{ "role": "user", "content": PROMPT }],
    });
    let front = "/v1/projects/p/locations/global/publishers/anthropic/models";
    let answer = ask(&mut client, &format!("{front}/claude-5:rawPredict"), &body);
    assert_eq!((answer.status, &json_of(&answer)["model"]), (200, &json!("claude-5")));
    let answer = ask(&mut client, &format!("{front}/claude-5:streamRawPredict"), &body);
    let said = Messages.read_stream(&answer.bytes);
    assert!(said.is_complete && said.usage == Some((8, 10, 3)), "{said:?}");
    tokens(&proxy, "output", 20.0);
}

fn models_in_paths_have_names_of_ours(cell: Cell) {
    let (_origin, at) = provider();
    let policies = json!({ "ai": { "modelAliases": { "fast": "gemini-4-flash:1" } } });
    let route = json!({ "backends": [custom(Gemini, at)], "policies": policies });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let answer = ask(&mut client, &Gemini.path("fast", false), &Gemini.body("", false, PROMPT));
    // The stand-in takes what is behind the last colon for what is to be done.
    assert_eq!(json_of(&answer)["modelVersion"], "gemini-4-flash:1", "{}", answer.body());
    let answer = ask(&mut client, &Converse.path("fast", false), &Converse.body("", false, PROMPT));
    assert_eq!(answer.status, 200, "{}", answer.body());
    for path in ["/v1beta/models/..:generateContent", "/v1beta/models/%zz:generateContent"] {
        let answer = ask(&mut client, path, &Gemini.body("", false, PROMPT));
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
    }
}

fn json_reply(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn a_rerank_is_passed_on(cell: Cell) {
    let said = json!({
        "results": [{ "index": 0, "relevance_score": 0.9 }],
        "meta": { "billed_units": { "search_units": 1, "input_tokens": 7 } },
    });
    let origin = Origin::http1()
        .answer("/v2/rerank", json_reply(&said))
        .answer("/v1/rerank", json_reply(&said))
        .start();
    let proxy = cell.start(
        &config()
            .route_with("/", json!({ "backends": [ai("cohere", origin.address())] }))
            .route_with("/vllm", json!({ "backends": [ai("openAI", origin.address())] })),
    );
    let mut client = proxy.client();
    let body = json!({ "model": "rerank-4", "query": "q", "documents": ["a"] });
    for (turn, path) in ["/v1/rerank", "/v2/rerank", "/vllm/v1/rerank"].into_iter().enumerate() {
        let answer = ask(&mut client, path, &body);
        assert_eq!((answer.status, json_of(&answer)), (200, said.clone()), "{path}");
        tokens(&proxy, "input", (turn + 1) as f64 * 7.0);
    }
    assert_eq!(origin.last().head.first_line, "POST /v1/rerank HTTP/1.1");
    proxy.await_metric(DURATION, &[("gen_ai_operation_name", "rerank")], 3.0);
}

fn sound_and_pictures_are_passed_on_and_counted(cell: Cell) {
    let usage = json!({ "usage": { "input_tokens": 5, "output_tokens": 9, "total_tokens": 14 } });
    let mut origin = Origin::http1();
    for path in ["/v1/images/generations", "/v1/audio/transcriptions", "/v1/responses/compact"] {
        origin = origin.answer(path, json_reply(&usage));
    }
    let origin = origin.start();
    let proxy = cell
        .start(&config().route_with("/", json!({ "backends": [ai("openAI", origin.address())] })));
    let mut client = proxy.client();
    let body = json!({ "model": "image-2", "prompt": "a ring" });
    assert_eq!(ask(&mut client, "/v1/images/generations", &body).status, 200);
    tokens(&proxy, "output", 9.0);
    assert_eq!(ask(&mut client, "/v1/responses/compact", &body).status, 200);
    tokens(&proxy, "output", 18.0);
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\0\u{1}\r\n--b--\r\n";
    let length = form.len();
    client.send(format!(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\n\r\n{form}"
    ));
    assert_eq!(client.response().status, 200);
    tokens(&proxy, "output", 27.0);
}

fn errors_have_the_shape_of_the_path(cell: Cell) {
    let (_origin, at) = provider();
    let policies = json!({ "ai": { "modelAliases": { "fast": "gpt-6" } } });
    let route = json!({ "backends": [custom(Completions, at)], "policies": policies });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let post = |client: &mut Client, path: &str| {
        client.send(request(path, "{"));
        client.response()
    };
    let answer = post(&mut client, &Gemini.path("m", false));
    let error = json_of(&answer);
    assert_eq!((answer.status, &error["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    assert_eq!(error["error"]["code"], 400);
    let answer = post(&mut client, &Converse.path("m", true));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.field("x-amzn-errortype"), Some("ValidationException"));
    assert!(json_of(&answer)["message"].is_string());
}
