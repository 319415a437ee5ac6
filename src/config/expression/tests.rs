use super::{Wants, When, faults};

fn check(text: &str, expected: &[&str]) {
    check_as(text, Wants::Condition, When::Request, expected);
}

fn check_as(text: &str, wants: Wants, when: When, expected: &[&str]) {
    let found = faults(text, wants, when).into_iter().map(|fault| match fault.hint {
        Some(hint) => format!("{} ({hint})", fault.message),
        None => fault.message,
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "of {text}");
}

#[test]
fn what_is_right_passes() {
    for text in [
        "true",
        "request.method == 'GET' && request.path.startsWith('/a')",
        "!(request.headers['x'] in ['a', 'b'])",
        "request.headers.exists(name, name == 'x')",
        "has(request.headers.x) ? request.headers.x == 'a' : random() < 0.5",
        "cidr('10.0.0.0/8').containsIP(source.address)",
        "request.path.matches('^/a/[0-9]+$')",
        "default(request.headers['x'], 'y') == 'y'",
        "request.headers[?'x'].orValue('y') == 'y'",
        "[1, 2].map(x, [3].map(y, x + y)).size() == 2",
        "type(request.path) == string",
    ] {
        check(text, &[]);
    }
}

#[test]
fn unknown_names_are_told_with_near_ones() {
    check(
        "reqest.path == ''",
        &["at character 1: unknown variable `reqest` (did you mean `request`?)"],
    );
    check(
        "request.pth == ''",
        &["at character 8: unknown field `request.pth` (did you mean `path`?)"],
    );
    check(
        "request.path.startWith('/')",
        &["at character 23: unknown function `startWith` (did you mean `startsWith`?)"],
    );
    check(
        "frobnicate(request.path)",
        &["at character 11: unknown function `frobnicate` (the functions are listed in \
         config/policies.yaml)"],
    );
    check(
        "source.adress == '' && sorce.port == 1",
        &[
            "at character 7: unknown field `source.adress` (did you mean `address`?)",
            "at character 24: unknown variable `sorce` (did you mean `source`?)",
        ],
    );
    check("[1].exists(n, m == 1)", &["at character 15: unknown variable `m` (did you mean `n`?)"]);
}

#[test]
fn what_agentgateway_knows_is_said_to_be_so() {
    check(
        "jwt.sub == 'a'",
        &["at character 1: `jwt` is known to agentgateway, not supported by Ringway yet"],
    );
    check(
        "request.startTime == ''",
        &[
            "at character 8: `request.startTime` is known to agentgateway, not supported by Ringway \
           yet",
        ],
    );
    check(
        "sha256(request.path) == ''",
        &["at character 7: `sha256` is known to agentgateway, not supported by Ringway yet"],
    );
}

#[test]
fn types_are_checked_where_they_are_known() {
    check("request.path", &["gives text, and true or false is wanted"]);
    check("request.path == 1", &["at character 14: text is never equal to an int"]);
    check("source.port < '5'", &["at character 13: an int is not compared with text"]);
    check("request.path + 1 == ''", &["at character 14: `+` of text and an int"]);
    check(
        "source.port * 1.5 > 2.0",
        &["at character 13: `*` of an int and a double (numbers of two types are converted by \
         int(), uint() or double())"],
    );
    check(
        "request.path && true",
        &["at character 14: `&&` and `||`: each side is true or false, not text"],
    );
    check("!request.path", &["at character 1: `!`: what follows is true or false, not text"]);
    check(
        "request.path.contains(1)",
        &["at character 22: `contains` does not take what it is given (it is text.contains(text))"],
    );
    check(
        "size() == 1",
        &["at character 5: `size` does not take what it is given (it is size(anything) or \
         anything.size())"],
    );
    check("request.path.x == ''", &["at character 13: text has no field `x`"]);
    check("'a' in request.path", &["at character 5: `in`: text holds nothing"]);
    check(
        "request.headers[1] == 'a'",
        &["at character 16: the name of a header is text, not an int"],
    );
    check_as(
        "request.headers",
        Wants::Text,
        When::Request,
        &["gives headers, and text, a number or true or false is wanted"],
    );
    check_as("request.path", Wants::Number, When::Request, &["gives text, and a number is wanted"]);
}

#[test]
fn a_request_has_no_response_yet() {
    check("response.code == 200", &["at character 1: there is no `response` yet"]);
    check_as("response.code == 200", Wants::Condition, When::Response, &[]);
}

#[test]
fn patterns_are_written_out_and_compile() {
    check(
        "request.path.matches(request.headers.x)",
        &["at character 21: a regular expression is written out, in quotes"],
    );
    check(
        "request.path.matches('(')",
        &["at character 21: not a regular expression: unclosed group"],
    );
    check(
        "request.path.matches('((a{1000}){1000}){1000}')",
        &[
            "at character 21: not a regular expression: Compiled regex exceeds size limit of 1048576 \
         bytes.",
        ],
    );
    check(
        "cidr('10.0.0.0/99').containsIP(source.address)",
        &["at character 5: `10.0.0.0/99` is no set of addresses, as in 10.0.0.0/8"],
    );
    check(
        "cidr(source.address).containsIP(source.address)",
        &["at character 5: a set of addresses is written out, in quotes"],
    );
}

#[test]
fn what_cannot_be_read_says_where() {
    check("request.path ==", &["not an expression: at character 16: mismatched input '<EOF>'"]);
    check("", &["not an expression: at character 1: mismatched input '<EOF>'"]);
    check("a b", &["not an expression: at character 3: extraneous input 'b'"]);
}

#[test]
fn size_depth_and_loops_are_bounded() {
    let long = format!("'{}' == ''", "a".repeat(5000));
    check(&long, &["an expression of more than 4096 bytes"]);
    let told = |text: &str| faults(text, Wants::Condition, When::Request);
    for nested in ["(", "[", "!(", "-(", "{1:", "true ? true : ", "size("] {
        for count in [40, 250] {
            let text = nested.repeat(count);
            assert_eq!(told(&text).len(), 1, "{text}");
        }
    }
    let deep = format!("{}true{}", "(".repeat(1500), ")".repeat(1500));
    assert_eq!(told(&deep).len(), 1);
    let sum = format!("1{} == 2", " + 1".repeat(1000));
    assert!(told(&sum)[0].message.ends_with("more than 32 deep"), "{:?}", told(&sum));
    let calls = format!("'a'{} == 'a'", ".trim()".repeat(500));
    assert!(told(&calls)[0].message.ends_with("more than 32 deep"), "{:?}", told(&calls));
    let fields = format!("dyn(1){} == 2", ".a".repeat(1500));
    assert!(told(&fields)[0].message.ends_with("more than 32 deep"), "{:?}", told(&fields));
    check(
        "[1].exists(a, [1].exists(b, [1].exists(c, c == a)))",
        &["at character 39: more than 2 loops in each other"],
    );
}
