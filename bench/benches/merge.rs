//! A scrape: the shards of 64 workers summed up and printed. It takes the control thread's time;
//! the bar is 50 ms for 10,000 series.
//!
//! `cargo bench -p bench --bench merge`

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use ringway::base::id::{LabelsId, WorkerId};
use ringway::telemetry::labels::{Labels, Registry};
use ringway::telemetry::merge::{ControlMetrics, Format, render};
use ringway::telemetry::shard::{Shard, ShardOptions};
use ringway::telemetry::value::{MethodLabel, Reason};

const WORKERS: u32 = 64;

fn main() {
    divan::main();
}

/// A route and its exchanges print 46 series: 217 make a page of 10,000.
#[divan::bench(args = [217, 10_000], sample_size = 1, max_time = 10)]
fn scrape(bencher: Bencher<'_, '_>, routes: usize) {
    let mut registry = Registry::new();
    let shards = filled(&mut registry, routes);
    let control = ControlMetrics::default();
    let page = render(&shards, &registry, &control, Format::Text);
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    bencher
        .counter(ItemsCount::new(series))
        .bench_local(|| render(&shards, &registry, &control, Format::Text).len());
}

/// Every route was asked on every worker.
fn filled(registry: &mut Registry, routes: usize) -> Vec<Arc<Shard>> {
    let ids: Vec<LabelsId> = (0..routes)
        .map(|n| {
            registry.intern(Labels {
                backend: "10.0.0.1:8080",
                protocol: "http",
                bind: "bind/8080",
                gateway: "default/default",
                listener: "listener0",
                route: &format!("default/route{n}"),
                route_rule: "",
            })
        })
        .collect();
    (0..WORKERS).map(|worker| filled_shard(worker, &ids)).collect()
}

fn filled_shard(worker: u32, ids: &[LabelsId]) -> Arc<Shard> {
    let shard = Shard::with_options(WorkerId(worker), ShardOptions::default());
    for id in ids {
        let exchange = shard.exchange(*id, MethodLabel::Get, 200, Reason::Upstream);
        exchange.record(3_000_000, 1000, 1);
        shard.route(*id).observe_request(70_000);
        shard.route(*id).observe_response(40_000);
    }
    Arc::new(shard)
}
