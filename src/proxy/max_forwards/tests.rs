use super::*;
use crate::proto::http1::{HeadLimits, Parsed};

fn check(method: &str, line: &str, expected: Option<u64>) {
    let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n{line}\r\n");
    let mut request = RequestHead::default();
    let parsed = request.parse(head.as_bytes(), &HeadLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete), "{head}");
    assert_eq!(of(&request, head.as_bytes()), expected, "{head}");
}

#[test]
fn it_is_a_number_of_an_options_or_a_trace() {
    for method in ["OPTIONS", "TRACE"] {
        check(method, "", None);
        check(method, "Max-Forwards: 0\r\n", Some(0));
        check(method, "mAX-fORWARDS: 0070\r\n", Some(70));
        check(method, "Max-Forwards: 99999999999999999999999\r\n", Some(u64::MAX));
        for garbage in ["", "-1", "+1", "1,1", "0x1", "one"] {
            check(method, &format!("Max-Forwards: {garbage}\r\n"), None);
        }
    }
    for method in ["GET", "POST", "HEAD"] {
        check(method, "Max-Forwards: 0\r\n", None);
    }
}
