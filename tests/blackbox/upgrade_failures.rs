//! New processes that do not come up: killed at each step, hanging, of another version, refused by
//! their configuration. The old one goes on, and says why.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::harness::load::{Habit, Load};
use crate::harness::*;

drivers! {
    one_that_is_killed_changes_nothing,
    one_that_cannot_start_changes_nothing,
    one_that_hangs_is_ended,
    one_upgrade_at_a_time,
    the_end_of_the_old_one_ends_the_upgrade,
    a_reload_waits_for_the_upgrade,
    the_new_one_survives_the_old_one,
}

const MIXED: &[Habit] = &[Habit::KeepAlive, Habit::KeepAlive, Habit::Churn, Habit::Churn];

fn plain() -> config::Config {
    let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": "in" } } });
    config().route_with("/", fixed).drain("0s", "60s")
}

/// A proxy whose successors stop at this step.
fn halting(cell: Cell, step: &str, config: &config::Config) -> Proxy {
    let cell = Cell { workers: 2, ..cell };
    Proxy::with(config).on(cell).variable("RINGWAY_TEST_HALT", step).start()
}

fn failures(proxy: &Proxy) -> f64 {
    proxy.metrics().sum("ringway_upgrades_failed_total", &[])
}

/// It still does all it did.
fn goes_on(proxy: &mut Proxy) {
    assert!(proxy.running());
    assert_eq!(proxy.ready_status(), 200);
    for _ in 0..20 {
        assert_eq!(proxy.client().get("/").body(), "in");
    }
}

fn one_that_is_killed_changes_nothing(cell: Cell) {
    for step in ["hello", "sockets", "prepared", "go", "serving"] {
        let mut proxy = halting(cell, step, &plain());
        // From then on it accepts: its own connections go with it, as those of any process.
        let load = (step != "serving").then(|| Load::start(proxy.address(), "/", "in", MIXED));
        proxy.signal("USR2");
        let new = proxy.await_halt(step);
        if let Some(load) = &load {
            load.wait_for(50);
        }
        proxy::signal(new, "KILL");
        wait::until("it is noticed", || proxy.stderr().contains("the upgrade failed"));
        // Why it ended is told unless that takes it too long.
        let told = ["signal: 9", "the new process went away"];
        assert!(told.iter().any(|why| proxy.stderr().contains(why)), "{}", proxy.stderr());
        if let Some(load) = load {
            load.wait_for(50);
            load.stop();
        }
        goes_on(&mut proxy);
        wait::until("it is counted", || failures(&proxy) == 1.0);
        wait::until("it is gone", || proxy.alive() == [proxy.pid()]);
    }
}

fn one_that_cannot_start_changes_nothing(cell: Cell) {
    let mut proxy = cell.start(&plain());
    let load = Load::start(proxy.address(), "/", "in", MIXED);
    proxy.scratch().replace("bad.yaml", "binds: [{port: nonsense}]\n");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let bind = json!({ "port": port, "address": "127.0.0.1", "listeners": [{ "routes": [] }] });
    proxy.scratch().replace("taken.yaml", &plain().bind(bind).text());
    let words = |file| proxy.words(file, 1);
    let (bad, in_use, none) = (words("bad.yaml"), words("taken.yaml"), words("none.yaml"));
    let program = |path: &str| vec!["--program".to_owned(), path.to_owned()];
    let cases = [
        (bad, "expected a number"),
        (in_use, "address in use"),
        (none, "No such file"),
        (program("/no/such/program"), "cannot start /no/such/program"),
        (program("/bin/false"), "exit status: 1"),
        (program("/bin/true"), "exit status: 0"),
        (["--", "--nonsense"].map(str::to_owned).to_vec(), "exit status: 2"),
    ];
    for (n, (words, expected)) in cases.iter().enumerate() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let why = proxy.upgrade(&words).unwrap_err();
        assert!(why.contains("the running process goes on"), "{why}");
        assert!(why.contains(expected), "{words:?}: {why}");
        wait::until("it is told", || proxy.stderr().contains("the upgrade failed"));
        wait::until("it is counted", || failures(&proxy) == n as f64 + 1.0);
        load.wait_for(10);
    }
    load.stop();
    goes_on(&mut proxy);
    // And then one that does.
    let next = proxy.upgrade(&[]).unwrap();
    proxy.await_alone(next);
}

fn one_that_hangs_is_ended(cell: Cell) {
    let short = plain().process(json!({ "ringway": { "upgrade": { "timeout": "2s" } } }));
    for step in ["hello", "prepared"] {
        let mut proxy = halting(cell, step, &short);
        let why = proxy.upgrade(&[]).unwrap_err();
        assert!(why.contains("did not serve in time"), "{why}");
        wait::until("it is ended", || proxy.alive() == [proxy.pid()]);
        goes_on(&mut proxy);
    }
    // Some other program altogether, which never says a word.
    let mut proxy = cell.start(&short);
    let why = proxy.upgrade(&["--program", "/bin/sleep", "--", "600"]).unwrap_err();
    assert!(why.contains("it never asked for the sockets"), "{why}");
    wait::until("it is ended", || proxy.alive() == [proxy.pid()]);
    goes_on(&mut proxy);
}

fn one_upgrade_at_a_time(cell: Cell) {
    let mut proxy = halting(cell, "prepared", &plain());
    proxy.signal("USR2");
    let new = proxy.await_halt("prepared");
    proxy.signal("USR2");
    wait::until("the second is refused", || proxy.stderr().contains("no upgrade: an upgrade to"));
    let why = proxy.upgrade(&[]).unwrap_err();
    assert!(why.contains(&format!("an upgrade to process {new} is under way")), "{why}");
    assert_eq!(proxy.successors(), [new]);
    // The first one is none the worse for it.
    proxy::signal(new, "CONT");
    proxy.await_alone(new);
    assert_eq!(proxy.client().get("/").body(), "in");
    // The one that drains is no more to be upgraded; the new one is.
    assert_eq!(proxy.wait_for_first(wait::PATIENCE).code(), Some(0));
    assert_eq!(proxy.ready_status(), 200);
}

/// SIGTERM while the new process is not ready: what it asked for comes first.
fn the_end_of_the_old_one_ends_the_upgrade(cell: Cell) {
    let origin = Origin::http1().route("/", "in").start();
    let mut proxy = halting(cell, "prepared", &config().route("/", &origin).drain("0s", "60s"));
    let load = Load::start(proxy.address(), "/", "in", MIXED);
    load.wait_for(20);
    proxy.signal("USR2");
    let new = proxy.await_halt("prepared");
    load.leave();
    load.wait_until_left();
    let mut idle = proxy.client();
    proxy.await_metric("ringway_active_connections", &[], 1.0);
    proxy.drain();
    wait::until("the new one is ended", || !upgrade::is_alive(new));
    // It drains as ever: what is open gets its answer.
    let response = idle.get("/");
    assert_eq!((response.body(), response.closes()), ("in".to_owned(), true));
    assert_eq!(proxy.wait_for_exit(Duration::from_secs(60)).code(), Some(0));
    assert!(proxy.stderr().contains("this process was told to end"), "{}", proxy.stderr());
}

/// What was asked for meanwhile is done by the one that stays.
fn a_reload_waits_for_the_upgrade(cell: Cell) {
    let fixed =
        |body: &str| json!({ "policies": { "directResponse": { "status": 200, "body": body } } });
    for ends in ["KILL", "CONT"] {
        let proxy = halting(cell, "prepared", &plain());
        proxy.signal("USR2");
        let new = proxy.await_halt("prepared");
        proxy.write(&plain().route_with("/new", fixed("new")).text());
        proxy.signal("HUP");
        wait::until("the signal is taken", || proxy.stderr().contains("SIGHUP"));
        assert_eq!(proxy.client().get("/new").body(), "in", "not yet");
        proxy::signal(new, ends);
        wait::until("it is served", || proxy.client().get("/new").body() == "new");
    }
}

/// The old process dies when the new one has its sockets: what waits in them is served.
fn the_new_one_survives_the_old_one(cell: Cell) {
    let proxy = halting(cell, "prepared", &plain());
    proxy.signal("USR2");
    let new = proxy.await_halt("prepared");
    proxy.signal("KILL");
    wait::until("it is gone", || !upgrade::is_alive(proxy.pid()));
    let mut waiting: Vec<_> = (0..8).map(|_| proxy.client()).collect();
    for client in &mut waiting {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    proxy::signal(new, "CONT");
    for client in &mut waiting {
        assert_eq!(client.response().body(), "in");
    }
    wait::until("it is ready", || proxy.ready_status() == 200);
    assert!(proxy.stderr().contains("the old process is gone"), "{}", proxy.stderr());
}

/// A conversation with whoever listens there, in messages.
fn conversation(path: &Path) -> Socket {
    let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    socket.connect(&SockAddr::unix(path).unwrap()).unwrap();
    socket.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    socket
}

fn say(mut socket: &Socket, message: &Value) {
    socket.write_all(message.to_string().as_bytes()).unwrap();
}

fn hear(mut socket: &Socket) -> Value {
    let mut bytes = vec![0; 65536];
    let count = loop {
        match socket.read(&mut bytes) {
            // A wait with a limit is not taken up again by the kernel.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read.unwrap(),
        }
    };
    serde_json::from_slice(&bytes[..count]).unwrap_or(Value::Null)
}

#[test]
fn a_successor_of_another_version_is_refused() {
    let mut proxy = Proxy::with(&plain()).start();
    let path = proxy.scratch().path(upgrade::SOCKET);
    for (words, expected) in [
        (json!({ "say": "hello", "protocol": 99, "version": "9.0.0" }), "protocol 99 is spoken"),
        (json!({ "say": "upgrade", "protocol": 2, "anything": [] }), "protocol 2 is spoken"),
        (json!({ "say": "greetings" }), "was not understood"),
        (json!({ "say": "ready" }), "nothing to begin with"),
        (json!("nonsense"), "was not understood"),
    ] {
        let socket = conversation(&path);
        say(&socket, &words);
        let answer = hear(&socket);
        assert_eq!(answer["say"], "refused", "{words}: {answer}");
        assert!(answer["why"].as_str().unwrap().contains(expected), "{words}: {answer}");
    }
    // One that takes the sockets, and then says what nobody asked for.
    let socket = conversation(&path);
    say(&socket, &json!({ "say": "hello", "protocol": 1, "version": "x" }));
    assert_eq!(hear(&socket)["say"], "sockets");
    say(&socket, &json!({ "say": "serving", "kept": [] }));
    assert_eq!(hear(&socket)["say"], "refused");
    goes_on(&mut proxy);
    // One that only connects keeps nobody else out for long.
    let silent = conversation(&path);
    let next = proxy.upgrade(&[]).unwrap();
    drop(silent);
    proxy.await_alone(next);
}

/// What stands behind the socket is of another version: neither side does anything.
#[test]
fn an_old_process_of_another_version_is_left_alone() {
    let scratch = scratch::Scratch::new();
    let path = scratch.path("old.sock");
    let listener = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(8).unwrap();
    let file = scratch.replace("gateway.yaml", &plain().text());
    let answers = [
        (json!({ "say": "refused", "why": "not in this version" }), "not in this version"),
        (json!({ "say": "sockets", "protocol": 7, "of": [], "more": false }), "protocol 7"),
        (json!({ "say": "welcome" }), "speaks otherwise"),
        (Value::Null, "speaks otherwise"),
    ];
    for (answer, expected) in answers {
        let mut take_over = proxy::executable();
        take_over.arg("-f").arg(&file).arg("--take-over").arg(&path);
        let mut upgrade = proxy::executable();
        upgrade.arg("upgrade").arg("--upgrade-socket").arg(&path);
        for (mut command, first) in [(take_over, "hello"), (upgrade, "upgrade")] {
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            let child = command.spawn().unwrap();
            let (socket, _) = listener.accept().unwrap();
            assert_eq!(hear(&socket)["say"], first);
            say(&socket, &answer);
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            let is_told = said.contains(expected) || first == "upgrade";
            assert!(is_told, "{answer}: {said}");
        }
    }
}

#[test]
fn nobody_to_upgrade() {
    let scratch = scratch::Scratch::new();
    let mut command = proxy::executable();
    let path = scratch.path("none.sock");
    let output = command.arg("upgrade").arg("--upgrade-socket").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no process to upgrade at"), "{said}");
    let mut command = proxy::executable();
    let output = command.arg("--take-over").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no process to take over from"), "{said}");
}
