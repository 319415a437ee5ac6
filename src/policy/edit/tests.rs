use super::*;

/// `+name value` adds, `=name value` sets, `-name` removes.
fn modifier(texts: &[&str]) -> HeaderModifierSpec {
    let mut spec = HeaderModifierSpec::default();
    for text in texts {
        let (kind, rest) = text.split_at(1);
        let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
        match kind {
            "+" => spec.add.push((name.into(), value.into())),
            "=" => spec.set.push((name.into(), value.into())),
            _ => spec.remove.push(name.into()),
        }
    }
    spec
}

fn edited(edits: &HeadEdits, head: &[(&str, &str)]) -> String {
    let kept = head.iter().filter(|(name, _)| !edits.drops(name.as_bytes()));
    let lines: String = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    lines + std::str::from_utf8(edits.appended()).unwrap()
}

#[test]
fn modifiers_add_then_set_then_remove() {
    let head = [("A", "1"), ("b", "2"), ("a", "3"), ("Cc", "4")];
    let cases: [(&[&[&str]], &str); 14] = [
        (&[], "A: 1|b: 2|a: 3|Cc: 4|"),
        (&[&["+a 9"]], "A: 1|b: 2|a: 3|Cc: 4|a: 9|"),
        (&[&["=a 9"]], "b: 2|Cc: 4|a: 9|"),
        (&[&["=New 9"]], "A: 1|b: 2|a: 3|Cc: 4|New: 9|"),
        (&[&["-a"]], "b: 2|Cc: 4|"),
        (&[&["-CC", "-none"]], "A: 1|b: 2|a: 3|"),
        (&[&["=A 8", "+a 9"]], "b: 2|Cc: 4|A: 8|"),
        (&[&["=A 8", "+a 9", "-a"]], "b: 2|Cc: 4|"),
        (&[&["=x 1", "=X 2"]], "A: 1|b: 2|a: 3|Cc: 4|X: 2|"),
        (&[&["+x 1", "+X 2"]], "A: 1|b: 2|a: 3|Cc: 4|x: 1|X: 2|"),
        (&[&["-a"], &["+a 9"]], "b: 2|Cc: 4|a: 9|"),
        (&[&["=a 8"], &["+a 9"]], "b: 2|Cc: 4|a: 8|a: 9|"),
        (&[&["+x 1"], &["=x 2"]], "A: 1|b: 2|a: 3|Cc: 4|x: 2|"),
        (&[&["=x 1", "+y 1"], &["-x"]], "A: 1|b: 2|a: 3|Cc: 4|y: 1|"),
    ];
    for (modifiers, expected) in cases {
        let specs: Vec<_> = modifiers.iter().map(|texts| modifier(texts)).collect();
        let (line, edits) = compile_request(&specs).unwrap();
        assert!(line.is_empty());
        assert_eq!(edits.is_empty(), modifiers.is_empty());
        assert_eq!(edited(&edits, &head).replace("\r\n", "|"), expected, "{modifiers:?}");
        let (status, of_response) = compile_response(&specs).unwrap();
        assert_eq!((status, of_response), (None, edits), "{modifiers:?}");
    }
}

#[test]
fn only_whole_names_are_dropped() {
    let (_, edits) = compile_request(&[modifier(&["-x-secret", "-ETag", "-a"])]).unwrap();
    for dropped in ["x-secret", "X-SECRET", "etag", "A"] {
        assert!(edits.drops(dropped.as_bytes()), "{dropped}");
    }
    // Of the same length, of the same first letter, of both.
    for kept in ["", "b", "y-secret", "x-secre", "x-secrets", "x-sacred", "etax", "!"] {
        assert!(!edits.drops(kept.as_bytes()), "{kept}");
    }
    let long = "l".repeat(64 + "etag".len());
    assert!(!edits.drops(long.as_bytes()));
}

#[test]
fn pseudo_headers_change_the_first_line() {
    let first = modifier(&["=:method PUT", "+:path /new?a=1", "=x 1"]);
    let second = modifier(&["=:path /newer", "=Host b.example:81"]);
    let (line, edits) = compile_request([&first, &second]).unwrap();
    assert_eq!(line.method.as_deref(), Some(&b"PUT"[..]));
    assert_eq!(line.target.as_deref(), Some(&b"/newer"[..]));
    assert_eq!(line.authority.as_deref(), Some(&b"b.example:81"[..]));
    assert_eq!(edits.appended(), b"x: 1\r\n");
    assert!(!edits.drops(b"host"));

    let (status, edits) = compile_response(&[modifier(&["=:status 418"])]).unwrap();
    assert_eq!(status, Some(418));
    assert!(edits.is_empty());
}

#[test]
fn what_would_break_a_message_is_refused() {
    use EditError::{BadPseudoValue, NotRemovable, UnknownPseudo};
    let field = EditError::Field;
    let requests = [
        ("+a b 1\n", field(FieldError::BadValue)),
        ("=a(b 1", field(FieldError::BadName)),
        ("-a(b", field(FieldError::BadName)),
        ("=Content-Length 1", field(FieldError::Reserved)),
        ("-transfer-encoding", field(FieldError::Reserved)),
        ("-:path", NotRemovable),
        ("-Host", NotRemovable),
        ("=:status 200", UnknownPseudo),
        ("+:scheme https", UnknownPseudo),
        ("-:status", UnknownPseudo),
        ("=:path x", BadPseudoValue),
        ("=:path /a b", BadPseudoValue),
        ("=:path /a#b", BadPseudoValue),
        ("=:method G(T", BadPseudoValue),
        ("=:authority a/b", BadPseudoValue),
        ("=host a\r\nb", BadPseudoValue),
    ];
    for (text, expected) in requests {
        assert_eq!(compile_request(&[modifier(&[text])]).unwrap_err(), expected, "{text:?}");
    }
    let responses = [
        ("=:path /a", UnknownPseudo),
        ("-:status", NotRemovable),
        ("=:status 99", BadPseudoValue),
        ("=:status 101", BadPseudoValue),
        ("=:status 204", BadPseudoValue),
        ("=:status 304", BadPseudoValue),
        ("=:status ok", BadPseudoValue),
        ("=:status 600", BadPseudoValue),
    ];
    for (text, expected) in responses {
        assert_eq!(compile_response(&[modifier(&[text])]).unwrap_err(), expected, "{text:?}");
    }
}

#[test]
fn lines_are_bounded() {
    let most = format!("+x {}", "v".repeat(EDIT_BYTES_MAX - "x: \r\n".len()));
    assert!(compile_request(&[modifier(&[&most])]).is_ok());
    let error = compile_request(&[modifier(&[&most, "+y"])]).unwrap_err();
    assert_eq!(error, EditError::TooLarge);
    assert!(compile_request(&[modifier(&[&most]), modifier(&["-x", "+y"])]).is_ok());
}
