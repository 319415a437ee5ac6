//! Label sets by number. Control interns a set once, when it compiles a snapshot; workers know the
//! number only. Numbers are never taken back, so that a counter survives a reload.
//!
//! `Registry` is control's. `Names`, the texts behind the numbers, is append-only and shared with
//! the log writer's thread; a number reaches a worker only after its texts are in there.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::base::id::LabelsId;
use crate::limits::{LABEL_SETS_MAX, LABEL_VALUE_BYTES_MAX};
use crate::telemetry::arena::Arena;
use crate::telemetry::escape;

/// A listener's label set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerLabelsId(pub u32);

/// A cluster's label set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterLabelsId(pub u32);

/// Of an endpoint of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointLabelsId(pub u32);

/// The number of what has no number of its own, in all three numberings.
pub const OVERFLOW: u32 = u32::MAX;

/// The labels of an exchange that are known before it starts. An empty one is printed `unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels<'a> {
    pub backend: &'a str,
    pub protocol: &'a str,
    pub bind: &'a str,
    pub gateway: &'a str,
    pub listener: &'a str,
    pub route: &'a str,
    pub route_rule: &'a str,
}

/// The labels of downstream connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenerLabels<'a> {
    pub bind: &'a str,
    pub gateway: &'a str,
    pub listener: &'a str,
    pub protocol: &'a str,
}

/// The texts of interned exchange labels.
pub struct Names {
    exchanges: Arena<OnceLock<ExchangeNames>>,
}

/// One label set, ready to be copied into a scrape or a log line.
#[derive(Debug)]
pub(crate) struct ExchangeNames {
    /// `backend="..",protocol=".."`: before method, status and reason.
    pub(crate) front: String,
    /// `bind=".." .. route_rule=".."`: after them.
    pub(crate) back: String,
    /// The number that all sets share which differ in `protocol` alone.
    group: u32,
    /// ` gateway=.. listener=.. route_rule=.. route=..`, what is unknown left out.
    pub(crate) log_text: Vec<u8>,
    /// The same as `,"gateway":".."`.
    pub(crate) log_json: Vec<u8>,
    /// ` protocol=..`, or nothing.
    pub(crate) log_protocol_text: Vec<u8>,
    pub(crate) log_protocol_json: Vec<u8>,
}

impl Names {
    pub(crate) fn exchange(&self, id: LabelsId) -> Option<&ExchangeNames> {
        self.exchanges.at(id.index())?.get()
    }
}

/// All label sets there ever were.
pub struct Registry {
    names: Arc<Names>,
    exchanges: HashMap<String, LabelsId>,
    groups: Numbered,
    listeners: Numbered,
    clusters: Numbered,
    endpoints: Numbered,
    refusals: u64,
}

impl Registry {
    pub fn new() -> Self {
        Self::with_sets_max(LABEL_SETS_MAX)
    }

    pub fn with_sets_max(sets_max: usize) -> Self {
        Self {
            names: Arc::new(Names { exchanges: Arena::new(sets_max) }),
            exchanges: HashMap::from([(
                format!("{OVERFLOW_FRONT},{OVERFLOW_BACK}"),
                LabelsId(OVERFLOW),
            )]),
            groups: Numbered::new(sets_max, OVERFLOW_ROUTE),
            listeners: Numbered::new(sets_max, OVERFLOW_LISTENER),
            clusters: Numbered::new(sets_max, OVERFLOW_CLUSTER),
            endpoints: Numbered::new(sets_max, OVERFLOW_ENDPOINT),
            refusals: 0,
        }
    }

    /// The number of an exchange's label set: the same for the same labels, for good.
    pub fn intern(&mut self, labels: Labels<'_>) -> LabelsId {
        let front = block(&[("backend", labels.backend), ("protocol", labels.protocol)]);
        let back = block(&[
            ("bind", labels.bind),
            ("gateway", labels.gateway),
            ("listener", labels.listener),
            ("route", labels.route),
            ("route_rule", labels.route_rule),
        ]);
        let whole = format!("{front},{back}");
        if let Some(id) = self.exchanges.get(&whole) {
            return *id;
        }
        let group = block(&[("backend", labels.backend)]);
        let names = ExchangeNames {
            group: self.groups.number(format!("{group},{back}")).unwrap_or(OVERFLOW),
            front,
            back,
            log_text: log_fields(&labels, text_field),
            log_json: log_fields(&labels, json_field),
            log_protocol_text: log_field("protocol", labels.protocol, text_field),
            log_protocol_json: log_field("protocol", labels.protocol, json_field),
        };
        let place = self.names.exchanges.push(|slot| {
            // The place is new, so nobody filled it before.
            let _ = slot.set(names);
        });
        let Some(place) = place else {
            self.refusals += 1;
            return LabelsId(OVERFLOW);
        };
        let id = LabelsId(place as u32);
        self.exchanges.insert(whole, id);
        id
    }

    /// The number of a listener's label set.
    pub fn intern_listener(&mut self, labels: ListenerLabels<'_>) -> ListenerLabelsId {
        let number = self.listeners.number(block(&[
            ("bind", labels.bind),
            ("gateway", labels.gateway),
            ("listener", labels.listener),
            ("protocol", labels.protocol),
        ]));
        ListenerLabelsId(self.or_refuse(number))
    }

    /// The number of a backend's label set.
    pub fn intern_cluster(&mut self, backend: &str) -> ClusterLabelsId {
        let number = self.clusters.number(block(&[("backend", backend)]));
        ClusterLabelsId(self.or_refuse(number))
    }

    pub fn intern_endpoint(&mut self, backend: &str, endpoint: &str) -> EndpointLabelsId {
        let labels = block(&[("backend", backend), ("endpoint", endpoint)]);
        let number = self.endpoints.number(labels);
        EndpointLabelsId(self.or_refuse(number))
    }

    /// For who prints labels on another thread.
    pub fn names(&self) -> Arc<Names> {
        Arc::clone(&self.names)
    }

    /// Label sets that got no number of their own.
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    pub(crate) fn exchange(&self, id: LabelsId) -> (&str, &str) {
        self.names.exchange(id).map_or((OVERFLOW_FRONT, OVERFLOW_BACK), |n| (&n.front, &n.back))
    }

    /// The number under which a route's families count the label set `id`.
    pub(crate) fn route_group(&self, id: LabelsId) -> u32 {
        self.names.exchange(id).map_or(OVERFLOW, |names| names.group)
    }

    pub(crate) fn route(&self, group: u32) -> &str {
        self.groups.block(group).unwrap_or(OVERFLOW_ROUTE)
    }

    pub(crate) fn listener(&self, id: ListenerLabelsId) -> &str {
        self.listeners.block(id.0).unwrap_or(OVERFLOW_LISTENER)
    }

    pub(crate) fn cluster(&self, id: ClusterLabelsId) -> &str {
        self.clusters.block(id.0).unwrap_or(OVERFLOW_CLUSTER)
    }

    pub(crate) fn endpoint(&self, id: EndpointLabelsId) -> &str {
        self.endpoints.block(id.0).unwrap_or(OVERFLOW_ENDPOINT)
    }

    fn or_refuse(&mut self, number: Option<u32>) -> u32 {
        number.unwrap_or_else(|| {
            self.refusals += 1;
            OVERFLOW
        })
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

/// Label blocks by number and back.
struct Numbered {
    blocks: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    blocks_max: usize,
}

impl Numbered {
    /// A block that a user named like the overflow's counts there: two series may not print alike.
    fn new(blocks_max: usize, overflow: &str) -> Self {
        let numbers = HashMap::from([(Arc::from(overflow), OVERFLOW)]);
        Self { blocks: Vec::new(), numbers, blocks_max }
    }

    fn number(&mut self, block: String) -> Option<u32> {
        if let Some(number) = self.numbers.get(block.as_str()) {
            return Some(*number);
        }
        if self.blocks.len() == self.blocks_max {
            return None;
        }
        let number = self.blocks.len() as u32;
        let block: Arc<str> = block.into();
        self.blocks.push(Arc::clone(&block));
        self.numbers.insert(block, number);
        Some(number)
    }

    fn block(&self, number: u32) -> Option<&str> {
        self.blocks.get(number as usize).map(|block| &**block)
    }
}

/// `name="value",..`, escaped.
pub(super) fn block(labels: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in labels {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(name);
        out.push_str("=\"");
        escape::label(&mut out, if value.is_empty() { "unknown" } else { cut(value) });
        out.push('"');
    }
    out
}

fn log_fields(labels: &Labels<'_>, field: fn(&mut Vec<u8>, &str, &str)) -> Vec<u8> {
    let Labels { gateway, listener, route_rule, route, .. } = labels;
    let fields = [
        ("gateway", gateway),
        ("listener", listener),
        ("route_rule", route_rule),
        ("route", route),
    ];
    fields.iter().flat_map(|(key, value)| log_field(key, value, field)).collect()
}

fn log_field(key: &str, value: &str, field: fn(&mut Vec<u8>, &str, &str)) -> Vec<u8> {
    let mut out = Vec::new();
    if !value.is_empty() {
        field(&mut out, key, cut(value));
    }
    out
}

fn text_field(out: &mut Vec<u8>, key: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    escape::text(out, value.as_bytes());
}

fn json_field(out: &mut Vec<u8>, key: &str, value: &str) {
    out.push(b',');
    escape::json(out, key.as_bytes());
    out.push(b':');
    escape::json(out, value.as_bytes());
}

pub(super) fn cut(value: &str) -> &str {
    let mut ends = (0..=value.len().min(LABEL_VALUE_BYTES_MAX)).rev();
    let end = ends.find(|end| value.is_char_boundary(*end));
    &value[..end.unwrap_or(0)]
}

const OVERFLOW_FRONT: &str = "backend=\"overflow\",protocol=\"overflow\"";
const OVERFLOW_BACK: &str = "bind=\"overflow\",gateway=\"overflow\",listener=\"overflow\",\
                             route=\"overflow\",route_rule=\"overflow\"";
const OVERFLOW_ROUTE: &str = "backend=\"overflow\",bind=\"overflow\",gateway=\"overflow\",\
                              listener=\"overflow\",route=\"overflow\",route_rule=\"overflow\"";
const OVERFLOW_LISTENER: &str =
    "bind=\"overflow\",gateway=\"overflow\",listener=\"overflow\",protocol=\"overflow\"";
const OVERFLOW_CLUSTER: &str = "backend=\"overflow\"";
const OVERFLOW_ENDPOINT: &str = "backend=\"overflow\",endpoint=\"overflow\"";

#[cfg(test)]
mod tests;
