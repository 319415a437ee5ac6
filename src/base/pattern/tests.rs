use super::*;

fn regex(expression: &str) -> Pattern {
    Pattern::regex(expression).unwrap()
}

#[test]
fn patterns_match_what_they_say() {
    let cases = [
        (Pattern::exact("abc"), vec!["abc"], vec!["", "ab", "abcd", "ABC"]),
        (Pattern::exact(""), vec![""], vec!["a"]),
        (Pattern::prefix("ab"), vec!["ab", "abc"], vec!["a", "xab"]),
        (Pattern::suffix("bc"), vec!["bc", "abc"], vec!["c", "bcx"]),
        (Pattern::contains("b"), vec!["b", "abc"], vec!["", "ac"]),
        (regex("[0-9]+"), vec!["1", "123"], vec!["", "a1", "1a", "1\n"]),
        (regex("a|ab"), vec!["a", "ab"], vec!["abc", "b"]),
        (regex("^a$"), vec!["a"], vec!["ba", "a\n"]),
        (regex("(?i)abc"), vec!["abc", "ABC"], vec!["abcd"]),
        (regex("(?m)^a$"), vec!["a"], vec!["a\nb", "b\na"]),
        (regex(""), vec![""], vec!["a"]),
    ];
    for (pattern, matched, refused) in cases {
        for text in matched {
            assert!(pattern.matches(text.as_bytes()), "{pattern:?} must match {text:?}");
        }
        for text in refused {
            assert!(!pattern.matches(text.as_bytes()), "{pattern:?} must not match {text:?}");
        }
    }
}

#[test]
fn bytes_that_are_not_text_match_only_as_bytes() {
    assert!(Pattern::Exact(vec![0xFF].into()).matches(&[0xFF]));
    assert!(!regex(".*").matches(&[0xFF]));
    assert!(regex("(?-u:.*)").matches(&[0xFF]));
}

#[test]
fn bad_expressions_are_refused() {
    let cases = [
        ("(", PatternError::Syntax),
        ("a)|(b", PatternError::Syntax),
        ("[z-a]", PatternError::Syntax),
        (r"(a)\1", PatternError::Syntax),
        (r"[\w]{5000}", PatternError::TooLarge),
    ];
    for (expression, expected) in cases {
        assert_eq!(Pattern::regex(expression).unwrap_err(), expected, "{expression}");
    }
}
