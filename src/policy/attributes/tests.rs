use super::{Attributes, Known, RequestPart, ResponsePart, Source};
use serde_json::{Map, Value};

use crate::base::clock::Instant;
use crate::base::id::KeyId;
use crate::http::exchange::{Cost, GenAi, Usage};
use crate::net::tls::Identity;
use crate::policy::api_key::ApiKey;
use crate::proto::http1::HeadLimits;
use crate::proto::http1::head::{RequestHead, ResponseHead};
use crate::route::rewrite::Scheme;

pub(in crate::policy) const REQUEST: &[u8] =
    b"POST /a/b?c=d&e HTTP/1.1\r\nHost: api.example:8443\r\n\
    X-Tenant: Blue\r\nAccept: text/html\r\nAccept: text/plain\r\nCookie: a=1\r\nCookie: b=2\r\n\
    X-Odd: \xff\r\nContent-Length: 0\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 503 Slow\r\nServer: origin\r\nX-Tenant: Red\r\nContent-Length: 0\r\n\r\n";

/// With the request above, and the response if one is wanted.
pub(in crate::policy) fn with_attributes<T>(
    response: bool,
    then: impl FnOnce(&Attributes<'_>) -> T,
) -> T {
    let limits = HeadLimits::default();
    let mut head = RequestHead::default();
    head.parse(REQUEST, &limits).expect("a request");
    let mut answer = ResponseHead::default();
    answer.parse(RESPONSE, &limits).expect("a response");
    let part = RequestPart {
        head: &head,
        bytes: REQUEST,
        scheme: Scheme::Https,
        path: b"/a/b",
        target: b"/a/b?c=d&e",
        body: Some(b"asked"),
        started: Instant::default(),
    };
    let response = response.then_some(ResponsePart {
        status: 503,
        head: Some((&answer, RESPONSE)),
        body: Some(b"told"),
    });
    let identity = identity();
    let address = Some("192.0.2.7:5555".parse().expect("an address"));
    let source = Source { address, identity: Some(&identity) };
    let keys = [key()];
    let (model, asked) = (gen_ai(), asked());
    let known = Known { keys: &keys, now: 0, key: Some(KeyId(0)) };
    let attributes = Attributes::new(part, response, source, 42).with(known);
    then(&attributes.of_model(Some(&model)).asking(&asked))
}

fn key() -> ApiKey {
    let metadata = serde_json::json!({
        "owner": "platform", "level": 3, "share": 0.5, "on": true, "none": null,
        "tags": ["a", "b"], "deep": { "er": { "still": "x" } },
    });
    ApiKey {
        name: "one".into(),
        team: Some("blue".into()),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        ..ApiKey::default()
    }
}

/// With another request, `\n` for each of its line ends.
pub(in crate::policy) fn with_request<T>(
    request: &str,
    then: impl FnOnce(&Attributes<'_>) -> T,
) -> T {
    let bytes = request.replace('\n', "\r\n");
    let mut head = RequestHead::default();
    head.parse(bytes.as_bytes(), &HeadLimits::default()).expect("a request");
    let bytes = bytes.as_bytes();
    let part = RequestPart {
        head: &head,
        bytes,
        scheme: Scheme::Http,
        path: b"/",
        target: b"/",
        body: None,
        started: Instant::default(),
    };
    then(&Attributes::new(part, None, Source::default(), 1))
}

/// All that can be known of a request for a model.
fn gen_ai() -> GenAi {
    let usage = Usage {
        input: Some(100),
        output: Some(20),
        cache_read: Some(30),
        cache_written: Some(4),
        reasoning: Some(5),
        input_audio: Some(6),
        output_audio: Some(7),
    };
    let cost = Cost { input: 1_250_000_000, output: 2_000_000_000, ..Cost::default() };
    GenAi {
        operation: "chat",
        provider: "openai".to_owned(),
        request_model: b"smart".to_vec(),
        response_model: b"gpt-6".to_vec(),
        usage,
        cost: Some(cost),
        first_token_nanos: Some(1_500_000),
        each_token_nanos: Some(20_000_000),
        ..GenAi::default()
    }
}

fn asked() -> Map<String, Value> {
    let body = serde_json::json!({
        "model": "team/gpt-6", "temperature": 0.5, "max_tokens": 10, "stream": true, "stop": null,
        "metadata": { "tier": "gold" }, "messages": [{ "role": "user", "content": "hello" }],
    });
    serde_json::from_value(body).expect("an object")
}

/// Of a workload, as its certificate has it.
fn identity() -> Identity {
    Identity {
        subject: "O=team,CN=client".into(),
        common_name: Some("client".into()),
        issuer: "CN=root".into(),
        dns_names: vec!["client.example".into()],
        uris: vec!["spiffe://domain/ns/space/sa/account".into()],
        addresses: vec!["192.0.2.7".parse().expect("an address")],
        ..Identity::default()
    }
}

#[test]
fn random_numbers_differ_and_a_uuid_looks_like_one() {
    with_attributes(false, |attributes| {
        assert_ne!(attributes.random(), attributes.random());
        let uuid = attributes.uuid();
        assert_eq!(uuid.len(), 36, "{uuid}");
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!(uuid.as_bytes()[14], b'4', "version of {uuid}");
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "variant of {uuid}");
        assert_ne!(uuid, attributes.uuid());
    });
}
