use super::*;
use crate::base::id::LabelsId;
use crate::telemetry::access_log::tests::{RECORD, encoded};
use crate::telemetry::labels::{Labels, Registry};
use crate::telemetry::value::HttpVersion;

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.intern(Labels {
        backend: "backend",
        protocol: "http",
        bind: "bind/3000",
        gateway: "default/default",
        listener: "listener0",
        route: "default/route0",
        route_rule: "",
    });
    registry
}

fn line(format: LineFormat, record: &Record<'_>) -> String {
    let mut out = b"before\n".to_vec();
    assert!(Formatter::new(format, registry().names()).append(&mut out, &encoded(record)));
    String::from_utf8(out).unwrap().strip_prefix("before\n").unwrap().to_owned()
}

fn plain() -> Record<'static> {
    Record { source: Some("127.0.0.1:60862".parse().unwrap()), ..RECORD }
}

fn busy() -> Record<'static> {
    Record {
        source: Some("[2001:db8::1]:443".parse().unwrap()),
        status: 504,
        trace_id: b"0af7651916cd43dd8448eb211c80319c",
        request_id: b"id 1",
        error: b"upstream call timeout",
        reason: Reason::Timeout,
        received_bytes: 7,
        identity: b"spiffe://example.com/ns/a/sa/b",
        subject: b"O=c,CN=d e",
        upstream_status: 0,
        upstream_nanos: 0,
        retries: 2,
        ..RECORD
    }
}

#[test]
fn a_request_for_a_model_has_its_own_keys() {
    let part = GenAiPart {
        operation: b"chat",
        provider: b"openai",
        request_model: b"gpt 6",
        response_model: b"",
        input: Some(0),
        output: Some(7),
        cache_read: Some(3),
        cache_written: Some(4),
        reasoning: Some(2),
        first_token_nanos: Some(1_500_000_000),
        each_token_nanos: Some(20_000),
        cost_nanos: Some(2_000_000_001),
        prompt: b"[{\"role\": \"user\"}]",
        completion: b"said\n\xc3\xa4\xc3",
    };
    let record = Record { gen_ai: Some(part), ..plain() };
    let expected = " gen_ai.operation.name=chat gen_ai.provider.name=openai \
        gen_ai.request.model=\"gpt 6\" gen_ai.usage.input_tokens=0 \
        gen_ai.usage.cache_creation.input_tokens=4 gen_ai.usage.cache_read.input_tokens=3 \
        gen_ai.usage.output_tokens=7 gen_ai.usage.reasoning_tokens=2 \
        agw.ai.time_to_first_token=1.5 agw.ai.time_per_output_token=0.00002 \
        agw.ai.usage.cost.total=2.000000001 ";
    let text = line(LineFormat::Text, &record);
    assert!(text.contains(expected), "{text}");
    let json: serde_json::Value = serde_json::from_str(&line(LineFormat::Json, &record)).unwrap();
    assert_eq!(json["gen_ai.usage.output_tokens"], 7);
    assert_eq!(json["agw.ai.usage.cost.total"], 2.000_000_001);
    assert_eq!(json["gen_ai.input.messages"], "[{\"role\": \"user\"}]");
    assert_eq!(json["gen_ai.output.messages"], "said\nä");
    assert!(!line(LineFormat::Text, &plain()).contains("gen_ai"));
}

#[test]
fn text_has_the_keys_of_agentgateway_in_its_order() {
    assert_eq!(
        line(LineFormat::Text, &plain()),
        "2026-11-20T19:07:00.123456Z\tinfo\trequest gateway=default/default listener=listener0 \
         route=default/route0 endpoint=10.0.0.1:9000 src.addr=127.0.0.1:60862 http.method=GET \
         http.host=example.com http.path=/a?b=c http.version=HTTP/1.1 http.status=200 \
         protocol=http bytes.sent=1024 upstream.status=200 upstream.duration_us=1234 \
         duration_us=2345 duration=2ms\n"
    );
    assert_eq!(
        line(LineFormat::Text, &busy()),
        "2026-11-20T19:07:00.123456Z\tinfo\trequest gateway=default/default listener=listener0 \
         route=default/route0 endpoint=10.0.0.1:9000 src.addr=[2001:db8::1]:443 \
         src.identity=spiffe://example.com/ns/a/sa/b http.method=GET \
         http.host=example.com http.path=/a?b=c http.version=HTTP/1.1 http.status=504 \
         trace.id=0af7651916cd43dd8448eb211c80319c protocol=http retry.attempt=2 \
         error=\"upstream call timeout\" reason=Timeout request.id=\"id 1\" \
         src.subject=\"O=c,CN=d e\" bytes.received=7 \
         bytes.sent=1024 duration_us=2345 duration=2ms\n"
    );
}

#[test]
fn json_has_the_same_keys() {
    let read: serde_json::Value = serde_json::from_str(&line(LineFormat::Json, &busy())).unwrap();
    let expected = serde_json::json!({
        "level": "info",
        "time": "2026-11-20T19:07:00.123456Z",
        "scope": "request",
        "gateway": "default/default",
        "listener": "listener0",
        "route": "default/route0",
        "endpoint": "10.0.0.1:9000",
        "src.addr": "[2001:db8::1]:443",
        "src.identity": "spiffe://example.com/ns/a/sa/b",
        "http.method": "GET",
        "http.host": "example.com",
        "http.path": "/a?b=c",
        "http.version": "HTTP/1.1",
        "http.status": 504,
        "trace.id": "0af7651916cd43dd8448eb211c80319c",
        "protocol": "http",
        "retry.attempt": 2,
        "error": "upstream call timeout",
        "reason": "Timeout",
        "request.id": "id 1",
        "src.subject": "O=c,CN=d e",
        "bytes.received": 7,
        "bytes.sent": 1024,
        "duration_us": 2345,
        "duration": "2ms",
    });
    assert_eq!(read, expected);
}

#[test]
fn an_exchange_that_never_was_one_has_little_to_say() {
    let record = Record {
        labels: LabelsId(99),
        endpoint: b"",
        method: b"",
        host: b"",
        path: b"",
        version: HttpVersion::None,
        status: 0,
        sent_bytes: 0,
        upstream_status: 0,
        upstream_nanos: 0,
        duration_nanos: 0,
        reason: Reason::InvalidRequest,
        ..RECORD
    };
    assert_eq!(
        line(LineFormat::Text, &record),
        "2026-11-20T19:07:00.123456Z\tinfo\trequest reason=InvalidRequest duration_us=0 \
         duration=0ms\n"
    );
}

#[test]
fn hostile_texts_stay_in_their_value() {
    let hostile: [&[u8]; 5] = [
        b"/\n2026-11-20T19:07:00Z\tinfo\trequest http.status=200",
        b"/ http.status=200",
        b"/\",\"http.status\":200,\"x\":\"",
        b"/\\\"\\",
        b"\"\xff\xfe\x00\x7f\"",
    ];
    for path in hostile {
        let record = Record { method: path, host: path, path, status: 404, ..plain() };
        let text = line(LineFormat::Text, &record);
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert_eq!(fields_of(&text).iter().filter(|(k, _)| *k == "http.status").count(), 1);
        assert_eq!(unescaped(&fields_of(&text)["http.path"]), path);
        let json = line(LineFormat::Json, &record);
        assert_eq!(json.matches('\n').count(), 1, "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["http.status"], 404);
        let read = read["http.path"].as_str().unwrap();
        assert_eq!(read.chars().map(|c| c as u8).collect::<Vec<_>>(), path);
    }
}

#[test]
fn a_cut_path_is_marked() {
    let path = [b'/'; 3000];
    let text = line(LineFormat::Text, &Record { path: &path, ..plain() });
    assert!(text.contains("//...+952 http.version="), "{text}");
}

/// The fields of a text line, as a reader splits them: at spaces outside of quotes.
fn fields_of(line: &str) -> std::collections::BTreeMap<String, String> {
    let (mut quoted, mut escaped) = (false, false);
    let fields = line.trim_end().split(|symbol: char| {
        let ends = symbol == ' ' && !quoted;
        quoted ^= symbol == '"' && !escaped;
        escaped = symbol == '\\' && !escaped;
        ends
    });
    let pairs: Vec<_> = fields.filter_map(|field| field.split_once('=')).collect();
    let map: std::collections::BTreeMap<_, _> =
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    assert_eq!(map.len(), pairs.len(), "a key twice: {line}");
    map
}

fn unescaped(value: &str) -> Vec<u8> {
    let Some(inner) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
        return value.as_bytes().to_vec();
    };
    let mut out = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => match rest.next().unwrap() {
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let digits = String::from_utf8(digits.to_vec()).unwrap();
                    out.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    out
}

/// Run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_line_takes_nanoseconds() {
    for format in [LineFormat::Text, LineFormat::Json] {
        let mut formatter = Formatter::new(format, registry().names());
        let bytes = encoded(&plain());
        let mut out = Vec::new();
        let start = std::time::Instant::now();
        const ROUNDS: u32 = 1_000_000;
        for _ in 0..ROUNDS {
            if out.len() > 65_536 {
                out.clear();
            }
            assert!(formatter.append(&mut out, std::hint::black_box(&bytes)));
        }
        println!("{format:?}: {:?} a line", start.elapsed() / ROUNDS);
    }
}
