use super::*;
use crate::policy::attributes::Source;
use crate::proto::http1::head::RequestHead;
use crate::proto::http1::{HeadLimits, Parsed};
use crate::route::rewrite::Scheme;

const SECOND: u64 = 1_000_000_000;

fn limit(depth: u64, key: Option<Key>) -> Arc<RateLimit> {
    let rate = Rate::new(depth, 1, Duration::from_secs(1)).unwrap();
    let by = key.map(|key| KeySpec { key, keys_max: 100 });
    Arc::new(RateLimit::new("one".into(), RateLimitSpec { rate, tokens: None, by }))
}

fn by_header(name: &str) -> Option<Key> {
    Some(Key::Header(FieldName::parse(name.as_bytes()), name.as_bytes().into()))
}

/// What the limits say of a request with these fields, from this address, at that time.
fn ask(limits: &[Arc<RateLimit>], fields: &str, source: &str, second: u64) -> Decision {
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
    let mut request = RequestHead::default();
    assert_eq!(request.parse(&bytes, &HeadLimits::default()), Ok(Parsed::Complete));
    let address = Some(std::net::SocketAddr::new(source.parse().unwrap(), 1));
    let source = Source { address, ..Source::default() };
    let started = Instant::from_nanos(second * SECOND);
    let (scheme, path) = (Scheme::Http, &b"/"[..]);
    let (head, bytes, target, body) = (&request, &bytes[..], path, None);
    let part = RequestPart { head, bytes, scheme, path, target, body, started };
    take(limits, &Attributes::new(part, None, source, 1))
}

fn is_let_in(limits: &[Arc<RateLimit>], fields: &str, source: &str) -> bool {
    ask(limits, fields, source, 100).result.is_ok()
}

#[test]
fn one_bucket_is_for_all() {
    let limits = [limit(2, None)];
    assert!(is_let_in(&limits, "", "192.0.2.1") && is_let_in(&limits, "", "192.0.2.2"));
    let refused = ask(&limits, "", "192.0.2.3", 100).result;
    assert_eq!(refused, Err(Exceeded { limit: 2, wait_seconds: 1 }));
    assert_eq!(ask(&limits, "", "192.0.2.3", 101).result, Ok(()));
}

#[test]
fn a_header_divides_a_bucket() {
    for name in ["x-api-key", "x-own-name"] {
        let limits = [limit(1, by_header(name))];
        let with = |value: &str| format!("X-Other: 1\r\n{}: {value}\r\n", name.to_uppercase());
        assert!(is_let_in(&limits, &with("a"), "192.0.2.1"));
        assert!(!is_let_in(&limits, &with("a"), "192.0.2.2"), "{name}");
        assert!(is_let_in(&limits, &with("b"), "192.0.2.1"), "{name}");
        assert!(is_let_in(&limits, "", "192.0.2.1"));
        assert!(!is_let_in(&limits, "", "192.0.2.2"), "without a key they share one");
        assert!(is_let_in(&limits, &with(""), "192.0.2.1"), "an empty one is a key");
        assert_eq!(limits[0].keys(Instant::from_nanos(100 * SECOND)).unwrap().0, 4);
    }
}

#[test]
fn an_expression_divides_a_bucket() {
    let made = Expression::compile("request.method + request.headers['x-user']").unwrap();
    let limits = [limit(1, None), limit(1, Some(Key::Expression(made)))];
    let keyed = &limits[1..];
    assert!(is_let_in(keyed, "X-User: a\r\n", "192.0.2.1"));
    assert!(!is_let_in(keyed, "x-user: a\r\n", "192.0.2.2"));
    assert!(is_let_in(keyed, "X-User: b\r\n", "192.0.2.1"));
    // What fails is one key.
    assert!(is_let_in(keyed, "", "192.0.2.1") && !is_let_in(keyed, "", "192.0.2.2"));
    // A token that was taken is given back when another limit refuses.
    assert!(is_let_in(&limits[..1], "", "192.0.2.1"));
    let both = [Arc::clone(&limits[1]), Arc::clone(&limits[0])];
    assert!(!is_let_in(&both, "X-User: c\r\n", "192.0.2.1"));
    assert!(is_let_in(keyed, "X-User: c\r\n", "192.0.2.1"));
}

#[test]
fn an_address_divides_a_bucket() {
    let prefixes = Prefixes { ipv4_bits: 24, ipv6_bits: 64 };
    let limits = [limit(1, Some(Key::Source(prefixes)))];
    assert!(is_let_in(&limits, "", "192.0.2.1"));
    assert!(!is_let_in(&limits, "", "192.0.2.9"));
    assert!(is_let_in(&limits, "", "192.0.3.1"));
    assert!(is_let_in(&limits, "", "2001:db8::1"));
    assert!(!is_let_in(&limits, "", "2001:db8::2"));
}

/// Who is refused by the second limit has not used up the first.
#[test]
fn of_several_limits_all_or_none_are_charged() {
    let source = Prefixes { ipv4_bits: 32, ipv6_bits: 64 };
    for first in [limit(3, None), limit(3, by_header("host")), limit(3, Some(Key::Source(source)))]
    {
        let limits = [first, limit(1, by_header("x-api-key"))];
        assert!(is_let_in(&limits, "X-Api-Key: a\r\n", "192.0.2.1"));
        for _ in 0..10 {
            let refused = ask(&limits, "X-Api-Key: a\r\n", "192.0.2.1", 100).result;
            assert_eq!(refused.map_err(|exceeded| exceeded.limit), Err(1));
        }
        assert!(is_let_in(&limits, "X-Api-Key: b\r\n", "192.0.2.1"));
        assert!(is_let_in(&limits, "X-Api-Key: c\r\n", "192.0.2.1"));
        let refused = ask(&limits, "X-Api-Key: d\r\n", "192.0.2.1", 100).result;
        assert_eq!(refused.map_err(|exceeded| exceeded.limit), Err(3));
    }
}

#[test]
fn a_wait_is_told_in_whole_seconds() {
    for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (60_000, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
    }
}
