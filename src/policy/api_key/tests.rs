use super::super::attributes::{Known, RequestPart, Source};
use super::*;
use crate::base::clock::Instant;
use crate::proto::http1::HeadLimits;
use crate::route::rewrite::Scheme;

fn check(mode: Mode, locations: &[Location]) -> Check {
    let mut keys = Digests::new();
    for (place, key) in [(0, "first"), (1, "old"), (2, "a=b c")] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, key.as_bytes()).as_ref());
        keys.insert(bytes, KeyId(place));
    }
    Check { keys: Arc::new(keys), mode, locations: locations.into() }
}

/// Who it was, or why not, and the text at each place that was told.
fn ask(check: &Check, request: &str) -> (Result<Option<u32>, Fault>, Vec<String>) {
    let bytes = request.replace('\n', "\r\n").into_bytes();
    let mut head = RequestHead::default();
    head.parse(&bytes, &HeadLimits::default()).expect("a request");
    let part = RequestPart {
        head: &head,
        bytes: &bytes,
        scheme: Scheme::Http,
        path: b"/",
        target: b"/",
        body: None,
        started: Instant::default(),
    };
    let keys = [
        ApiKey { expires: Some(1001), ..ApiKey::default() },
        ApiKey { expires: Some(1000), ..ApiKey::default() },
        ApiKey::default(),
    ];
    let known = Known { keys: &keys, now: 1000, key: None };
    let attributes = Attributes::new(part, None, Source::default(), 1).with(known);
    let mut changes = Changes::default();
    let verdict = check.run(&attributes, &mut changes);
    let text = |place: &Place| {
        let range = match place {
            Place::Field(at) => head.fields[*at].value.range(),
            Place::Cookie(_, range) | Place::Query(range) => range.clone(),
        };
        String::from_utf8(bytes[range].to_vec()).unwrap()
    };
    let places = changes.key_places().iter().map(text).collect();
    match verdict {
        Verdict::Continue => (Ok(attributes.key().map(|key| key.0)), places),
        Verdict::Refuse(Refusal::ApiKey(fault)) => (Err(fault), places),
        other => panic!("{other:?}"),
    }
}

fn with(fields: &str) -> String {
    format!("GET /?x=1 HTTP/1.1\nHost: a\n{fields}\n")
}

#[test]
fn modes_differ_in_whom_they_let_in() {
    use Fault::{Expired, Missing, Unknown};
    let right = with("Authorization: bearer first\n");
    let cases = [
        (right.as_str(), Ok(Some(0)), Ok(Some(0)), Ok(Some(0))),
        (&with(""), Err(Missing), Ok(None), Ok(None)),
        (&with("Authorization: Basic first\n"), Err(Missing), Ok(None), Ok(None)),
        (&with("Authorization: Bearer wrong\n"), Err(Unknown), Err(Unknown), Ok(None)),
        (&with("Authorization: Bearer \n"), Err(Missing), Ok(None), Ok(None)),
        (&with("Authorization: Bearer first2\n"), Err(Unknown), Err(Unknown), Ok(None)),
        (&with("Authorization: Bearer FIRST\n"), Err(Unknown), Err(Unknown), Ok(None)),
        (&with("Authorization: Bearer old\n"), Err(Expired), Err(Expired), Ok(None)),
        (&with("X-Api-Key: first\n"), Err(Missing), Ok(None), Ok(None)),
    ];
    for (request, strict, optional, permissive) in cases {
        let modes = [Mode::Strict, Mode::Optional, Mode::Permissive];
        for (mode, expected) in modes.into_iter().zip([strict, optional, permissive]) {
            let (found, places) = ask(&check(mode, &[Location::usual()]), request);
            assert_eq!(found, expected, "{mode:?} {request}");
            assert_eq!(places.len(), usize::from(matches!(found, Ok(Some(_)))), "{request}");
        }
    }
    let long = with(&format!("Authorization: Bearer {}\n", "x".repeat(API_KEY_BYTES_MAX + 1)));
    assert_eq!(ask(&check(Mode::Strict, &[Location::usual()]), &long).0, Err(Unknown));
}

#[test]
fn libraries_of_models_put_theirs_elsewhere() {
    let check = check(Mode::Strict, &Location::of_models());
    for fields in [
        "Authorization: Bearer first\n",
        "x-api-key: first\n",
        "API-Key: first\n",
        "X-Goog-Api-Key: first\n",
        // One of them is a wrong one.
        "Authorization: Bearer other\nX-Api-Key: first\n",
    ] {
        assert_eq!(ask(&check, &with(fields)).0, Ok(Some(0)), "{fields}");
    }
    let both = with("X-Api-Key: first\nAuthorization: Bearer first\napi-key: other\n");
    assert_eq!(ask(&check, &both), (Ok(Some(0)), vec!["Bearer first".into(), "first".into()]));
    assert_eq!(ask(&check, &with("X-Api-Key: other\n")).0, Err(Fault::Unknown));
    assert_eq!(ask(&check, &with("X-Api-Key: old\n")).0, Err(Fault::Expired));
}

#[test]
fn keys_are_found_in_cookies_and_queries() {
    let cookie = check(Mode::Strict, &[Location::Cookie((*b"key").into())]);
    for (fields, place) in [
        ("Cookie: key=first\n", "key=first"),
        ("Cookie: a=b; key=first; c=d\n", " key=first"),
        ("Cookie: a=b\nCookie: c=d;key=first\n", "key=first"),
        ("Cookie: xkey=other; key=first\n", " key=first"),
    ] {
        assert_eq!(ask(&cookie, &with(fields)), (Ok(Some(0)), vec![place.to_owned()]), "{fields}");
    }
    for fields in ["Cookie: key\n", "Cookie: keys=first\n", "Cookie: a=key=first\n"] {
        assert_eq!(ask(&cookie, &with(fields)).0, Err(Fault::Missing), "{fields}");
    }
    let query = check(Mode::Strict, &[Location::Query((*b"key").into())]);
    let at = |query: &str| format!("GET /a{query} HTTP/1.1\nHost: a\n\n");
    for (asked, place) in [
        ("?key=first", "key=first"),
        ("?a=b&key=first&c", "key=first"),
        ("?key=%66irst", "key=%66irst"),
    ] {
        assert_eq!(ask(&query, &at(asked)), (Ok(Some(0)), vec![place.to_owned()]), "{asked}");
    }
    assert_eq!(ask(&query, &at("?key=a%3Db%20c")).0, Ok(Some(2)));
    assert_eq!(ask(&query, &at("?key=a%3Db%20c%")).0, Err(Fault::Unknown));
    for asked in ["", "?", "?keys=first", "?a=key=first"] {
        assert_eq!(ask(&query, &at(asked)).0, Err(Fault::Missing), "{asked}");
    }
}

#[test]
fn a_key_is_for_the_models_that_it_names() {
    let key = |names: &[&str]| ApiKey {
        models: Some(Patterns::compile(names.iter().copied())),
        ..ApiKey::default()
    };
    assert!(ApiKey::default().may_ask(b"any") && ApiKey::default().may_ask(b""));
    assert!(!key(&[]).may_ask(b"any") && !key(&[]).may_ask(b""));
    let some = key(&["gpt-*-mini", "smart", "*/free"]);
    for (model, may) in [
        ("gpt-6-mini", true),
        ("gpt-mini", false),
        ("gpt--mini", true),
        ("gpt-6-minis", false),
        ("smart", true),
        ("smarter", false),
        ("openrouter/free", true),
        ("", false),
    ] {
        assert_eq!(some.may_ask(model.as_bytes()), may, "{model}");
    }
    assert!(key(&["*"]).may_ask(b""));
    assert_eq!(some.models.unwrap().exact().collect::<Vec<_>>(), ["smart"]);
}
