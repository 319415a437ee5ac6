//! The access log: a line for each exchange, that nobody can forge.

use std::fs;

use serde_json::{Value, json};

use crate::harness::scratch::{self, Scratch};
use crate::harness::*;

matrix! {
    every_exchange_has_a_line,
    a_renamed_file_is_opened_anew,
}

drivers! {
    the_default_is_text_on_stdout,
    json_lines_are_json,
    text_cannot_be_forged,
    what_failed_says_why,
    an_id_is_of_one_request,
    what_cannot_be_written_is_counted,
}

fn to_file(scratch: &Scratch, format: &str) -> Value {
    let file = scratch.path("access.log");
    json!({ "ringway": { "accessLog": { "to": { "file": file }, "format": format } } })
}

fn lines(path: &std::path::Path) -> Vec<String> {
    scratch::read(path).lines().map(str::to_owned).collect()
}

fn every_exchange_has_a_line(cell: Cell) {
    let scratch = Scratch::new();
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin).process(to_file(&scratch, "json")));
    let threads: Vec<_> = (0..8)
        .map(|client: usize| {
            let address = proxy.address();
            std::thread::spawn(move || {
                let mut connection = Client::http1(address);
                for n in 0..25 {
                    connection.get(&format!("/?{client}-{n}"));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let path = scratch.path("access.log");
    wait::until("all lines are written", || lines(&path).len() >= 200);
    let mut paths: Vec<_> = lines(&path)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["http.path"].to_string())
        .collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 200);
}

fn the_default_is_text_on_stdout(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let log = json!({ "ringway": { "accessLog": { "to": "stdout" } } });
    let proxy = cell.start(&config().route("/", &origin).process(log));
    let mut client = proxy.client();
    client.ask("GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: id-1\r\n\r\n");
    wait::until("the line is there", || proxy.stdout().ends_with('\n'));
    let line = proxy.stdout();
    let fields = [
        format!("endpoint={}", origin.host()),
        format!("src.addr={}", client.address()),
        "http.method=GET".to_owned(),
        "http.host=a.example".to_owned(),
        "http.path=/a?b=c".to_owned(),
        "http.version=HTTP/1.1".to_owned(),
        "http.status=404".to_owned(),
        "protocol=http".to_owned(),
        "request.id=id-1".to_owned(),
        "duration=".to_owned(),
    ];
    for field in fields {
        let bare = line.replace('"', "");
        assert!(bare.contains(&format!(" {field}")), "no `{field}` in {line:?}");
    }
    assert_eq!(line.lines().count(), 1);
}

/// One that was answered here has none, and not that of the request before it.
fn an_id_is_of_one_request(cell: Cell) {
    let scratch = Scratch::new();
    let origin = Origin::http1().route("/", "hello").start();
    let config = config().route("/here", &origin).process(to_file(&scratch, "json"));
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    for path in ["/here", "/elsewhere", "/here"] {
        client.get(path);
    }
    let path = scratch.path("access.log");
    wait::until("all lines are written", || lines(&path).len() == 3);
    let ids: Vec<Value> = lines(&path)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["request.id"].clone())
        .collect();
    let made = |id: &Value| id.as_str().is_some_and(|id| id.len() == 32 && !id.contains('\0'));
    assert!(made(&ids[0]) && ids[1].is_null() && made(&ids[2]), "{ids:?}");
    assert_ne!(ids[0], ids[2]);
}

const HOSTILE: &[(&str, &str)] = &[
    ("/\"quoted\"", "plain"),
    ("/back\\slash", "back\\slash"),
    ("/{brace}'`", "a\" http.status=999 b=\"c"),
    ("/%0a%0d%00%22", "tab\there \\\" and \\n"),
    ("/a=b&http.status=999", "{\"a\":1}"),
];

fn hostile(proxy: &Proxy) {
    for (path, id) in HOSTILE {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n");
        // Whether it is served does not matter, but its line does.
        raw::exchange(proxy.address(), format!("{request}Connection: close\r\n\r\n").as_bytes());
    }
    let bytes =
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \xff\xfe\xc3\r\nConnection: close\r\n\r\n";
    raw::exchange(proxy.address(), bytes);
    raw::exchange(proxy.address(), b"G\x01T /\n http.status=999 HTTP/1.1\r\n\r\n");
}

fn json_lines_are_json(cell: Cell) {
    let scratch = Scratch::new();
    let origin = Origin::http1().start();
    let proxy = cell.start(&config().route("/", &origin).process(to_file(&scratch, "json")));
    hostile(&proxy);
    let path = scratch.path("access.log");
    let wanted = HOSTILE.len() + 2;
    wait::until("all lines are written", || lines(&path).len() >= wanted);
    let lines = lines(&path);
    assert_eq!(lines.len(), wanted, "{lines:#?}");
    for line in &lines {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(record["level"], "info");
        assert!(record["http.status"] != 999, "{line}");
    }
    let served = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let forwarded = served.filter(|record| record["http.status"] == 404);
    for record in forwarded {
        let id = record["request.id"].as_str().unwrap_or_default().to_owned();
        // What is no UTF-8 is shown byte by byte.
        let kept = HOSTILE.iter().any(|(_, sent)| *sent == id);
        assert!(kept || id == "\u{ff}\u{fe}\u{c3}", "{id:?}");
    }
}

fn text_cannot_be_forged(cell: Cell) {
    let scratch = Scratch::new();
    let origin = Origin::http1().start();
    let proxy = cell.start(&config().route("/", &origin).process(to_file(&scratch, "text")));
    hostile(&proxy);
    let path = scratch.path("access.log");
    let wanted = HOSTILE.len() + 2;
    wait::until("all lines are written", || lines(&path).len() >= wanted);
    let lines = lines(&path);
    assert_eq!(lines.len(), wanted, "{lines:#?}");
    for line in lines {
        assert!(line.bytes().all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte)), "{line:?}");
        let bare = outside_quotes(&line);
        assert!(!bare.contains(" http.status=999"), "{line:?}");
        assert!(bare.matches(" http.status=").count() <= 1, "{line:?}");
    }
}

/// What is left of a line without its quoted values.
fn outside_quotes(line: &str) -> String {
    let (mut bare, mut quoted, mut escaped) = (String::new(), false, false);
    for c in line.chars() {
        match (quoted, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, false, '"') => quoted = !quoted,
            (true, ..) => (),
            (false, ..) => bare.push(c),
        }
    }
    assert!(!quoted, "a quote is not closed: {line:?}");
    bare
}

fn what_failed_says_why(cell: Cell) {
    let scratch = Scratch::new();
    let origin = Origin::answering("nonsense\r\n\r\n");
    let proxy = cell.start(&config().route("/up", &origin).process(to_file(&scratch, "json")));
    assert_eq!(proxy.client().get("/up").status, 502);
    assert_eq!(proxy.client().get("/missing").status, 404);
    let path = scratch.path("access.log");
    wait::until("both lines are written", || lines(&path).len() == 2);
    let records: Vec<Value> =
        lines(&path).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |status: u16| records.iter().find(|record| record["http.status"] == status).unwrap();
    assert_eq!(find(502)["reason"], "UpstreamFailure");
    assert!(find(502)["error"].as_str().is_some_and(|error| error.contains("malformed")));
    assert_eq!(find(404)["reason"], "NotFound");
}

fn a_renamed_file_is_opened_anew(cell: Cell) {
    let scratch = Scratch::new();
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin).process(to_file(&scratch, "text")));
    let (path, old) = (scratch.path("access.log"), scratch.path("access.log.1"));
    let mut client = proxy.client();
    for _ in 0..20 {
        client.get("/?before");
    }
    fs::rename(&path, &old).unwrap();
    proxy.signal("HUP");
    wait::until("a new file is there", || path.exists());
    for _ in 0..20 {
        client.get("/?after");
    }
    wait::until("nothing is missing", || lines(&path).len() + lines(&old).len() == 40);
    assert!(lines(&path).iter().all(|line| line.contains("after")));
    proxy.await_metric("ringway_access_records_dropped_total", &[], 0.0);
}

/// The traffic goes on.
fn what_cannot_be_written_is_counted(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let log = json!({ "ringway": { "accessLog": { "to": { "file": "/dev/full" } } } });
    let proxy = cell.start(&config().route("/", &origin).process(log));
    let mut client = proxy.client();
    for _ in 0..50 {
        assert_eq!(client.get("/").body(), "hello");
    }
    proxy.await_metric("ringway_access_records_dropped_total", &[], 50.0);
    assert!(proxy.metrics().sum("ringway_access_log_errors_total", &[]) > 0.0);
}
