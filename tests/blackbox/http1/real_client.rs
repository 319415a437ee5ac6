//! curl, which nobody here wrote.

use crate::harness::tool::{run, tool};
use crate::harness::*;

drivers! {
    curl_in_all_its_ways,
}

fn curl(arguments: &[&str], input: &[u8]) -> Option<(bool, String)> {
    let mut command = tool("curl")?;
    command.args(["--silent", "--show-error", "--max-time", "20"]).args(arguments);
    let output = run(&mut command, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    Some((output.status.success(), text))
}

fn curl_in_all_its_ways(cell: Cell) {
    let origin = Origin::http1()
        .route("/", "hello")
        .on("/echo", |request, visit| visit.reply(&origin::ok(&*request.body)))
        .answer(
            "/chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n\r\n",
        )
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let url = |path: &str| format!("http://{}{path}", proxy.address());
    let big = vec![b'x'; 3_000_000];
    let echo = url("/echo");
    let cases: [(&[&str], &[u8], &str); 7] = [
        (&[&url("/")], b"", "hello"),
        (&["--http1.0", &url("/")], b"", "hello"),
        (&["--http1.0", &url("/chunked")], b"", "hello"),
        (&[&url("/chunked"), &url("/")], b"", "hellohello"),
        (&["-T", "-", &echo], &big, std::str::from_utf8(&big).unwrap()),
        (
            &["--expect100-timeout", "0.2", "-H", "Expect: 100-continue", "-T", "-", &echo],
            b"small",
            "small",
        ),
        (&["-X", "OPTIONS", "--request-target", "*", &url("/")], b"", "no origin"),
    ];
    for (arguments, input, expected) in cases {
        let Some((_, text)) = curl(arguments, input) else { return };
        assert!(text == expected, "{arguments:?}: {} bytes", text.len());
    }
    let head = curl(&["--head", &url("/")], b"").unwrap().1;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
}
