use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::base::id::WorkerId;
use crate::telemetry::catalog::{FAMILIES, Family, Kind};
use crate::telemetry::gen_ai::{GenAiLabels, GenAiMeasures, PriceLookup};
use crate::telemetry::labels::{Labels, ListenerLabels};
use crate::telemetry::shard::ShardOptions;
use crate::telemetry::value::{MethodLabel, Reason};

const ERRORS: &[&str] = &["bare_lf", "obs_fold"];

fn shards(count: u32) -> Vec<Arc<Shard>> {
    let options = ShardOptions { malformed_errors: ERRORS, ..ShardOptions::default() };
    let shard = |worker| Arc::new(Shard::with_options(WorkerId(worker), options));
    (0..count).map(shard).collect()
}

/// Gives every family something to print, `series` exchanges a shard.
fn fill(shards: &[Arc<Shard>], registry: &mut Registry, series: usize) {
    let route = |n: usize| format!("default/route{n}");
    let ids: Vec<LabelsId> = (0..series)
        .map(|n| {
            registry.intern(Labels {
                backend: "10.0.0.1:8080",
                protocol: "http",
                bind: "bind/8080",
                gateway: "default/default",
                listener: "listener0",
                route: &route(n),
                route_rule: "",
            })
        })
        .collect();
    let labels = ListenerLabels { bind: "bind/8080", protocol: "http", ..Default::default() };
    let listener = registry.intern_listener(labels);
    let cluster = registry.intern_cluster("back\"end\n\\");
    let endpoint = registry.intern_endpoint("b", "10.0.0.1:8080");
    for shard in shards {
        for id in &ids {
            let model = GenAiLabels {
                route: *id,
                operation: "chat",
                provider: "openai",
                request_model: "gpt-6",
                response_model: "gpt-6",
            };
            shard.gen_ai(&model).record(&GenAiMeasures {
                input: Some(8),
                output: Some(10),
                first_token_nanos: Some(1),
                each_token_nanos: Some(2),
                lookup: Some(PriceLookup::Exact),
                cost_nanos: Some(106_625),
                ..GenAiMeasures::default()
            });
            let exchange = shard.exchange(*id, MethodLabel::Get, 200, Reason::Upstream);
            exchange.record(3_000_000, 1000, 1);
            shard.route(*id).observe_request(70_000);
            shard.route(*id).observe_response(40_000);
        }
        shard.listener(listener).opened();
        shard.listener(listener).received_bytes.add(10);
        shard.listener(listener).handshakes.observe(1_000_000);
        shard.cluster(cluster).hits.add(1);
        shard.endpoint(endpoint).requests.add(1);
        shard.connected(Transport::Plaintext, 600_000);
        shard.malformed(0);
        shard.cut(Work::Tunnel, 2);
        shard.refused(Refusal::UnknownName);
        shard.add(Counter::Panics, 1);
        shard.gauge_set(Gauge::BusyPpm, 250_000);
        shard.observe(WorkerHistogram::LoopLatency, 20_000);
    }
}

fn certificate(not_after_seconds: i64) -> CertificateMetric {
    CertificateMetric {
        bind: "bind/443".into(),
        listener: "main".into(),
        certificate: "a.test".into(),
        not_after_seconds,
    }
}

fn endpoint_metric(name: &str) -> EndpointMetric {
    EndpointMetric {
        backend: "b".into(),
        endpoint: name.into(),
        is_healthy: name == "well",
        ejections: 2,
        spared: 1,
        checks: Some((5, 6)),
    }
}

fn credential((name, ends_seconds): (&str, Option<u64>)) -> CredentialMetric {
    CredentialMetric { name: name.to_owned(), fetched: 2, failed: 1, ends_seconds }
}

#[test]
fn credentials_of_one_name_are_counted_as_one() {
    let text = scrape(Format::Text);
    for line in [
        "ringway_credential_fetches_total{credential=\"a\",result=\"fetched\"} 4\n",
        "ringway_credential_fetches_total{credential=\"b\",result=\"failed\"} 1\n",
        "ringway_credential_expiry_timestamp_seconds{credential=\"a\"} 7\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("ringway_credential_expiry_timestamp_seconds{credential=\"b\"}"));
}

fn control() -> ControlMetrics {
    ControlMetrics {
        concurrency: vec![ConcurrencyMetric { of: "backend a".into(), limit: 9, active: 3 }],
        memory_limit_bytes: 1 << 30,
        memory_pressure: 1,
        tag: "v0.1.0",
        config_synchronized: true,
        config_version: 3,
        reloads_accepted: 3,
        reloads_refused: 1,
        access_records_lost: 5,
        access_log_errors: 1,
        certificates: [7, 5, 9].map(certificate).into(),
        credentials: [("a", Some(9)), ("a", Some(7)), ("b", None)].map(credential).into(),
        endpoints: ["ill", "well"].map(endpoint_metric).into(),
        circuits: vec![CircuitMetric {
            backend: "b".into(),
            limit: "requests",
            taken: 3,
            most: 10,
            rejected: 4,
        }],
        budgets: vec![BudgetMetric {
            name: "key:\"a".into(),
            tokens: Some((3, 10)),
            nanos_usd: Some((1_500_000_000, 20_000_000_000)),
            denied: 2,
        }],
        budget_store_errors: 1,
        lookups_good: 8,
        lookups_failed: 2,
        upgrades_failed: 1,
        process: ProcessMetrics::read(),
    }
}

fn scrape(format: Format) -> String {
    let (shards, mut registry) = (shards(3), Registry::new());
    fill(&shards, &mut registry, 2);
    render(&shards, &registry, &control(), format)
}

#[test]
fn shards_are_summed() {
    let text = scrape(Format::Text);
    let labels = |route: &str| {
        format!(
            "backend=\"10.0.0.1:8080\",protocol=\"http\",method=\"GET\",status=\"200\",\
             reason=\"Upstream\",bind=\"bind/8080\",gateway=\"default/default\",\
             listener=\"listener0\",route=\"default/{route}\",route_rule=\"unknown\""
        )
    };
    let expected = [
        "agentgateway_build_info{tag=\"v0.1.0\"} 1".to_owned(),
        format!("agentgateway_requests_total{{{}}} 3", labels("route1")),
        format!("agentgateway_response_bytes_total{{{}}} 3000", labels("route0")),
        format!("agentgateway_retries_total{{{}}} 3", labels("route0")),
        format!("agentgateway_request_duration_seconds_sum{{{}}} 0.009000000", labels("route0")),
        format!(
            "agentgateway_request_duration_seconds_bucket{{le=\"0.001\",{}}} 0",
            labels("route0")
        ),
        format!(
            "agentgateway_request_duration_seconds_bucket{{le=\"0.005\",{}}} 3",
            labels("route0")
        ),
        "agentgateway_upstream_connect_duration_seconds_count{transport=\"plaintext\"} 3"
            .to_owned(),
        "agentgateway_tokio_num_workers 3".to_owned(),
        "ringway_num_workers 3".to_owned(),
        "agentgateway_config_synchronized 1".to_owned(),
        "ringway_pool_hits_total{backend=\"back\\\"end\\n\\\\\"} 3".to_owned(),
        "ringway_worker_busy_ratio{worker=\"2\"} 0.25".to_owned(),
        "ringway_worker_loop_latency_seconds_count{worker=\"1\"} 1".to_owned(),
        "ringway_malformed_requests_total{error=\"bare_lf\"} 3".to_owned(),
        "ringway_malformed_requests_total{error=\"obs_fold\"} 0".to_owned(),
        "ringway_cut_connections_total{kind=\"tunnel\"} 6".to_owned(),
        "ringway_cut_connections_total{kind=\"tcp\"} 0".to_owned(),
        "ringway_refused_connections_total{reason=\"unknown_name\"} 3".to_owned(),
        "ringway_access_records_dropped_total 5".to_owned(),
        "ringway_config_reloads_total{result=\"refused\"} 1".to_owned(),
        "ringway_series_overflow_total 0".to_owned(),
    ];
    for line in expected {
        assert!(text.lines().any(|printed| printed == line), "no line {line}\n{text}");
    }
}

#[test]
fn route_families_do_not_repeat_what_differs_in_protocol_alone() {
    let (shards, mut registry) = (shards(1), Registry::new());
    for protocol in ["http", "llm"] {
        let id = registry.intern(Labels { route: "r", protocol, ..Labels::default() });
        shards[0].route(id).observe_request(1000);
    }
    let text = render(&shards, &registry, &control(), Format::Text);
    let counts = text.lines().filter(|line| line.contains("request_processing_seconds_count"));
    let counts: Vec<&str> = counts.collect();
    assert!(counts.len() == 1 && counts[0].ends_with(" 2"), "{counts:?}");
}

#[test]
fn every_family_is_printed_once_and_whole() {
    for format in [Format::Text, Format::OpenMetrics] {
        let text = scrape(format);
        for family in FAMILIES {
            let name = match format {
                Format::Text => family.name,
                Format::OpenMetrics => family.bare_name(),
            };
            let head = format!("# HELP {name} ");
            assert_eq!(text.lines().filter(|line| line.starts_with(&head)).count(), 1, "{name}");
            check_labels(family, &text);
        }
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let series: Vec<&str> =
            samples.filter_map(|line| line.rsplit_once(' ')).map(|l| l.0).collect();
        assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len(), "a series twice");
    }
    assert!(scrape(Format::OpenMetrics).ends_with("\n# EOF\n"));
    let labels = "bind=\"bind/443\",listener=\"main\",certificate=\"a.test\"";
    let expiry = format!("ringway_certificate_expiry_timestamp_seconds{{{labels}}} 5\n");
    assert!(scrape(Format::Text).contains(&expiry), "the first to expire of three");
}

/// Samples have the labels that the catalogue says, in its order.
fn check_labels(family: &Family, text: &str) {
    let suffix = if family.kind == Kind::Histogram { "_count" } else { "" };
    let mut samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(family.name)?.strip_prefix(suffix)?;
        rest.starts_with([' ', '{']).then_some(rest)
    });
    let sample = samples.next().unwrap_or_else(|| panic!("{} has no sample", family.name));
    let pieces: Vec<&str> = sample.split("=\"").collect();
    let names = pieces[..pieces.len() - 1]
        .iter()
        .map(|piece| piece.rsplit(['{', ',']).next().unwrap_or_default());
    assert_eq!(names.collect::<Vec<_>>(), family.labels, "{}", family.name);
}

#[test]
fn an_empty_process_prints_every_family_too() {
    let text = render(&[], &Registry::new(), &ControlMetrics::default(), Format::Text);
    for family in FAMILIES {
        assert!(text.contains(&format!("# TYPE {} ", family.name)), "{}", family.name);
    }
    assert_accepted(&text);
}

#[test]
fn promtool_accepts_the_text() {
    assert_accepted(&scrape(Format::Text));
    // Also with series in the overflow.
    let options = ShardOptions {
        exchange_series_max: 1,
        route_series_max: 1,
        malformed_errors: ERRORS,
        ..ShardOptions::default()
    };
    let shard = [Arc::new(Shard::with_options(WorkerId(0), options))];
    let mut registry = Registry::new();
    fill(&shard, &mut registry, 0);
    for id in 0..3 {
        shard[0].exchange(LabelsId(id), MethodLabel::Get, 500, Reason::Internal).record(1, 1, 0);
        shard[0].route(LabelsId(id)).observe_request(1);
    }
    let text = render(&shard, &registry, &control(), Format::Text);
    assert!(text.contains("method=\"other\",status=\"5xx\",reason=\"Internal\""), "{text}");
    assert!(text.contains("ringway_series_overflow_total 4\n"), "{text}");
    assert_accepted(&text);
}

/// Runs `promtool check metrics`: always where the project's own checks run.
fn assert_accepted(text: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match promtool.stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => {
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!must, "promtool is not installed: {error}");
            return;
        }
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
}

/// The cost of a scrape; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn ten_thousand_series_of_64_workers_take_less_than_50_ms() {
    // An exchange prints 20 series and its route 26.
    for (exchanges, millis_max) in [(10_000 / 46, Some(50)), (10_000, None)] {
        let (shards, mut registry) = (shards(64), Registry::new());
        fill(&shards, &mut registry, exchanges);
        let control = control();
        let text = render(&shards, &registry, &control, Format::Text);
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        let took = (0..5).map(|_| {
            let start = std::time::Instant::now();
            std::hint::black_box(render(&shards, &registry, &control, Format::Text));
            start.elapsed()
        });
        let took = took.max().unwrap();
        println!("{exchanges} label sets, {series} series, {} bytes: {took:?}", text.len());
        if let Some(millis_max) = millis_max.filter(|_| !cfg!(debug_assertions)) {
            assert!(took.as_millis() < millis_max, "{took:?}");
        }
    }
}
