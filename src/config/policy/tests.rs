use super::super::{Config, parse_with};
use super::direct_response::Body;
use super::*;

fn policies(text: &str) -> RoutePolicies {
    let text = format!("binds: [{{port: 1, listeners: [{{routes: [{{policies: {text}}}]}}]}}]");
    let parsed = parse_with(&text, "gateway.yaml", &|_| None);
    let mut config: Config = parsed.unwrap_or_else(|found| panic!("{found}"));
    config.binds.remove(0).listeners.remove(0).routes.remove(0).policies
}

fn only<T: Clone>(chosen: Option<Chosen<T>>) -> T {
    match chosen {
        Some(Chosen::Always(policy)) => policy,
        _ => panic!("one policy, whatever the request"),
    }
}

fn redirect(text: &str) -> RequestRedirect {
    only(policies(&format!("{{requestRedirect: {text}}}")).request_redirect)
}

#[test]
fn a_redirect_is_302_unless_it_says_otherwise() {
    assert_eq!(redirect("{scheme: https}").status, 302);
    for status in [301, 302, 303, 307, 308] {
        assert_eq!(redirect(&format!("{{status: {status}}}")).status, status);
    }
}

#[test]
fn authorities() {
    let cases = [
        ("{full: 'a.b:80'}", AuthorityRewrite::Full("a.b:80".to_owned())),
        ("{full: '[::1]:80'}", AuthorityRewrite::Full("[::1]:80".to_owned())),
        ("{full: '[::1]'}", AuthorityRewrite::Full("[::1]".to_owned())),
        ("{host: a.b}", AuthorityRewrite::Host("a.b".to_owned())),
        ("{port: 80}", AuthorityRewrite::Port(80)),
        ("auto", AuthorityRewrite::Auto),
        ("none", AuthorityRewrite::None),
    ];
    for (text, expected) in cases {
        let rewrite = policies(&format!("{{urlRewrite: {{authority: {text}}}}}")).url_rewrite;
        assert_eq!(only(rewrite).authority, Some(expected), "{text}");
    }
    for text in ["", "a:", "a:0", "a:x", "a b", ":80", "a/b", "user@a", "[::1", "::1", "a\r\nb"] {
        assert!(parse_authority(text).is_err(), "{text}");
    }
}

#[test]
fn paths() {
    for text in ["/", "/a/b", "/%20", "/a;b=c,d@e", "/a//b"] {
        assert!(parse_path(text).is_ok(), "{text}");
    }
    for text in ["", "a", "/a b", "/a?b", "/a#b", "/ä", "/a\r\nb", "/a\tb"] {
        assert!(parse_path(text).is_err(), "{text}");
    }
    assert!(parse_full_path("/a?b=c?d").is_ok());
    assert!(parse_full_path("/a?b#c").is_err());
    assert!(parse_full_path("/a?b\r\nc").is_err());
}

#[test]
fn a_body_is_text_or_bytes() {
    let body = |text: &str| {
        let policies = policies(&format!("{{directResponse: {{status: 200, body: {text}}}}}"));
        only(policies.direct_response).body
    };
    assert_eq!(body("hello"), Body(b"hello".to_vec()));
    assert_eq!(body("[104, 105]"), Body(b"hi".to_vec()));
    assert_eq!(serde_json::to_string(&body("[104, 105]")).unwrap(), "\"hi\"");
    assert_eq!(serde_json::to_string(&body("[255, 0]")).unwrap(), "[255,0]");
    assert!(body("''").is_empty());
}

#[test]
fn null_is_not_written() {
    assert!(policies("{timeout: null, requestRedirect: ~, cors: null}").is_empty());
    assert!(policies("null").is_empty());
}

#[test]
fn fields_keep_their_order_and_spelling() {
    let modifier = policies("{requestHeaderModifier: {add: {X-B: ' b ', x-a: a}}}");
    let fields = modifier.request_header_modifier.unwrap().add;
    let fields: Vec<_> =
        fields.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("X-B", "b"), ("x-a", "a")]);
}
