use super::*;

#[test]
fn prior_knowledge_is_told_from_http_1() {
    assert_eq!(matches(b""), Match::SoFar);
    for cut in 1..PREFACE.len() {
        assert_eq!(matches(&PREFACE[..cut]), Match::SoFar);
        let mut other = PREFACE[..cut].to_vec();
        other[cut - 1] ^= 1;
        assert_eq!(matches(&other), Match::No);
    }
    assert_eq!(matches(&[&PREFACE[..], b"more"].concat()), Match::Yes);
    assert_eq!(matches(b"PRI * HTTP/1.1\r\n"), Match::No);
}
