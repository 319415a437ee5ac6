use super::*;
use crate::policy::attributes::tests::{with_attributes, with_request};

fn rules(of: &[&str]) -> Vec<String> {
    of.iter().map(|rule| (*rule).to_owned()).collect()
}

#[test]
fn rules_compose_and_a_denial_wins() {
    const YES: &str = "request.method == 'POST'";
    const NO: &str = "request.method == 'GET'";
    const FAILS: &str = "request.headers['x-none'] == 'a'";
    type Rules = &'static [&'static str];
    let cases: [(Rules, Rules, Rules, bool); 13] = [
        (&[], &[], &[], true),
        (&[YES], &[], &[], true),
        (&[NO], &[], &[], false),
        (&[NO, YES], &[], &[], true),
        (&[FAILS], &[], &[], false),
        (&[], &[YES], &[], false),
        (&[], &[NO], &[], true),
        (&[], &[FAILS], &[], false),
        (&[YES], &[NO, FAILS], &[], false),
        (&[YES], &[YES], &[], false),
        (&[], &[], &[YES, NO], false),
        (&[], &[], &[FAILS], false),
        (&[YES], &[NO], &[YES], true),
    ];
    for (allow, deny, require, expected) in cases {
        let spec =
            AuthorizationSpec { allow: rules(allow), deny: rules(deny), require: rules(require) };
        let authorization = Authorization::compile(&spec).unwrap();
        let passes = with_attributes(false, |a| matches!(authorization.run(a), Verdict::Continue));
        assert_eq!(passes, expected, "{spec:?}");
    }
}

#[test]
fn requests_of_other_origins_are_refused() {
    let csrf = Csrf::compile(&rules(&["https://trusted.example"]));
    let cases = [
        ("GET", "Sec-Fetch-Site: cross-site\n", true),
        ("HEAD", "Origin: https://evil.example\n", true),
        ("OPTIONS", "Sec-Fetch-Site: cross-site\n", true),
        ("POST", "", true),
        ("POST", "Sec-Fetch-Site: same-origin\n", true),
        ("POST", "Sec-Fetch-Site: none\n", true),
        ("POST", "Sec-Fetch-Site: same-site\n", false),
        ("POST", "Sec-Fetch-Site: cross-site\nOrigin: https://evil.example\n", false),
        ("POST", "Sec-Fetch-Site: cross-site\nOrigin: https://trusted.example\n", true),
        // The site goes before the origin, which may be of another scheme.
        ("POST", "Sec-Fetch-Site: cross-site\nOrigin: https://api.example\n", false),
        ("POST", "Origin: https://api.example\n", true),
        ("POST", "Origin: https://API.example\n", true),
        ("POST", "Origin: https://api.example:8443\n", false),
        ("POST", "Origin: https://evil.example\n", false),
        ("POST", "Origin: https://trusted.example\n", true),
        ("DELETE", "Origin: null\n", false),
        ("PUT", "Origin: \n", false),
    ];
    for (method, fields, expected) in cases {
        let request = format!("{method} / HTTP/1.1\nHost: api.example\n{fields}\n");
        let passes = with_request(&request, |a| matches!(csrf.run(a), Verdict::Continue));
        assert_eq!(passes, expected, "{request}");
    }
}
