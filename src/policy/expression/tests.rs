use super::Expression;
use serde_json::json;

use crate::config::expression::vocabulary::{FUNCTIONS, Kind, Variable};
use crate::config::expression::{Wants, When, faults};
use crate::policy::attributes::tests::{with_attributes, with_request};

/// What it writes for the request and response of the tests; none when it fails.
fn written(text: &str) -> Option<String> {
    let wrong = faults(text, Wants::Text, When::Response);
    assert!(wrong.is_empty(), "{text}: {wrong:?}");
    let expression = Expression::compile(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    with_attributes(true, |attributes| {
        let mut out = b"before".to_vec();
        let written = expression.write(attributes, &mut out);
        assert_eq!(attributes.failures(), u32::from(!written), "{text}");
        assert!(written || out == b"before", "{text}: a failure leaves nothing");
        written.then(|| String::from_utf8(out.split_off(6)).expect("text"))
    })
}

#[test]
fn values_are_what_the_heads_say() {
    let cases = [
        ("request.method", "POST"),
        ("request.path", "/a/b"),
        ("request.pathAndQuery", "/a/b?c=d&e"),
        ("request.host", "api.example"),
        ("request.scheme", "https"),
        ("request.version", "HTTP/1.1"),
        ("request.uri", "https://api.example:8443/a/b?c=d&e"),
        ("request.headers['x-tenant']", "Blue"),
        ("request.headers['X-TENANT']", "Blue"),
        ("request.headers.accept", "text/html, text/plain"),
        ("request.headers.cookie", "a=1; b=2"),
        ("request.headers['x-odd']", "\u{fffd}"),
        ("response.code", "503"),
        ("response.headers['x-tenant']", "Red"),
        ("source.address", "192.0.2.7"),
        ("source.port", "5555"),
        ("source.subject", "O=team,CN=client"),
        ("source.issuer", "CN=root"),
        ("source.subjectCn", "client"),
        ("source.spiffeId", "spiffe://domain/ns/space/sa/account"),
        ("source.identity.trustDomain", "domain"),
        ("source.identity.namespace", "space"),
        ("source.identity.serviceAccount", "account"),
        ("has(source.identity)", "true"),
        ("default(source.identity.namespace, 'none')", "space"),
        ("default(source.subjectAltNames[9], 'none')", "none"),
        ("default(source.subjectAltNames[0], 'none')", "client.example"),
        ("source.subjectAltNames[0]", "client.example"),
        ("source.subjectAltNames.exists(name, name.startsWith('spiffe:'))", "true"),
        ("source.subjectAltNames.size()", "3"),
        ("apiKey.name + apiKey.team + apiKey.owner", "oneblueplatform"),
        ("apiKey.level + 1", "4"),
        ("apiKey.share * 2.0", "1"),
        ("apiKey.on", "true"),
        ("apiKey.none == null", "true"),
        ("'b' in apiKey.tags", "true"),
        ("apiKey.tags[0] + string(size(apiKey.tags))", "a2"),
        ("apiKey.deep.er.still", "x"),
        ("has(apiKey.deep) && !has(apiKey.deep.other) && !has(apiKey.other)", "true"),
        ("default(apiKey.other, 'none')", "none"),
    ];
    for (text, expected) in cases {
        assert_eq!(written(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn functions_do_what_they_say() {
    let cases = [
        ("request.path.contains('/b')", "true"),
        ("request.path.startsWith('/b')", "false"),
        ("request.path.endsWith('/b')", "true"),
        ("request.path.matches('^/[ab]/')", "true"),
        ("request.path.matches('^b')", "false"),
        ("request.path.regexReplace('/([a-z])', '-$1')", "-a-b"),
        ("request.headers['x-tenant'].lowerAscii()", "blue"),
        ("request.headers['x-tenant'].upperAscii()", "BLUE"),
        ("'  x '.trim() + '.'", "x."),
        ("request.path.stripPrefix('/a')", "/b"),
        ("request.path.stripPrefix('/x')", "/a/b"),
        ("request.path.stripSuffix('/b')", "/a"),
        ("request.path.split('/')[2]", "b"),
        ("size(request.path.split('/'))", "3"),
        ("size(request.headers) > 3", "true"),
        ("request.path.size()", "4"),
        ("cidr('192.0.2.1/24').containsIP(source.address)", "true"),
        ("cidr('10.0.0.0/8').containsIP(source.address)", "false"),
        ("random() >= 0.0 && random() < 1.0", "true"),
        ("random() == random()", "false"),
        ("uuid().size()", "36"),
        ("default(request.headers['x-none'], 'none')", "none"),
        ("default(request.headers.none, request.method)", "POST"),
        ("default(request.headers['x-tenant'], 'none')", "Blue"),
        ("request.headers[?'x-none'].orValue('none')", "none"),
        ("request.headers[?'x-none'].hasValue()", "false"),
        ("request.headers[?'x-tenant'].value()", "Blue"),
        ("has(request.headers.accept)", "true"),
        ("has(request.headers.none)", "false"),
        ("'x-tenant' in request.headers", "true"),
        ("request.method in ['GET', 'POST']", "true"),
        ("request.headers.exists(name, name.startsWith('x-te'))", "true"),
        ("request.headers.all(name, name.size() > 30)", "false"),
        ("size([1, 2, 3].filter(n, n > 1))", "2"),
        ("size(['a', 'b'].map(x, x + '!'))", "2"),
        ("[1, 2].exists_one(n, n == 2)", "true"),
        ("request.headers.none == 'a' || request.method == 'POST'", "true"),
        ("response.code >= 500 ? 'bad' : 'good'", "bad"),
        ("string(response.code) + request.path", "503/a/b"),
        ("int('7') + 1", "8"),
        ("uint('7') + 1u", "8"),
        ("double('0.5') * 2.0", "1"),
        ("bool('true')", "true"),
        ("string(bytes('ab'))", "ab"),
        ("type(1) == int", "true"),
        ("dyn('a') == 'a'", "true"),
    ];
    for (text, expected) in cases {
        assert_eq!(written(text).as_deref(), Some(expected), "{text}");
    }
    for function in FUNCTIONS {
        let named = format!("{}(", function.name);
        let tried = cases.iter().any(|(text, _)| text.contains(&named));
        assert!(tried, "nobody tries `{}`", function.name);
    }
}

#[test]
fn every_field_of_the_vocabulary_has_a_value() {
    for variable in Variable::ALL.into_iter().chain([Variable::Identity, Variable::Cost]) {
        for (field, kind) in variable.fields() {
            let text = match kind {
                Kind::Headers | Kind::List => format!("size({}.{field}) > 0", variable.name()),
                Kind::Record(_) => format!("has({}.{field})", variable.name()),
                _ => format!("{}.{field}", variable.name()),
            };
            assert!(written(&text).is_some(), "{text}");
        }
    }
}

#[test]
fn values_of_json_go_in_and_out() {
    for (text, expected) in [
        ("llmRequest.model.stripPrefix('team/')", json!("gpt-6")),
        ("llmRequest.max_tokens", json!(10)),
        ("llmRequest.max_tokens > 5 ? 5 : llmRequest.max_tokens", json!(5)),
        ("llmRequest.temperature * 2.0", json!(1.0)),
        ("llmRequest.stream", json!(true)),
        ("llmRequest.stop", json!(null)),
        ("llmRequest.messages", json!([{ "role": "user", "content": "hello" }])),
        ("llmRequest.messages[0].content.size()", json!(5)),
        ("llmRequest.messages.map(m, m.role)", json!(["user"])),
        ("llmRequest.metadata", json!({ "tier": "gold" })),
        ("llmRequest.metadata.tier == 'gold'", json!(true)),
        ("llmRequest['model']", json!("team/gpt-6")),
        ("has(llmRequest.tools)", json!(false)),
        ("has(llmRequest.model) && 'model' in llmRequest", json!(true)),
        ("default(llmRequest.tools, [])", json!([])),
        ("default(llmRequest.metadata.cost, 'none')", json!("none")),
        ("default(llmRequest.metadata.tier, 'none')", json!("gold")),
        ("size(llmRequest)", json!(7)),
        (
            "{'type': 'json_schema', 'deep': {'a': [1, 2u, 0.5, null]}}",
            json!({ "deep": { "a": [1, 2, 0.5, null] }, "type": "json_schema" }),
        ),
        ("request.headers['x-tenant']", json!("Blue")),
        ("llm.requestModel + '/' + llm.provider", json!("smart/openai")),
        ("llm.totalTokens", json!(120)),
        ("llm.cost.total", json!(0.00325)),
        ("llm.timeToFirstToken", json!("1.5ms")),
    ] {
        let expression = Expression::compile(text).expect("an expression");
        let made = with_attributes(true, |attributes| expression.json(attributes));
        assert_eq!(made, Some(expected), "{text}");
    }
    for text in
        ["llmRequest.tools", "llmRequest.model.x", "{1: 2}", "0.0 / 0.0", "cidr('10.0.0.0/8')"]
    {
        let expression = Expression::compile(text).expect("an expression");
        assert_eq!(with_attributes(true, |attributes| expression.json(attributes)), None, "{text}");
    }
    // Of a request that asks no model there is nothing.
    let request = "GET / HTTP/1.1\nHost: a\n\n";
    for text in ["llm.requestModel", "llmRequest.model"] {
        let expression = Expression::compile(text).expect("an expression");
        assert_eq!(with_request(request, |attributes| expression.json(attributes)), None, "{text}");
    }
}

#[test]
fn what_fails_gives_nothing() {
    for text in [
        "request.headers['x-none']",
        "request.headers['x-none'] == 'a'",
        "request.headers['x-tenant'].split('')[0]",
        "request.path.split('/')[9]",
        "cidr('10.0.0.0/8').containsIP(request.path)",
        "int(request.path)",
        "1 / (response.code - 503)",
        // 2^16 bytes.
        "[1,2,3,4].map(x, 'aaaaaaaaaaaaaaaa')[0] + request.path.regexReplace('', \
         'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')\
         .regexReplace('', \
         'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')",
    ] {
        assert_eq!(written(text), None, "{text}");
    }
}

#[test]
fn a_condition_that_fails_is_false() {
    let holds = |text: &str| {
        let condition = Expression::compile(text).expect("an expression");
        with_attributes(false, |attributes| condition.holds(attributes))
    };
    assert!(holds("request.method == 'POST'"));
    assert!(!holds("request.method == 'GET'"));
    assert!(!holds("request.headers['x-none'] == 'a'"));
    assert!(!holds("dyn(1)"));
    // A request has no response yet.
    assert!(!holds("response.code == 503"));
}

/// Who came without a certificate has no name, and no part of one.
#[test]
fn a_source_without_a_certificate_is_nobody() {
    let request = "GET / HTTP/1.1\nHost: a\n\n";
    let truth = |text: &str| {
        let condition = Expression::compile(text).expect("an expression");
        with_request(request, |attributes| condition.truth(attributes))
    };
    for (field, _) in Variable::Source.fields().iter().skip(2) {
        assert_eq!(truth(&format!("has(source.{field})")), Some(false), "{field}");
        assert_eq!(truth(&format!("source.{field} == source.{field}")), None, "{field}");
    }
    assert_eq!(truth("source.identity.namespace == 'space'"), None);
    for field in ["subject", "identity.namespace", "subjectAltNames[0]"] {
        let text = format!("default(source.{field}, 'nobody') == 'nobody'");
        assert_eq!(truth(&text), Some(true), "{field}");
    }
}

#[test]
fn numbers_come_of_every_numeric_type() {
    for (text, expected) in [("2", Some(2.0)), ("3u", Some(3.0)), ("0.5", Some(0.5)), ("'1'", None)]
    {
        let expression = Expression::compile(text).expect("an expression");
        assert_eq!(with_attributes(false, |a| expression.number(a)), expected, "{text}");
    }
}

#[test]
fn compiled_expressions_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Expression>();
}
