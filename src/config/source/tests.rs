use super::*;

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "A" => "a",
        "EMPTY" => "",
        "LINES" => "one\ntwo",
        "Ä1" => "letters",
        _ => return None,
    };
    Some(value.to_owned())
}

fn filled(written: &str) -> String {
    Source::new(written, &environment).text().to_owned()
}

#[test]
fn variables_are_filled_in() {
    let cases = [
        ("no variable", "no variable"),
        ("$A", "a"),
        ("${A}", "a"),
        ("x$A.${A}y$A", "xa.aya"),
        ("${EMPTY}|$EMPTY|${EMPTY:-other}", "||"),
        ("${NONE:-other}", "other"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("$Ä1", "letters"),
        ("$$A $$$A", "$A $a"),
        ("$ $. $/ ^/a$", "$ $. $/ ^/a$"),
        ("${A", "${A"),
        ("${}", "${}"),
        ("${:-x}", "${:-x}"),
        ("$LINES", "one\ntwo"),
        ("\u{feff}$A", "a"),
    ];
    for (written, expected) in cases {
        assert_eq!(filled(written), expected, "{written}");
    }
}

#[test]
fn a_value_is_not_filled_in_again() {
    let source = Source::new("$X", &|_| Some("$X$$".to_owned()));
    assert_eq!(source.text(), "$X$$");
}

#[test]
fn what_is_not_set_stays_and_is_remembered() {
    let source = Source::new("$A $NONE ${NO} $A", &environment);
    assert_eq!(source.text(), "a $NONE ${NO} a");
    let missing: Vec<_> = source.missing().iter().map(|m| (m.name.as_str(), m.at)).collect();
    assert_eq!(missing, [("NONE", 2), ("NO", 8)]);
}

/// Each character outside a variable is where it was; each inside is where the variable begins.
#[test]
fn places_are_those_of_the_written_text() {
    let cases = [
        "plain\ntext",
        "é$A é\r\n${A}$LINES $EMPTY\nx",
        "$LINES\n$LINES\n${NONE:-longer than the name}\rend\n",
        "$$ $$\n$$",
        "",
    ];
    for written in cases {
        let source = Source::new(written, &environment);
        let total = source.text().chars().count();
        for (at, c) in source.text().chars().enumerate() {
            let found = character(written, source.place(at));
            let inside = found == Some('$');
            assert!(inside || found == Some(c), "{written:?}: {at}, {c:?} is {found:?}");
        }
        let end = source.place(total);
        assert_eq!(character(written, end), None, "{written:?}: the end is {end:?}");
    }
}

/// Found by counting, the slow way.
fn character(written: &str, place: Place) -> Option<char> {
    let Place::File { line: wanted_line, column: wanted_column } = place else { return None };
    let (mut line, mut column) = (1, 1);
    let mut rest = written.chars().peekable();
    while let Some(c) = rest.next() {
        if (line, column) == (wanted_line, wanted_column) {
            return Some(c);
        }
        let ends = c == '\n' || (c == '\r' && rest.peek() != Some(&'\n'));
        (line, column) = if ends { (line + 1, 1) } else { (line, column + 1) };
    }
    None
}
