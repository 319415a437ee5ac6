//! Configurations, built as JSON: YAML in which nothing needs a guess about quotes.

use serde_json::{Value, json};

use super::origin::Origin;

#[derive(Clone, Debug)]
pub struct Config {
    process: Value,
    frontend: Value,
    binds: Vec<Value>,
    listeners: Vec<Value>,
    routes: Vec<Value>,
    blocks: Vec<(&'static str, Value)>,
}

/// One bind on loopback with a port of the kernel's choice, one listener, no routes yet.
pub fn config() -> Config {
    Config {
        process: json!({
            "adminAddr": "127.0.0.1:0",
            "statsAddr": "127.0.0.1:0",
            "readinessAddr": "127.0.0.1:0",
            "ringway": { "accessLog": { "to": "off" }, "pin": false },
        }),
        frontend: json!({}),
        binds: Vec::new(),
        listeners: Vec::new(),
        routes: Vec::new(),
        blocks: Vec::new(),
    }
}

impl Config {
    /// Everything under a path prefix to an origin.
    pub fn route(self, prefix: &str, origin: &Origin) -> Self {
        self.route_with(prefix, json!({ "backends": [{ "host": origin.host() }] }))
    }

    /// A route by prefix, with anything else in it.
    pub fn route_with(self, prefix: &str, rest: Value) -> Self {
        let mut route = json!({ "matches": [{ "path": { "pathPrefix": prefix } }] });
        merge(&mut route, rest);
        self.route_as(route)
    }

    pub fn route_as(mut self, route: Value) -> Self {
        self.routes.push(route);
        self
    }

    /// Listeners in the place of the one that has the routes.
    pub fn listener(mut self, listener: Value) -> Self {
        self.listeners.push(listener);
        self
    }

    /// A bind beside the first.
    pub fn bind(mut self, bind: Value) -> Self {
        self.binds.push(bind);
        self
    }

    /// Any other key of the file.
    pub fn block(mut self, key: &'static str, value: Value) -> Self {
        self.blocks.push((key, value));
        self
    }

    /// Keys of `config`.
    pub fn process(mut self, keys: Value) -> Self {
        merge(&mut self.process, keys);
        self
    }

    pub fn limits(self, limits: Value) -> Self {
        self.process(json!({ "ringway": { "limits": limits } }))
    }

    pub fn forwarded(self, forwarded: Value) -> Self {
        self.process(json!({ "ringway": { "forwarded": forwarded } }))
    }

    /// For how long a drain accepts, and when it is over.
    pub fn drain(self, min: &str, max: &str) -> Self {
        self.process(json!({
            "connectionMinTerminationDeadline": min,
            "connectionTerminationDeadline": max,
        }))
    }

    pub fn frontend(mut self, keys: Value) -> Self {
        merge(&mut self.frontend, keys);
        self
    }

    pub fn text(&self) -> String {
        let mut listeners = self.listeners.clone();
        if listeners.is_empty() {
            listeners.push(json!({ "protocol": "HTTP", "routes": self.routes }));
        }
        let mut binds = vec![json!({ "port": 0, "address": "127.0.0.1", "listeners": listeners })];
        binds.extend(self.binds.clone());
        let mut text = json!({ "config": self.process, "binds": binds });
        if self.frontend != json!({}) {
            text["frontendPolicies"] = self.frontend.clone();
        }
        for (key, value) in &self.blocks {
            text[*key] = value.clone();
        }
        format!("{text:#}\n")
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
