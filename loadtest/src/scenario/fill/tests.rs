use super::*;

#[test]
fn holes_are_filled_or_refused() {
    let values = [("gateway", "127.0.0.1:80".to_owned())];
    assert_eq!(fill("to {{ gateway }}/{{seq}}", &values).unwrap(), "to 127.0.0.1:80/{{seq}}");
    assert!(fill("{{elsewhere}}", &values).unwrap_err().0.contains("elsewhere"));
    assert!(fill("{{gateway", &values).is_err());
    assert_eq!(fill("{a: {b: c}}", &values).unwrap(), "{a: {b: c}}");
}

#[test]
fn words_keep_what_is_in_quotes() {
    let split = words("-H 'a: b c'  --body \"{\" '' x").unwrap();
    assert_eq!(split, ["-H", "a: b c", "--body", "{", "", "x"]);
    assert!(words("it's").is_err());
    assert_eq!(words("  ").unwrap(), Vec::<String>::new());
}
