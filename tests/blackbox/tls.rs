//! TLS that ends at the proxy, and who is let in.

mod clients;
mod hostile;
mod judge;
mod names;
mod negotiation;
mod renewal;
mod traffic;

use serde_json::{Value, json};

use crate::harness::config::{Config, config};
use crate::harness::tls::{Authority, Caller, Files, Offer};
use crate::harness::{Client, Origin, Proxy};

/// An authority, and the files that a configuration names.
struct Bench {
    ours: Authority,
    files: Files,
}

impl Bench {
    fn new() -> Self {
        Self { ours: Authority::new("ours"), files: Files::new() }
    }

    fn caller(&self) -> Caller {
        Caller::new(&self.ours)
    }

    /// One that speaks HTTP/2.
    fn http2_caller(&self) -> Caller {
        Caller::offering(&self.ours, &Offer { alpn: &["h2"], ..Offer::default() })
    }

    /// The key `tls` with a fresh certificate for those names, and more keys.
    fn tls(&self, names: &[&str], more: Value) -> Value {
        let mut tls = self.files.put(names[0], &self.ours.issue(names));
        let (into, from) = (tls.as_object_mut().unwrap(), more.as_object().unwrap());
        into.extend(from.clone());
        tls
    }

    /// One listener for `test`, all of it to the origin.
    fn only(&self, origin: &Origin, more: Value) -> Config {
        config().listener(https(None, self.tls(&["test"], more), origin))
    }
}

/// A listener of protocol HTTPS, for one name or for the rest.
fn https(name: Option<&str>, tls: Value, origin: &Origin) -> Value {
    let mut listener = json!({
        "name": name.unwrap_or("rest").replace('*', "any"),
        "protocol": "HTTPS",
        "tls": tls,
        "routes": [{ "backends": [{ "host": origin.host() }] }],
    });
    if let Some(name) = name {
        listener["hostname"] = json!(name);
    }
    listener
}

fn get(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

fn saying(word: &str) -> Origin {
    Origin::http1().route("/", word).start()
}

/// It still serves, and nothing is left of what went wrong.
fn is_well(proxy: &Proxy, caller: &Caller) {
    let mut client = caller.must(proxy.address(), "test");
    assert_eq!(client.ask(&get("test")).status, 200);
    drop(client);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    proxy.await_buffers(1);
    assert_eq!(proxy.metrics().sum("ringway_panics_total", &[]), 0.0);
}

fn plain(proxy: &Proxy, bytes: &[u8]) -> Client {
    let mut client = proxy.client();
    let _ = client.wire.send(bytes);
    client
}
