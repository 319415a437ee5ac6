//! Foreign programs: clients and judges that nobody here wrote. In CI a missing one is a failure.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The program, or `None` where it may be missing.
pub fn tool(name: &str) -> Option<Command> {
    let found = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
    assert!(found || !ci, "{name} is missing");
    if !found {
        eprintln!("skipped: {name} is missing");
    }
    found.then(|| Command::new(name))
}

/// Runs it with `input` on its stdin.
pub fn run(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_vec();
    // Beside it: the program may write before it has read.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    feed.join().expect("the feeding thread ends");
    output
}
