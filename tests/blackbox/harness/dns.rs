//! A name server of a few names: A records over UDP, changed while it runs.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Default)]
struct Zone {
    names: Mutex<BTreeMap<String, Vec<Ipv4Addr>>>,
    ttl_seconds: AtomicUsize,
    asked: AtomicUsize,
    /// It is there, and says nothing.
    silent: AtomicBool,
    stop: AtomicBool,
}

pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Zone>,
}

impl NameServer {
    pub fn start(ttl_seconds: usize) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port for the name server");
        let address = socket.local_addr().expect("a bound socket has an address");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let zone = Arc::new(Zone::default());
        zone.ttl_seconds.store(ttl_seconds, Ordering::SeqCst);
        let served = Arc::clone(&zone);
        thread::spawn(move || serve(&socket, &served));
        Self { address, zone }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a name stands for from now on.
    pub fn set(&self, name: &str, addresses: &[Ipv4Addr]) {
        let mut names = self.zone.names.lock().expect("no thread panics with the lock");
        names.insert(name.to_owned(), addresses.to_vec());
    }

    /// The name is gone: NXDOMAIN.
    pub fn remove(&self, name: &str) {
        self.zone.names.lock().expect("no thread panics with the lock").remove(name);
    }

    pub fn set_silent(&self, silent: bool) {
        self.zone.silent.store(silent, Ordering::SeqCst);
    }

    /// Queries so far.
    pub fn asked(&self) -> usize {
        self.zone.asked.load(Ordering::SeqCst)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.zone.stop.store(true, Ordering::SeqCst);
    }
}

fn serve(socket: &UdpSocket, zone: &Zone) {
    let mut query = [0; 1500];
    while !zone.stop.load(Ordering::SeqCst) {
        let Ok((count, peer)) = socket.recv_from(&mut query) else { continue };
        zone.asked.fetch_add(1, Ordering::SeqCst);
        let silent = zone.silent.load(Ordering::SeqCst);
        if let Some(answer) = answer(zone, &query[..count]).filter(|_| !silent) {
            let _ = socket.send_to(&answer, peer);
        }
    }
}

/// RFC 1035 section 4: the question comes back, with what there is behind it.
fn answer(zone: &Zone, query: &[u8]) -> Option<Vec<u8>> {
    let (mut at, mut name) = (12, String::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(query.get(at..at + length)?).ok()?);
        at += length;
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    let names = zone.names.lock().expect("no thread panics with the lock");
    let known = names.get(&name.to_ascii_lowercase());
    // AAAA has no records here, which is no error.
    let addresses: &[Ipv4Addr] = if kind == 1 { known.map_or(&[], Vec::as_slice) } else { &[] };
    let mut out = query[..2].to_vec();
    // An authoritative answer, with recursion where that was desired; 3 is NXDOMAIN.
    out.extend([0x84 | query[2] & 1, if known.is_some() { 0x80 } else { 0x83 }]);
    out.extend([0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    out.extend(&query[12..at + 4]);
    let ttl = zone.ttl_seconds.load(Ordering::SeqCst) as u32;
    for address in addresses {
        out.extend([0xc0, 12, 0, 1, 0, 1]);
        out.extend(ttl.to_be_bytes());
        out.extend([0, 4]);
        out.extend(address.octets());
    }
    Some(out)
}
