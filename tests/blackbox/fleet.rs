//! Two gateways behind one address, as a fleet is upgraded: one is drained, leaves the balancer, and
//! is replaced, then the other; clients notice nothing. Each is a host of its own, a network
//! namespace; between them and the clients is a router that balances connections as kube-proxy does,
//! by rewriting their addresses.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::json;

use crate::harness::load::{Habit, Load};
use crate::harness::scratch::Scratch;
use crate::harness::*;

#[test]
fn a_fleet_is_replaced_one_by_one() {
    if tool::tool("nft").is_none() || !may_make_hosts() {
        return;
    }
    let net = Net::new();
    // What a thread starts, sockets and processes, is on the host that the thread is on.
    let client = net.name("client");
    let rolled = thread::spawn(move || {
        enter(&client);
        roll(&net);
    });
    rolled.join().expect("nothing was lost");
}

const MIXED: &[Habit] = &[Habit::KeepAlive, Habit::KeepAlive, Habit::Churn, Habit::Churn];
const VIP: &str = "10.77.1.1:8080";
const HOSTS: [&str; 2] = ["10.77.10.2", "10.77.11.2"];

fn roll(net: &Net) {
    let mut fleet = HOSTS.map(|address| Some(net.start(address)));
    net.balance(&[true, true]);
    let admin = format!("{}:15000", HOSTS[0]);
    let refused = std::net::TcpStream::connect(&admin).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "it is for its host alone");
    let address: SocketAddr = VIP.parse().unwrap();
    let loads =
        [Load::start(address, "/", "in", MIXED), Load::start_h2c(address, "in", &MIXED[..2])];
    loads.iter().for_each(|load| load.wait_for(50));
    for place in [0, 1, 0] {
        let mut old = fleet[place].take().unwrap();
        old.signal("TERM");
        wait::until("it says that it drains", || old.ready_status() == 503);
        // It answers for as long as its `min`: the balancer has time to look.
        let mut left = [true, true];
        left[place] = false;
        net.balance(&left);
        loads.iter().for_each(|load| load.wait_for(50));
        assert_eq!(old.wait_for_exit(wait::PATIENCE).code(), Some(0), "{}", old.stderr());
        let said = old.stderr();
        assert!(!said.contains("were cut"), "{said}");
        let new = net.start(HOSTS[place]);
        wait::until("it is ready", || new.ready_status() == 200);
        fleet[place] = Some(new);
        net.balance(&[true, true]);
        loads.iter().for_each(|load| load.wait_for(50));
        let served = || fleet[place].as_ref().unwrap().metrics().sum(REQUESTS, &[]);
        wait::until("the new one has its share", || served() > 0.0);
    }
    for load in loads {
        load.stop();
    }
}

const REQUESTS: &str = "agentgateway_requests_total";

/// The hosts and the lines between them; all gone with it.
struct Net {
    names: Vec<String>,
}

impl Net {
    fn new() -> Self {
        let mut net = Self { names: Vec::new() };
        for host in ["client", "router", HOSTS[0], HOSTS[1]] {
            let name = net.name(host);
            run(&["ip", "netns", "add", &name]);
            net.names.push(name.clone());
            run(&["ip", "-n", &name, "link", "set", "lo", "up"]);
        }
        net.line("client", "10.77.0");
        for host in HOSTS {
            net.line(host, host.rsplit_once('.').unwrap().0);
        }
        let router = net.name("router");
        net.within(&router, &["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
        net
    }

    fn name(&self, host: &str) -> String {
        format!("rw{}-{host}", std::process::id())
    }

    /// Between the router (.1) and a host (.2), which reaches everything by it.
    fn line(&self, host: &str, network: &str) {
        let (router, host) = (self.name("router"), self.name(host));
        let end = format!("to{}", network.rsplit_once('.').unwrap().1);
        run(&[
            "ip", "-n", &router, "link", "add", &end, "type", "veth", "peer", "up0", "netns", &host,
        ]);
        for (name, device, last) in [(&router, end.as_str(), 1), (&host, "up0", 2)] {
            let address = format!("{network}.{last}/24");
            run(&["ip", "-n", name, "address", "add", &address, "dev", device]);
            run(&["ip", "-n", name, "link", "set", device, "up"]);
        }
        let gateway = format!("{network}.1");
        run(&["ip", "-n", &host, "route", "add", "default", "via", &gateway]);
    }

    /// New connections go to these in turn; one that is open stays where it is.
    fn balance(&self, to: &[bool; 2]) {
        let hosts: Vec<_> = HOSTS.iter().zip(to).filter(|(_, is_in)| **is_in).collect();
        let turns = hosts.iter().enumerate().map(|(turn, (host, _))| format!("{turn} : {host}"));
        let turns: Vec<_> = turns.collect();
        let (count, turns) = (hosts.len(), turns.join(", "));
        let rules = format!(
            "table ip fleet {{}}
             delete table ip fleet
             table ip fleet {{
               chain balance {{
                 type nat hook prerouting priority dstnat;
                 ip daddr 10.77.1.1 dnat to numgen inc mod {count} map {{ {turns} }}
               }}
             }}"
        );
        let file = Scratch::new();
        let path = file.replace("rules", &rules);
        self.within(&self.name("router"), &["nft", "-f", path.to_str().unwrap()]);
    }

    fn within(&self, name: &str, words: &[&str]) {
        assert!(self.names.iter().any(|own| own == name), "{name}");
        let mut all = vec!["ip", "netns", "exec", name];
        all.extend_from_slice(words);
        run(&all);
    }

    /// A gateway on that host.
    fn start(&self, address: &str) -> Proxy {
        let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": "in" } } });
        let listeners = json!([{ "routes": [fixed] }]);
        let text = json!({
            "config": {
                "statsAddr": format!("{address}:15020"),
                "readinessAddr": format!("{address}:15021"),
                "connectionMinTerminationDeadline": "2s",
                "connectionTerminationDeadline": "30s",
            },
            "binds": [{ "port": 8080, "address": address, "listeners": listeners }],
        });
        let scratch = Scratch::new();
        let file = scratch.replace(proxy::FILE, &text.to_string());
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(address)]);
        command.arg(env!("CARGO_BIN_EXE_ringway")).arg("-f").arg(file);
        command.args(["--announce", "--workers", "2"]);
        Proxy::start(command, scratch)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().expect("the program starts");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// It takes root, and a kernel that lets it. In CI it is no choice.
fn may_make_hosts() -> bool {
    let name = format!("rw{}-try", std::process::id());
    let ip = |verb: &str| {
        let mut command = Command::new("ip");
        command.args(["netns", verb, &name]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let may = ip("add") && ip("delete");
    assert!(may || std::env::var_os("CI").is_none(), "no network namespace can be made here");
    if !may {
        eprintln!("skipped: no network namespace can be made here");
    }
    may
}

/// This thread goes to another host, with all that it starts.
#[allow(unsafe_code)]
fn enter(name: &str) {
    let file = File::open(format!("/var/run/netns/{name}")).unwrap();
    // SAFETY: a call without pointers, for this thread alone.
    let moved = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(moved, 0, "{}", std::io::Error::last_os_error());
}
