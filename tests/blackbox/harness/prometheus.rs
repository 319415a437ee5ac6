//! A Prometheus server of a test's own: scrapes what it is told every second, evaluates a copy of
//! our rules in which no alert waits, and says what fires.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};

use super::client::Client;
use super::scratch::{Scratch, read};
use super::tool::tool;
use super::wait::PATIENCE;

pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    scratch: Scratch,
}

impl Prometheus {
    /// `None` where the program may be missing.
    pub fn start(rules: &Path) -> Option<Self> {
        let mut command = tool("prometheus")?;
        let scratch = Scratch::new();
        scratch.replace("rules.yaml", &impatient(&read(rules)));
        scratch.replace("targets.json", "[]");
        let file = scratch.replace("prometheus.yaml", CONFIG);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", scratch.path("tsdb").display()));
        command.args(["--web.listen-address=127.0.0.1:0", "--log.level=info"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("prometheus starts");
        let (tell, told) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
        thread::spawn(move || {
            // To the end, so that it never waits for a reader.
            let addresses = lines.map_while(Result::ok).filter_map(|line| listens(&line));
            for address in addresses {
                let _ = tell.send(address);
            }
        });
        let Ok(address) = told.recv_timeout(3 * PATIENCE) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("prometheus does not listen");
        };
        Some(Self { child, address, scratch })
    }

    /// Scrapes these from now on, and none else.
    pub fn watch(&self, targets: &[SocketAddr]) {
        let targets: Vec<String> = targets.iter().map(SocketAddr::to_string).collect();
        self.scratch.replace("targets.json", &json!([{ "targets": targets }]).to_string());
    }

    /// The samples that an expression has now.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let answer = self.api(&format!("query?query={}", escaped(expression)));
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let result = answer["data"]["result"].as_array().cloned();
        result.unwrap_or_else(|| panic!("{expression}: {answer}"))
    }

    /// The value of an expression of one sample; 0 where there is none.
    pub fn value(&self, expression: &str) -> f64 {
        let samples = self.query(expression);
        let text = samples.first().and_then(|sample| sample["value"][1].as_str());
        text.map_or(0.0, |text| text.parse().expect("a number"))
    }

    /// Names of the alerts that fire.
    pub fn firing(&self) -> BTreeSet<String> {
        let answer = self.api("alerts");
        let alerts = answer["data"]["alerts"].as_array().expect("a list").clone();
        let fires = alerts.iter().filter(|alert| alert["state"] == "firing");
        fires.map(|alert| alert["labels"]["alertname"].as_str().expect("a name").into()).collect()
    }

    fn api(&self, what: &str) -> Value {
        let response = Client::http1(self.address).get(&format!("/api/v1/{what}"));
        serde_json::from_str(&response.body()).expect("an answer in JSON")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rules with nothing to wait for: how long a state has to last is promtool's to test.
fn impatient(rules: &str) -> String {
    let at_once = |line: &str| match line.trim_start().starts_with("for: ") {
        true => "    for: 0s\n".to_owned(),
        false => format!("{line}\n"),
    };
    rules.lines().map(at_once).collect()
}

fn listens(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("\"Listening on\" address=")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

const CONFIG: &str = "
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files:
- rules.yaml
scrape_configs:
- job_name: ringway
  file_sd_configs:
  - files:
    - targets.json
    refresh_interval: 1s
";
