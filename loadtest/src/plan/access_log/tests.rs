use super::*;

const COMMON: &str = r#"127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.0" 200 2326
::1 - bob [10/Oct/2000:13:55:38 -0700] "POST /c HTTP/1.1" 404 12 "http://r" "agent [x]"
garbage
127.0.0.1 - - [10/Oct/2000:13:55:37 -0700] "GET /a?b=1 HTTP/1.0" 200 2326
"#;

fn request(method: &str, path: &str) -> Request {
    Request { method: method.into(), path: path.into() }
}

#[test]
fn the_common_format() {
    let log = read(COMMON.as_bytes()).expect("requests");
    assert_eq!(log.requests, [request("GET", "/a?b=1"), request("POST", "/c")]);
    let at = Duration::from_secs;
    assert_eq!(log.records, [(at(0), 0), (at(1), 0), (at(2), 1)]);
    assert_eq!(log.skipped, 1);
}

#[test]
fn ringways_own_lines_count_from_their_beginning() {
    let text = "2026-11-21T10:00:01.500000Z\tinfo\trequest gateway=default/default \
        http.method=GET http.host=a http.path=/x http.status=200 duration=500ms \
        duration_us=500000\n\
        2026-11-21T10:00:02.250000Z\tinfo\trequest http.method=PUT http.path=\"/y z\"\n\
        2026-11-21T10:00:02.250000Z\tinfo\trequest http.method=PUT http.path=\"/y\"\n";
    let log = read(text.as_bytes()).expect("requests");
    assert_eq!(log.requests, [request("GET", "/x"), request("PUT", "/y")]);
    assert_eq!(log.records[1].0, Duration::from_millis(1250));
    assert_eq!(log.skipped, 1, "a path with a space in it");
    let json = r#"{"level":"info","time":"2026-11-21T12:00:01+02:00","scope":"request",
        "http.method":"GET","http.path":"/x","duration_us":0}"#;
    let log = read(json.replace('\n', "").as_bytes()).expect("requests");
    assert_eq!(log.requests, [request("GET", "/x")]);
}

#[test]
fn times_are_counted_from_the_epoch() {
    assert_eq!(parse_rfc3339("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(parse_rfc3339("2000-02-29T12:00:00.5Z"), Some(951_825_600_500_000));
    assert_eq!(parse_common_time("10/Oct/2000:13:55:36 -0700"), Some(971_211_336_000_000));
    for bad in ["", "x", "2000-02-29", "2000-02-29T12:00:00.5+x"] {
        assert_eq!(parse_rfc3339(bad), None, "{bad}");
    }
}

#[test]
fn a_file_without_requests_is_refused() {
    for text in ["", "garbage\n", "a [b] \"c\"\n", "{}\n", "\trequest\n"] {
        assert!(read(text.as_bytes()).is_err(), "{text:?}");
    }
}
