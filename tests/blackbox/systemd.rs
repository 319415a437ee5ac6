//! What systemd asks of a service: notification of every turn of its life, a watchdog, and sockets
//! that were there before it.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::harness::*;

fn plain() -> config::Config {
    let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": "in" } } });
    config().route_with("/", fixed).drain("0s", "60s")
}

/// The other end of `NOTIFY_SOCKET`.
struct Systemd {
    socket: UnixDatagram,
    scratch: scratch::Scratch,
}

impl Systemd {
    fn new() -> Self {
        let scratch = scratch::Scratch::new();
        let socket = UnixDatagram::bind(scratch.path("notify")).unwrap();
        socket.set_read_timeout(Some(wait::PATIENCE)).unwrap();
        Self { socket, scratch }
    }

    fn path(&self) -> String {
        self.scratch.path("notify").display().to_string()
    }

    fn hear(&self) -> String {
        let mut bytes = [0; 4096];
        let count = loop {
            match self.socket.recv(&mut bytes) {
                // A wait with a limit is not taken up again by the kernel.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.expect("it is told something in time"),
            }
        };
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// The next that begins so; all else fails.
    fn expect(&self, begin: &str) -> String {
        let text = self.hear();
        assert!(text.starts_with(begin), "{text:?}, and not {begin:?}");
        text
    }
}

#[test]
fn each_turn_of_life_is_told() {
    let systemd = Systemd::new();
    let mut proxy = Proxy::with(&plain()).variable("NOTIFY_SOCKET", &systemd.path()).start();
    systemd.expect("READY=1\nSTATUS=serves configuration version 1");
    proxy.signal("HUP");
    assert!(systemd.expect("RELOADING=1\nMONOTONIC_USEC=").contains("\nSTATUS="));
    systemd.expect("READY=1\nSTATUS=serves configuration version 2");
    proxy.write("binds: nonsense\n");
    systemd.expect("RELOADING=1");
    systemd.expect("READY=1\nSTATUS=serves; the last configuration read was refused");
    // An upgrade that fails is a reload that changed nothing.
    let why = proxy.upgrade(&[]).unwrap_err();
    assert!(why.contains("expected a list"), "{why}");
    systemd.expect("RELOADING=1");
    systemd.expect("READY=1\nSTATUS=serves; the last upgrade failed");
    proxy.write(&plain().text());
    systemd.expect("RELOADING=1");
    systemd.expect("READY=1\nSTATUS=serves configuration version");
    let next = proxy.upgrade(&[]).unwrap();
    systemd.expect("RELOADING=1");
    systemd.expect(&format!("MAINPID={next}\nREADY=1\n"));
    // Not one word of the old one that it stops.
    assert_eq!(proxy.wait_for_first(wait::PATIENCE).code(), Some(0));
    systemd.expect("READY=1\nSTATUS=serves");
    proxy::signal(next, "TERM");
    systemd.expect("STOPPING=1\nSTATUS=drains");
}

#[test]
fn the_watchdog_is_fed() {
    let systemd = Systemd::new();
    let launch = Proxy::with(&plain()).variable("NOTIFY_SOCKET", &systemd.path());
    let proxy = launch.variable("WATCHDOG_USEC", "400000").start();
    systemd.expect("READY=1");
    for _ in 0..3 {
        systemd.expect("WATCHDOG=1");
    }
    // By the new process after an upgrade.
    let next = proxy.upgrade(&[]).unwrap();
    while !systemd.hear().starts_with(&format!("MAINPID={next}\n")) {}
    systemd.expect("READY=1\nSTATUS=serves, in the place of another process");
    systemd.expect("WATCHDOG=1");
    systemd.expect("WATCHDOG=1");
}

/// Listens at an address, in a group that others may join or alone.
fn listening(address: SocketAddr, group: bool) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_port(group).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(64).unwrap();
    socket
}

/// The process as systemd starts it, with two sockets.
fn activated(sockets: [Socket; 2], names: &str, file: &std::path::Path, workers: usize) -> Child {
    let [first, second] = sockets.map(OwnedFd::from);
    let program = proxy::executable();
    let mut command = std::process::Command::new("sh");
    let script = "exec 3<&0 4<&2 </dev/null 2>/dev/null; export LISTEN_PID=$$ LISTEN_FDS=2; \
                  exec \"$0\" \"$@\"";
    command.arg("-c").arg(script).arg(program.get_program());
    command.arg("-f").arg(file).args(["--announce", "--workers", &workers.to_string()]);
    command.env("LISTEN_FDNAMES", names).env_remove("NOTIFY_SOCKET");
    command.stdin(Stdio::from(first)).stderr(Stdio::from(second)).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn announced(child: &mut Child) -> Value {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("announced: {line:?}"))
}

fn end(mut child: Child) {
    proxy::signal(child.id(), "TERM");
    wait::until("it ends", || child.try_wait().unwrap().is_some());
}

/// Who connected before it was there is served by it: on several sockets of one port, with fewer
/// workers than sockets and with more.
#[test]
fn sockets_of_systemd_are_served() {
    for (workers, group) in [(1, true), (2, true), (4, true), (3, false)] {
        let scratch = scratch::Scratch::new();
        let address = crate::reload::free_address();
        let first = listening(address, group);
        let second = if group { listening(address, group) } else { first.try_clone().unwrap() };
        let route = json!({ "policies": { "directResponse": { "status": 200, "body": "in" } } });
        let bind = json!({
            "port": address.port(), "address": address.ip(), "listeners": [{ "routes": [route] }],
        });
        let text = plain().bind(bind).text();
        let mut early: Vec<_> = (0..8).map(|_| Client::http1(address)).collect();
        for client in &mut early {
            client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        }
        let file = scratch.replace("gateway.yaml", &text);
        let mut child = activated([first, second], "ringway.socket:ringway.socket", &file, workers);
        let bound = announced(&mut child);
        let name = format!("bind/{}", address.port());
        assert_eq!(bound["binds"][&name], address.to_string(), "{bound}");
        for client in &mut early {
            assert_eq!(client.response().body(), "in", "{workers} workers");
        }
        drop(early);
        for _ in 0..20 {
            assert_eq!(Client::http1(address).get("/").body(), "in", "{workers} workers");
        }
        end(child);
    }
}

#[test]
fn sockets_go_by_name_too() {
    let scratch = scratch::Scratch::new();
    let (bind, stats) = (listening(free_any(), false), listening(free_any(), false));
    let at = |socket: &Socket| socket.local_addr().unwrap().as_socket().unwrap();
    let (bind_at, stats_at) = (at(&bind), at(&stats));
    let file = scratch.replace("gateway.yaml", &plain().text());
    let mut child = activated([bind, stats], "bind/0:statsAddr", &file, 1);
    let bound = announced(&mut child);
    assert_eq!(bound["binds"]["bind/0"], bind_at.to_string());
    assert_eq!(bound["stats"], stats_at.to_string());
    assert_eq!(Client::http1(bind_at).get("/").body(), "in");
    assert_eq!(Client::http1(stats_at).get("/metrics").status, 200);
    end(child);
}

fn free_any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
