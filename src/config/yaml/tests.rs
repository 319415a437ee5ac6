use super::*;

fn parse(text: &str) -> Node {
    Document::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}")).root
}

fn refused(text: &str) -> (usize, String) {
    match Document::parse(text) {
        Err(error) => (error.at, error.message),
        Ok(document) => panic!("{text:?} is {:?}", document.root),
    }
}

/// As flow YAML, without places.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.clone(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(","))
        }
        Value::Table(entries) => {
            let entry = |entry: &Entry| format!("{}:{}", entry.key, shown(&entry.node));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn scalars_are_what_the_core_schema_says() {
    let cases = [
        ("~", Kind::Null),
        ("null", Kind::Null),
        ("true", Kind::Bool(true)),
        ("FALSE", Kind::Bool(false)),
        ("yes", Kind::Text),
        ("12", Kind::Integer(12)),
        ("-012", Kind::Integer(-12)),
        ("+3", Kind::Integer(3)),
        ("0x1F", Kind::Integer(31)),
        ("0o17", Kind::Integer(15)),
        ("0x-1", Kind::Text),
        ("1.5", Kind::Float),
        (".5", Kind::Float),
        ("1e3", Kind::Float),
        (".inf", Kind::Float),
        ("-.INF", Kind::Float),
        ("inf", Kind::Text),
        ("nan", Kind::Text),
        ("1.2.3", Kind::Text),
        ("10s", Kind::Text),
        ("-", Kind::Text),
        ("99999999999999999999999999999999999999999", Kind::Float),
        ("'12'", Kind::Text),
        ("\"true\"", Kind::Text),
        ("!!str 12", Kind::Text),
        ("|\n  12\n", Kind::Text),
    ];
    for (text, expected) in cases {
        let node = if text == "-" { Node { at: 0, value: dash() } } else { parse(text) };
        let Value::Scalar(scalar) = &node.value else { panic!("{text} is no scalar") };
        assert_eq!(scalar.kind(), expected, "{text}");
    }
}

fn dash() -> Value {
    Value::Scalar(Scalar { text: "-".to_owned(), quoted: false })
}

#[test]
fn trees_come_out_whole() {
    let cases = [
        ("a: [1, {b: c}]\nd:\n- e\n-\n  f: g\n", "{a:[1,{b:c}],d:[e,{f:g}]}"),
        ("a: &x [1, 2]\nb: *x\nc: [*x, *x]\n", "{a:[1,2],b:[1,2],c:[[1,2],[1,2]]}"),
        ("a: &x b\n*x : c\n", "{a:b,b:c}"),
        ("? a\n: b\n", "{a:b}"),
        ("1: a\n", "{1:a}"),
        ("{\"a\": [\"b\", 1]}", "{a:[b,1]}"),
        ("a:\n", "{a:~}"),
    ];
    for (text, expected) in cases {
        let found = shown(&parse(text)).replace(":,", ":~,").replace(":}", ":~}");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn every_value_knows_where_it_begins() {
    let text = "é: 'ü'\r\nlist:\r\n- one\r\n- {two: three}\r\n";
    let characters: Vec<char> = text.chars().collect();
    let Value::Table(entries) = parse(text).value else { panic!("a table") };
    assert_eq!((characters[entries[0].at], characters[entries[0].node.at]), ('é', '\''));
    assert_eq!(characters[entries[1].at], 'l');
    let Value::List(items) = &entries[1].node.value else { panic!("a list") };
    assert_eq!((characters[items[0].at], characters[items[1].at]), ('o', '{'));
    let Value::Table(inner) = &items[1].value else { panic!("a table") };
    let at = (inner[0].at, inner[0].node.at);
    assert_eq!(characters[at.0..at.1].iter().collect::<String>(), "two: ");
}

#[test]
fn comments_are_in_no_scalar() {
    let text = "a: b # c\nd: 'e # f'\n# g";
    let document = Document::parse(text).unwrap();
    let inside: String = text
        .char_indices()
        .filter(|(at, _)| document.is_in_a_scalar(*at))
        .map(|(_, c)| c)
        .collect();
    assert_eq!(inside, "abd'e # f'");
}

#[test]
fn what_is_refused_is_refused_at_its_place() {
    let cases = [
        ("a: !x b", 3, "no tags here, such as !x"),
        ("a: &x [*x]", 7, "an alias of a value that contains it"),
        ("[a]: b", 0, "a key has to be text"),
        ("a\n--- \nb", 2, "a second document: one file is one configuration"),
    ];
    for (text, at, message) in cases {
        assert_eq!(refused(text), (at, message.to_owned()), "{text}");
    }
    for text in ["a: [", "a: *x", "'a", "a: b: c", "{a: b", "- a\nb: c"] {
        assert!(Document::parse(text).is_err(), "{text}");
    }
}

#[test]
fn aliases_of_aliases_do_not_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let last = level - 1;
        let aliases = vec![format!("*a{last}"); 10].join(", ");
        text += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    assert_eq!(refused(&text).1, "too many values, aliases resolved");
}

#[test]
fn depth_has_an_end() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Document::parse(&nested(limits::CONFIG_DEPTH_MAX)).is_ok());
    assert_eq!(refused(&nested(limits::CONFIG_DEPTH_MAX + 1)).1, "nested too deeply");
    assert!(Document::parse(&nested(100_000)).is_err());
}

/// Whatever bytes come, an answer comes: seeded, so that a failure comes again.
#[test]
fn no_input_is_a_panic() {
    let alphabet: Vec<char> = "ab:-[]{}&*!|>'\"#%@,? \n\t~0é\r".chars().collect();
    let mut seed: u64 = 0x5eed;
    for round in 0..20_000 {
        let mut text = String::new();
        for _ in 0..round % 40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let index = (seed >> 33) as usize % alphabet.len();
            text.push(alphabet[index]);
        }
        let _ = Document::parse(&text);
    }
}
