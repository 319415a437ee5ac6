//! What the process says once it serves: a line of JSON for programs, three commands for people.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value, json};

/// Where everything listens, as bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Name and address.
    pub binds: Vec<(String, SocketAddr)>,
    pub admin: Option<String>,
    pub metrics: Option<String>,
    pub readiness: Option<String>,
}

impl Bound {
    /// `{"binds":{"bind/8080":"127.0.0.1:8080"},"admin":..,"stats":..,"ready":..}`, null where off.
    pub fn json(&self) -> String {
        let bind = |(name, address): &(String, SocketAddr)| {
            (name.clone(), Value::from(address.to_string()))
        };
        let binds: Map<String, Value> = self.binds.iter().map(bind).collect();
        json!({
            "binds": binds,
            "admin": self.admin,
            "stats": self.metrics,
            "ready": self.readiness,
        })
        .to_string()
    }

    /// What to try with the built-in configuration.
    pub fn welcome(&self) -> String {
        let mut lines = vec!["Ringway serves its built-in configuration. Try:".to_owned()];
        let proxy = self.binds.first().map(|(_, address)| address.to_string());
        for (address, path, what) in [
            (&proxy, "/hello", "a request through the proxy, to an origin in this process"),
            (&self.metrics, "/metrics", "what was counted"),
            (&self.admin, "/config_dump", "the configuration in use"),
        ] {
            let address = address.as_ref().and_then(|address| address.parse().ok());
            let url = address.map(|address| format!("curl http://{}{path}", reach(address)));
            lines.extend(url.map(|url| format!("  {url:<44} {what}")));
        }
        lines.join("\n")
    }
}

/// Somewhere that a client on this host can connect to.
fn reach(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => format!("localhost:{}", address.port()),
        ip if ip.is_unspecified() => format!("localhost:{}", address.port()),
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests;
