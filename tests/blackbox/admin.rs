//! The admin, metrics and readiness servers, as an operator uses them.

use std::time::Duration;

use crate::harness::*;

matrix! {
    workers_are_listed,
    quitting_drains,
}

drivers! {
    the_configuration_is_shown,
    policies_are_listed,
    the_log_level_is_shown_and_set,
    readiness,
    other_sites_are_refused,
    what_is_not_there,
}

fn plain(cell: Cell) -> Proxy {
    let fixed = serde_json::json!({
        "name": "fixed",
        "policies": { "directResponse": { "status": 200, "body": "fixed" } },
    });
    cell.start(&config().route_with("/", fixed))
}

fn ask(proxy: &Proxy, request: &str) -> Response {
    Client::http1(proxy.admin()).ask(&format!("{request}\r\n\r\n"))
}

fn the_configuration_is_shown(cell: Cell) {
    let proxy = plain(cell);
    let response = Client::http1(proxy.admin()).get("/config_dump");
    assert_eq!(response.field("content-type"), Some("application/json"));
    let dump = proxy.config_dump();
    let text = dump.to_string();
    for part in ["config", "compiled", "version", "ringway"] {
        assert!(!dump[part].is_null(), "no `{part}` in {text}");
    }
    assert_eq!(dump["config"]["binds"][0]["port"], 0, "as it was written");
    assert!(text.contains("\"fixed\""), "{text}");
    assert_eq!(dump["ringway"]["synchronized"], true);
}

/// Where the guide to keepalive of agentgateway looks for it.
fn policies_are_listed(cell: Cell) {
    let keepalives = serde_json::json!({ "time": "30s", "interval": "5s", "retries": 3 });
    let tcp = serde_json::json!({ "tcp": { "keepalives": keepalives } });
    let proxy = cell.start(&config().frontend(tcp).route_with("/", serde_json::json!({})));
    let dump = proxy.config_dump();
    let policies = dump["policies"].as_array().unwrap();
    let found = policies.iter().map(|one| &one["policy"]["frontend"]["tCP"]["keepalives"]);
    let found: Vec<_> = found.filter(|found| !found.is_null()).collect();
    assert_eq!(found.len(), 1, "{dump}");
    assert_eq!((&found[0]["time"], &found[0]["retries"]), (&"30s".into(), &3.into()));
}

fn the_log_level_is_shown_and_set(cell: Cell) {
    let proxy = plain(cell);
    assert_eq!(ask(&proxy, "GET /logging HTTP/1.1\r\nHost: a").body().trim(), "info");
    let set = ask(&proxy, "POST /logging?level=debug HTTP/1.1\r\nHost: a\r\nContent-Length: 0");
    assert_eq!((set.status, set.body().trim()), (200, "debug"));
    let quiet = ask(&proxy, "POST /logging?level=error HTTP/1.1\r\nHost: a\r\nContent-Length: 0");
    assert_eq!(quiet.status, 200);
    let signals = || proxy.stderr().matches("SIGHUP received").count();
    proxy.signal("HUP");
    wait::never("it is logged", Duration::from_millis(300), || signals() > 0);
    ask(&proxy, "POST /logging?level=debug HTTP/1.1\r\nHost: a\r\nContent-Length: 0");
    proxy.signal("HUP");
    wait::until("it is logged", || signals() == 1);
    let wrong = ask(&proxy, "POST /logging?level=a=b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 0");
    assert_eq!(wrong.status, 400, "{}", wrong.body());
    assert_eq!(ask(&proxy, "GET /logging HTTP/1.1\r\nHost: a").body().trim(), "debug");
}

fn workers_are_listed(cell: Cell) {
    let proxy = plain(cell);
    let _open: Vec<_> = (0..8)
        .map(|_| {
            let mut client = proxy.client();
            assert_eq!(client.get("/").body(), "fixed");
            client
        })
        .collect();
    wait::until("all connections are counted", || {
        let text = ask(&proxy, "GET /workers HTTP/1.1\r\nHost: a").body();
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        let workers = list["workers"].as_array().unwrap();
        assert_eq!((workers.len(), &list["draining"]), (cell.workers, &false.into()));
        assert!(workers.iter().all(|worker| worker["version"] == 1), "{text}");
        let counts = workers.iter().filter_map(|worker| worker["connections"].as_u64());
        counts.sum::<u64>() == 8
    });
    proxy.await_metric("ringway_num_workers", &[], cell.workers as f64);
    proxy.await_metric("agentgateway_tokio_num_workers", &[], cell.workers as f64);
    let listed = proxy.metrics().values("ringway_worker_busy_ratio", "worker");
    assert_eq!(listed.len(), cell.workers);
}

fn quitting_drains(cell: Cell) {
    let mut proxy = plain(cell);
    let link = ask(&proxy, "GET /quitquitquit HTTP/1.1\r\nHost: a");
    assert_eq!(link.status, 405, "no link does it");
    assert_eq!(proxy.client().get("/").body(), "fixed");
    let quit = ask(&proxy, "POST /quitquitquit HTTP/1.1\r\nHost: a\r\nContent-Length: 0");
    assert_eq!(quit.status, 200);
    assert_eq!(proxy.wait_for_exit(wait::PATIENCE).code(), Some(0));
}

fn readiness(cell: Cell) {
    let proxy = plain(cell);
    let response = Client::http1(proxy.readiness()).get("/healthz/ready");
    assert_eq!((response.status, response.body()), (200, "ready\n".to_owned()));
}

/// What listens on localhost can be reached by every page in an operator's browser.
fn other_sites_are_refused(cell: Cell) {
    let mut proxy = plain(cell);
    for field in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"] {
        let request = format!(
            "POST /quitquitquit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{field}"
        );
        assert_eq!(ask(&proxy, &request).status, 403, "{field}");
    }
    assert_eq!(proxy.client().get("/").body(), "fixed");
    assert!(proxy.running());
}

fn what_is_not_there(cell: Cell) {
    let proxy = plain(cell);
    assert_eq!(ask(&proxy, "GET /nothing HTTP/1.1\r\nHost: a").status, 404);
    assert_eq!(Client::http1(proxy.stats()).get("/nothing").status, 404);
    assert_eq!(Client::http1(proxy.readiness()).get("/nothing").status, 404);
    let index = ask(&proxy, "GET / HTTP/1.1\r\nHost: a").body();
    for path in ["/config_dump", "/workers", "/logging", "/quitquitquit"] {
        assert!(index.contains(path), "{path} is not in the index");
    }
}
