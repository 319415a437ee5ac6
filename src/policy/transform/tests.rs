use super::*;
use crate::policy::attributes::tests::with_attributes;

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn lines(spec: &TransformSpec) -> (String, u32) {
    let transform = Transform::compile([spec]).unwrap();
    with_attributes(true, |attributes| {
        let mut out = Vec::new();
        transform.write(attributes, &mut out);
        (String::from_utf8(out).unwrap(), attributes.failures())
    })
}

#[test]
fn values_become_lines_and_what_fails_becomes_none() {
    let set = pairs(&[
        ("X-Path", "request.path"),
        ("x-code", "response.code + 1"),
        ("x-none", "request.headers['x-none']"),
        ("x-split", "'a\\r\\nx-evil: 1'"),
        ("x-null", "'a\\u0000b'"),
        ("x-tab", "'a\\tb'"),
        ("x-true", "true"),
    ]);
    let (lines, failures) = lines(&TransformSpec { set, ..TransformSpec::default() });
    assert_eq!(lines, "x-path: /a/b\r\nx-code: 504\r\nx-tab: a\tb\r\nx-true: true\r\n");
    assert_eq!(failures, 3);
}

#[test]
fn all_lines_together_are_bounded() {
    let long = format!("'{}'", "a".repeat(3000));
    let set: Vec<_> = (0..9).map(|n| (format!("x-{n}"), long.clone())).collect();
    let (lines, failures) = lines(&TransformSpec { set, ..TransformSpec::default() });
    assert!(lines.len() <= EDIT_BYTES_MAX && lines.len() > 2 * 3000, "{}", lines.len());
    assert_eq!(failures, 7);
}

#[test]
fn the_first_line_takes_what_is_valid() {
    let run = |pseudo: &str, value: &str| {
        let set = pairs(&[(pseudo, value)]);
        let spec = TransformSpec { set, ..TransformSpec::default() };
        let transform = Transform::compile([&spec]).unwrap();
        let mut changes = Changes::default();
        with_attributes(false, |attributes| transform.run(attributes, &mut changes));
        let method = changes.method().map(|method| String::from_utf8_lossy(method).into_owned());
        let target = changes.target().map(|target| String::from_utf8_lossy(target).into_owned());
        (method, target)
    };
    assert_eq!(run(":method", "'PUT'"), (Some("PUT".into()), None));
    assert_eq!(run(":method", "'P UT'"), (None, None));
    assert_eq!(run(":path", "'/x' + request.path"), (None, Some("/x/a/b".into())));
    for bad in ["'x'", "'/a b'", "'/a\\r\\nX: 1'", "'/a#b'", "request.headers.none"] {
        assert_eq!(run(":path", bad), (None, None), "{bad}");
    }
    assert_eq!(run(":authority", "'a b'"), (None, None));
}

#[test]
fn a_status_has_to_be_one_with_a_body() {
    for (text, expected) in [
        ("response.code == 503 ? 429 : 200", Some(429)),
        ("204", None),
        ("99", None),
        ("600", None),
        ("request.headers.none == 'a' ? 200 : 201", None),
    ] {
        let spec = TransformSpec { set: pairs(&[(":status", text)]), ..TransformSpec::default() };
        let transform = Transform::compile([&spec]).unwrap();
        assert_eq!(with_attributes(true, |a| transform.status(a)), expected, "{text}");
    }
}

#[test]
fn names_that_the_proxy_alone_writes_are_refused() {
    for name in ["content-length", "a b", "transfer-encoding"] {
        let spec = TransformSpec { set: pairs(&[(name, "'1'")]), ..TransformSpec::default() };
        assert!(Transform::compile([&spec]).is_err(), "{name}");
    }
}
