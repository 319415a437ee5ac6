//! Clients that nobody here wrote: curl, h2load, and the conformance cases of httpwg.

use std::process::Command;

use crate::harness::tool::{run, tool};
use crate::harness::*;

drivers! {
    curl_with_prior_knowledge,
    httpwg_passes_all_cases,
}

matrix! {
    h2load_has_no_failure,
}

fn origin() -> Origin {
    super::echo(Origin::http1()).route("/", "hello").route("/big", super::pattern(1 << 20)).start()
}

fn curl_with_prior_knowledge(cell: Cell) {
    let origin = origin();
    let proxy = cell.start(&config().route("/", &origin));
    let big = super::pattern(1 << 20);
    let cases: [(&[&str], &[u8], &[u8]); 4] = [
        (&["/"], b"", b"hello"),
        (&["/big"], b"", &big),
        (&["/echo", "-T", "-"], &big, &big),
        (&["/echo", "--data-binary", "@-"], &big, &big),
    ];
    for (arguments, input, expected) in cases {
        let Some(mut curl) = tool("curl") else { return };
        curl.args(["--http2-prior-knowledge", "--silent", "--show-error", "--max-time", "20"]);
        curl.arg(format!("http://{}{}", proxy.address(), arguments[0])).args(&arguments[1..]);
        let output = run(&mut curl, input);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        assert!(output.stdout == expected, "{arguments:?}: {} bytes", output.stdout.len());
    }
}

fn h2load_has_no_failure(cell: Cell) {
    let origin = origin();
    let proxy = cell.start(&config().route("/", &origin));
    let Some(mut h2load) = tool("h2load") else { return };
    h2load.args(["-n", "400", "-c", "4", "-m", "25"]);
    h2load.arg(format!("http://{}/", proxy.address()));
    let output = run(&mut h2load, b"");
    let text = String::from_utf8_lossy(&output.stdout);
    let all = "400 total, 400 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout";
    assert!(text.contains(all), "{text}");
    assert!(text.contains("status codes: 400 2xx"), "{text}");
}

/// Its cases are those of RFC 9113's rules; the origin reads whole bodies, since a case that sends
/// a wrong second half wants no answer to the first.
fn httpwg_passes_all_cases(cell: Cell) {
    let origin = origin();
    let proxy = cell.start(&config().route("/", &origin));
    let Some(mut httpwg) = httpwg() else { return };
    httpwg.args(["--address", &proxy.address().to_string(), "--frame-timeout", "3000"]);
    let output = run(&mut httpwg, b"");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("107/107"), "{text}");
}

/// Where the checks install it, or wherever it is.
fn httpwg() -> Option<Command> {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/bin/httpwg");
    if std::path::Path::new(built).exists() { Some(Command::new(built)) } else { tool("httpwg") }
}
