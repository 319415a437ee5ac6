//! The families of endpoints and circuits: what workers counted in their shards, and what stands in
//! the health that they share.

use std::collections::BTreeMap;

use super::{ControlMetrics, EndpointMetric, id_of};
use crate::limits::ENDPOINT_SERIES_MAX;
use crate::telemetry::catalog as family;
use crate::telemetry::exposition::Page;
use crate::telemetry::labels::{EndpointLabelsId, Registry, block};
use crate::telemetry::series::EndpointSeries;

pub(super) fn endpoint_families(
    page: &mut Page,
    series: &[&EndpointSeries],
    control: &ControlMetrics,
    registry: &Registry,
) {
    let rows = || series.iter().map(|one| (registry.endpoint(EndpointLabelsId(id_of(*one))), *one));
    let requests = rows().map(|(block, one)| (block, one.requests.value()));
    page.samples(&family::ENDPOINT_REQUESTS, requests);
    let failures = rows().map(|(block, one)| (block, one.failures.value()));
    page.samples(&family::ENDPOINT_FAILURES, failures);
    let active = rows().map(|(block, one)| (block, one.active_requests.value()));
    page.samples(&family::ENDPOINT_ACTIVE, active);
    let known = by_labels(&control.endpoints);
    let healthy = known.iter().map(|(block, one)| (block, u8::from(one.is_healthy)));
    page.samples(&family::ENDPOINT_HEALTHY, healthy);
    let ejections = known.iter().map(|(block, one)| (block, one.ejections));
    page.samples(&family::ENDPOINT_EJECTIONS, ejections);
    let spared = known.iter().map(|(block, one)| (block, one.spared));
    page.samples(&family::ENDPOINT_SPARED, spared);
    let checks = known.iter().filter_map(|(block, one)| Some((block, one.checks?)));
    let checks: Vec<_> = checks
        .flat_map(|(block, (passed, failed))| {
            let with = |result| format!("{block},result=\"{result}\"");
            [(with("passed"), passed), (with("failed"), failed)]
        })
        .collect();
    page.samples(&family::ENDPOINT_CHECKS, checks.iter().map(|(block, count)| (block, *count)));
}

/// A backend that stands in two clusters has its endpoints twice: the ill one counts. A cluster of
/// many thousands is cut: the page has to be read.
fn by_labels(endpoints: &[EndpointMetric]) -> BTreeMap<String, EndpointMetric> {
    let mut known: BTreeMap<String, EndpointMetric> = BTreeMap::new();
    for one in endpoints {
        let labels = block(&[("backend", &one.backend), ("endpoint", &one.endpoint)]);
        let full = known.len() >= ENDPOINT_SERIES_MAX;
        match known.get_mut(&labels) {
            Some(sum) => {
                sum.is_healthy &= one.is_healthy;
                sum.ejections += one.ejections;
                sum.spared += one.spared;
                sum.checks = match (sum.checks, one.checks) {
                    (Some(sum), Some(one)) => Some((sum.0 + one.0, sum.1 + one.1)),
                    (sum, one) => sum.or(one),
                };
            }
            None if full => (),
            None => drop(known.insert(labels, one.clone())),
        }
    }
    known
}

pub(super) fn circuit_families(page: &mut Page, control: &ControlMetrics) {
    let mut taken: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut rejected: BTreeMap<String, u64> = BTreeMap::new();
    for circuit in &control.circuits {
        let backend = ("backend", &*circuit.backend);
        let sum = taken.entry(block(&[backend, ("limit", circuit.limit)])).or_default();
        *sum = (sum.0 + circuit.taken, sum.1 + circuit.most);
        *rejected.entry(block(&[backend])).or_default() += circuit.rejected;
    }
    page.samples(&family::CIRCUIT_TAKEN, taken.iter().map(|(block, (taken, _))| (block, *taken)));
    page.samples(&family::CIRCUIT_LIMIT, taken.iter().map(|(block, (_, most))| (block, *most)));
    page.samples(&family::CIRCUIT_REJECTED, rejected.iter());
}
