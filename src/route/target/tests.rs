use super::*;

#[test]
fn fields_are_encoded_with_the_length() {
    let reply = FixedReply::compile(200, &[("content-type", "text/plain")], b"hello!").unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.fields(), b"content-type: text/plain\r\ncontent-length: 6\r\n");
    assert_eq!(reply.body(), b"hello!");
}

#[test]
fn statuses_have_the_length_they_may() {
    let cases =
        [(200, "content-length: 0\r\n"), (204, ""), (205, "content-length: 0\r\n"), (304, "")];
    for (status, expected) in cases {
        let reply = FixedReply::compile(status, &[], b"").unwrap();
        assert_eq!(reply.fields(), expected.as_bytes(), "{status}");
    }
}

#[test]
fn what_no_response_can_be_is_refused() {
    let large = vec![b'x'; REPLY_BODY_BYTES_MAX + 1];
    let cases = [
        (199, &b""[..], FixedReplyError::BadStatus),
        (101, b"", FixedReplyError::BadStatus),
        (600, b"", FixedReplyError::BadStatus),
        (204, b"x", FixedReplyError::BodyNotAllowed),
        (304, b"x", FixedReplyError::BodyNotAllowed),
        (200, &large, FixedReplyError::BodyTooLarge),
    ];
    for (status, body, expected) in cases {
        assert_eq!(FixedReply::compile(status, &[], body), Err(expected), "{status}");
    }
    assert!(FixedReply::compile(599, &[], &large[1..]).is_ok());
}

#[test]
fn fields_that_break_the_head_are_refused() {
    let field = |name, value| FixedReply::compile(200, &[(name, value)], b"");
    assert_eq!(field("a", "1\r\n"), Err(FixedReplyError::Field(FieldError::BadValue)));
    assert_eq!(field("Content-Length", "9"), Err(FixedReplyError::Field(FieldError::Reserved)));
}
