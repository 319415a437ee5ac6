use super::*;
use crate::proto::http1::{HeadLimits, RequestHead};

fn written(write: impl FnOnce(&mut Buffer)) -> String {
    let mut out = Buffer::with_capacity(8);
    write(&mut out);
    String::from_utf8(out.filled().to_vec()).unwrap()
}

#[test]
fn status_lines_read_back() {
    let mut known = 0;
    for status in 100..1000 {
        let line = written(|out| status_line(out, status));
        assert_eq!(line, format!("HTTP/1.1 {status} {}\r\n", reason(status)));
        known += usize::from(!reason(status).is_empty());
    }
    assert_eq!(known, 60);
    assert_eq!(written(|out| status_line(out, 299)), "HTTP/1.1 299 \r\n");
    assert_eq!(written(|out| status_line_with(out, 200, b"Fine")), "HTTP/1.1 200 Fine\r\n");
}

#[test]
fn lines_are_complete() {
    assert_eq!(written(|out| field(out, b"A", b"b c")), "A: b c\r\n");
    assert_eq!(written(|out| content_length(out, 120)), "Content-Length: 120\r\n");
    let line = written(|out| request_line(out, b"GET", b"/a?b"));
    assert_eq!(line, "GET /a?b HTTP/1.1\r\n");
}

#[test]
fn decimals_have_every_length() {
    let mut number: u64 = 0;
    for _ in 0..20 {
        for number in [number, number.wrapping_sub(1), number.wrapping_mul(9)] {
            assert_eq!(written(|out| decimal(out, number)), number.to_string());
        }
        number = number.saturating_mul(10).max(1);
    }
    assert_eq!(written(|out| decimal(out, u64::MAX)), u64::MAX.to_string());
}

/// Every choice of fields gives the same bytes as copying them one by one.
#[test]
fn runs_of_fields_are_copied_as_written() {
    let lines = ["Host: a\r\n", "B:\t2 \r\n", "Ccc:\r\n", "D: \t \r\n", "E: e  \t\r\n"];
    let bytes = format!("GET / HTTP/1.1\r\n{}\r\nbody", lines.concat()).into_bytes();
    let mut head = RequestHead::default();
    head.parse(&bytes, &HeadLimits::default()).unwrap();
    for choice in 0..1_u32 << lines.len() {
        let kept = |index: usize| choice >> index & 1 == 1;
        let mut index = 0;
        let found = written(|out| {
            copy_fields(out, &bytes, &head.fields, |_| {
                index += 1;
                kept(index - 1)
            });
        });
        let expected: String = (0..lines.len()).filter(|&i| kept(i)).map(|i| lines[i]).collect();
        assert_eq!(found, expected, "{choice:#b}");
    }
    assert_eq!(written(|out| copy_fields(out, b"", &[], |_| true)), "");
}

#[test]
fn each_run_is_offered_every_field_once() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nB: b\r\n\r\n";
    let mut head = RequestHead::default();
    head.parse(bytes, &HeadLimits::default()).unwrap();
    let mut offered = Vec::new();
    written(|out| {
        copy_fields(out, bytes, &head.fields, |field| {
            offered.push(field.name.of(bytes));
            false
        });
    });
    assert_eq!(offered, [&b"Host"[..], b"B"]);
}
