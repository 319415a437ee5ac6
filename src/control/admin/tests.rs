//! Against real sockets and a stand-in for the control loop.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc as channel;
use std::thread;
use std::time::Duration;

use super::*;
use crate::config::scalar::Address;
use crate::control::inherit::Inherited;

/// The three servers, and a loop that answers them in a fixed way. Ends with the test process.
fn start() -> [SocketAddr; 3] {
    let (sender, receiver) = channel::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (desk, asks) = Desk::new();
            let routers =
                [admin_router(desk.clone()), metrics_router(desk.clone()), readiness_router(desk)];
            let mut servers = serve::Servers::new();
            let bound = routers.map(|router| {
                let opened =
                    open::open("x", &Address::Localhost(0), false, &mut Inherited::default())
                        .unwrap();
                servers.serve(opened.doors, &router);
                opened.address.unwrap().parse().unwrap()
            });
            sender.send(bound).unwrap();
            answer(asks).await;
            // The servers go on after the loop has ended.
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

async fn answer(mut asks: mpsc::Receiver<Ask>) {
    let mut level = "info".to_owned();
    let mut reasons = Vec::new();
    while let Some(ask) = asks.recv().await {
        match ask {
            Ask::Ready(reply) => reply.send(reasons.clone()).unwrap(),
            Ask::Config(reply) => reply.send(serde_json::json!({ "binds": [] })).unwrap(),
            Ask::Workers(reply) => reply.send(serde_json::json!({ "workers": [] })).unwrap(),
            Ask::Clusters(reply) => reply.send(serde_json::json!({ "clusters": [] })).unwrap(),
            Ask::Budgets(reply) => reply.send(serde_json::json!({ "budgets": [] })).unwrap(),
            Ask::ResetBudget(name, reply) => reply.send(name == "one").unwrap(),
            Ask::Metrics(format, reply) => reply.send(format!("{format:?}\n")).unwrap(),
            Ask::LogLevel(reply) => reply.send(level.clone()).unwrap(),
            Ask::SetLogLevel(wanted, reply) if wanted == "loud" => {
                reply.send(Err("no level `loud`".into())).unwrap();
            }
            Ask::SetLogLevel(wanted, reply) => {
                level = wanted;
                reply.send(Ok(level.clone())).unwrap();
            }
            Ask::Quit(reply) if reasons.is_empty() => {
                reasons = vec!["draining".to_owned(), "worker 1 stalled".to_owned()];
                reply.send(()).unwrap();
            }
            Ask::Quit(_) => return,
        }
    }
}

/// Sends a request line and fields; status, fields, body of the answer.
fn ask(address: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "{request}\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

fn check(address: SocketAddr, request: &str, status: u16, body: &str) {
    let (found, _, text) = ask(address, request);
    assert_eq!((found, text.as_str()), (status, body), "{request}");
}

#[test]
fn every_endpoint_answers() {
    let [admin, metrics, ready] = start();
    check(admin, "GET / HTTP/1.1", 200, INDEX);
    check(admin, "GET /nothing HTTP/1.1", 404, "not found; GET / lists what there is\n");
    check(admin, "GET /config_dump HTTP/1.1", 200, "{\n  \"binds\": []\n}\n");
    check(admin, "GET /workers HTTP/1.1", 200, "{\n  \"workers\": []\n}\n");
    assert!(ask(admin, "GET /workers HTTP/1.1").1.contains("content-type: application/json"));

    check(metrics, "GET /metrics HTTP/1.1", 200, "Text\n");
    check(metrics, "GET /stats/prometheus HTTP/1.1", 200, "Text\n");
    check(metrics, "GET / HTTP/1.1", 404, "try /metrics\n");
    let open = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text";
    let (_, fields, body) = ask(metrics, open);
    assert_eq!(body, "OpenMetrics\n");
    assert!(fields.contains("content-type: application/openmetrics-text; version=1.0.0"));

    check(ready, "GET /healthz/ready HTTP/1.1", 200, "ready\n");
    check(ready, "GET /healthz HTTP/1.1", 404, "try /healthz/ready\n");
}

#[test]
fn the_level_of_the_log_is_shown_and_set() {
    let [admin, ..] = start();
    check(admin, "GET /logging HTTP/1.1", 200, "info\n");
    check(admin, "POST /logging?level=http=debug HTTP/1.1", 200, "http=debug\n");
    check(admin, "GET /logging HTTP/1.1", 200, "http=debug\n");
    check(admin, "POST /logging HTTP/1.1", 200, "http=debug\n");
    check(admin, "POST /logging?level=loud HTTP/1.1", 400, "no level `loud`\n");
}

#[test]
fn quitting_is_posted_and_shows_in_readiness() {
    let [admin, _, ready] = start();
    assert_eq!(ask(admin, "GET /quitquitquit HTTP/1.1").0, 405);
    check(ready, "GET /healthz/ready HTTP/1.1", 200, "ready\n");
    check(admin, "POST /quitquitquit HTTP/1.1", 200, "draining\n");
    let reasons = "not ready:\ndraining\nworker 1 stalled\n";
    check(ready, "GET /healthz/ready HTTP/1.1", 503, reasons);
    // The loop ends without an answer.
    check(admin, "POST /quitquitquit HTTP/1.1", 503, "this process is about to end\n");
    check(ready, "GET /healthz/ready HTTP/1.1", 503, "this process is about to end\n");
}

#[test]
fn a_web_page_cannot_use_the_admin_server() {
    let [admin, _, ready] = start();
    for fields in [
        "POST /quitquitquit HTTP/1.1\r\nOrigin: http://evil.example",
        "GET /config_dump HTTP/1.1\r\nSec-Fetch-Site: cross-site",
        "GET /config_dump HTTP/1.1\r\nSec-Fetch-Site: same-site",
    ] {
        check(admin, fields, 403, "not for web pages\n");
    }
    // What an operator types into the address line.
    assert_eq!(ask(admin, "GET /workers HTTP/1.1\r\nSec-Fetch-Site: none").0, 200);
    check(ready, "GET /healthz/ready HTTP/1.1", 200, "ready\n");
}
