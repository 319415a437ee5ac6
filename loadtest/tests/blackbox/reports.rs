//! Reports: the forms they have, what they are compared with, the server beside them, the knee.

use serde_json::Value;

use super::support::{Folder, Server, command, load, loadtest, run};

#[test]
fn every_form_says_whether_the_loop_was_closed() {
    let server = Server::hello();
    let folder = Folder::new("forms");
    let (html, hgrm, json) = (folder.path("a.html"), folder.path("a.hgrm"), folder.path("a.json"));
    let files = format!("--html {html} --hgrm {hgrm} --json {json}");
    let ended = loadtest(&format!("run {} -c 2 -d 1200ms {files}", server.url()));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.out.contains("CLOSED LOOP") && ended.out.contains("p99.9"), "{ended:?}");
    let page = std::fs::read_to_string(html).expect("it was written");
    assert!(page.contains("Closed loop") && page.matches("<svg").count() >= 3, "{page}");
    assert!(!page.contains("http-equiv") && !page.contains("src="), "it needs nothing else");
    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).expect("it was written"))
        .expect("it is JSON");
    assert_eq!(json["loop"], "closed");
    assert!(!json["timeline"].as_array().expect("seconds").is_empty(), "{json:#}");
    let hgrm = std::fs::read_to_string(hgrm).expect("it was written");
    let total = format!("Total count    = {:>12}", json["answers"].as_u64().expect("a number"));
    assert!(hgrm.contains(&total) && hgrm.contains("1.000000000000"), "{hgrm}");
    let open = loadtest(&format!("run {} -c 2 -d 300ms --rate 50", server.url()));
    assert!(!open.out.contains("CLOSED") && open.out.contains("open loop"), "{open:?}");
}

#[test]
fn a_fall_against_an_earlier_run_is_an_exit_code() {
    let server = Server::hello();
    let folder = Folder::new("compare");
    let ended = load(&format!("{} -c 2 -d 300ms", server.url()));
    for (factor, code) in [(0.001, 0), (1000.0, 1)] {
        let mut old = ended.json();
        let rate = old["answers_per_second"].as_f64().expect("a rate");
        old["answers_per_second"] = (rate * factor).into();
        let file = folder.file("old.json", old.to_string());
        let words = format!("run {} -c 2 -d 300ms --compare {file}", server.url());
        let compared = loadtest(&words);
        assert_eq!(compared.code(), Some(code), "{compared:?}");
        assert_eq!(compared.out.contains("FELL"), code == 1, "{compared:?}");
    }
    let file = folder.file("other.json", "{}");
    let ended = loadtest(&format!("run {} --compare {file}", server.url()));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
}

#[test]
fn the_server_is_measured_beside_the_load() {
    // The servers of these tests live in this process.
    let server = Server::hello();
    let pid = std::process::id();
    let ended = load(&format!("{} -c 4 -d 700ms --pid {pid}", server.url()));
    assert!(ended.number("/server/cpu_ns_per_request") > 0.0, "{ended:?}");
    assert!(ended.number("/server/peak/resident_bytes") > 1e6, "{ended:?}");
    assert!(ended.number("/server/peak/descriptors") >= 4.0, "{ended:?}");
    assert!(ended.number("/load/cpu_ns_per_request") > 0.0, "{ended:?}");
    let ended = load(&format!("{} -d 300ms --pid 999999999", server.url()));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
}

#[test]
fn capacity_finds_a_rate_that_holds() {
    let server = Server::hello();
    let flags = "-c 4 --step 200ms --from 20 --to 80 --slo p50=5s --slo-errors 50";
    let ended = loadtest(&format!("capacity {} {flags} --json -", server.url()));
    assert_eq!((ended.code(), ended.number("/per_second")), (Some(0), 80.0), "{ended:?}");
    assert_eq!(ended.json()["steps"].as_array().map(Vec::len), Some(3), "{ended:?}");
    // Nothing holds what cannot be held.
    let folder = Folder::new("capacity");
    let page = folder.path("knee.html");
    let flags = "-c 4 --step 100ms --from 20 --to 80 --slo p50=1us";
    let ended = loadtest(&format!("capacity {} {flags} --html {page}", server.url()));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.out.contains("no rate that was tried holds"), "{ended:?}");
    assert!(std::fs::read_to_string(page).expect("it was written").contains("<svg"));
}

#[test]
fn connections_are_capped_by_the_limit_of_files_and_that_is_said() {
    let server = Server::hello();
    let words = format!("run --json - {} -c 5000 -d 200ms", server.url());
    let executable = command("").get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    let line = format!("ulimit -n 120; exec {} {words}", executable.display());
    limited.args(["-c", &line]).stdout(std::process::Stdio::piped());
    limited.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let ended = run(limited);
    assert!(ended.number("/connections") < 120.0, "{ended:?}");
    assert!(ended.json()["notes"].to_string().contains("not 5000"), "{ended:?}");
    assert!(ended.number("/answers") > 0.0, "{ended:?}");
}
