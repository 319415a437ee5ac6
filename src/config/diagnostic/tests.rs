use super::*;

#[test]
fn the_nearest_word() {
    let known = ["protocol", "hostname", "hostnames", "listeners", "connectTimeout", "port", "on"];
    let cases = [
        ("prot", Some("protocol")),
        ("protcol", Some("protocol")),
        ("hostname ", Some("hostname")),
        ("Hostname", Some("hostname")),
        ("hsotname", Some("hostname")),
        ("connect_timeout", Some("connectTimeout")),
        ("connect-timeout", Some("connectTimeout")),
        ("lisener", Some("listeners")),
        ("prt", Some("port")),
        ("tls", None),
        ("x", None),
        ("", None),
        ("something else", None),
    ];
    for (written, expected) in cases {
        assert_eq!(nearest(written, known), expected, "{written}");
    }
}

fn problem(line: u32, column: u32, path: &str) -> Problem {
    let place = Place::File { line, column };
    Problem { place, path: path.to_owned(), message: "wrong".to_owned(), hint: None }
}

#[test]
fn problems_stand_in_the_order_of_the_file() {
    let mut found = Diagnostics::new("f.yaml");
    let place = Place::Environment;
    found.push(Problem { place, hint: Some("so".to_owned()), ..problem(0, 0, "NAME") });
    found.push(problem(10, 1, "c"));
    found.push(problem(2, 10, "b"));
    found.push(problem(2, 9, ""));
    let found = found.into_result(Some(())).unwrap_err();
    let expected = "f.yaml:2:9: wrong\nf.yaml:2:10: b: wrong\nf.yaml:10:1: c: wrong\n\
                    environment: NAME: wrong\n    hint: so";
    assert_eq!(found.to_string(), expected);
    assert_eq!(found.problems().len(), 4);
}

#[test]
fn many_problems_are_counted() {
    let mut found = Diagnostics::new("f.yaml");
    for line in 1..=limits::CONFIG_PROBLEMS_MAX + 3 {
        found.push(problem(u32::try_from(line).unwrap(), 1, ""));
    }
    let told = found.to_string();
    assert_eq!(told.lines().count(), limits::CONFIG_PROBLEMS_MAX + 1);
    assert!(told.ends_with("\nand 3 more"), "{told}");
}

#[test]
fn nothing_wrong_is_a_value() {
    assert_eq!(Diagnostics::new("f").into_result(Some(7)), Ok(7));
}
