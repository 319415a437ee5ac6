use super::*;

const GET: MethodLabel = MethodLabel::Get;

fn small() -> Shard {
    let options = ShardOptions {
        exchange_series_max: 2,
        route_series_max: 1,
        listener_series_max: 1,
        cluster_series_max: 1,
        endpoint_series_max: 1,
        gen_ai_series_max: 1,
        malformed_errors: &["bare_lf", "obs_fold"],
    };
    Shard::with_options(WorkerId(3), options)
}

#[test]
fn an_exchange_is_counted_under_its_own_labels() {
    let shard = Shard::new(WorkerId(0));
    let upstream = Reason::Upstream;
    shard.exchange(LabelsId(1), GET, 200, upstream).record(2_000_000, 100, 0);
    shard.exchange(LabelsId(1), GET, 200, upstream).record(3_000_000, 50, 2);
    shard.exchange(LabelsId(1), GET, 404, upstream).record(1, 1, 0);
    shard.exchange(LabelsId(1), MethodLabel::Post, 200, upstream).record(1, 1, 0);
    shard.exchange(LabelsId(1), GET, 200, Reason::Timeout).record(1, 1, 0);
    shard.exchange(LabelsId(2), GET, 200, upstream).record(1, 1, 0);
    let series = shard.exchange(LabelsId(1), GET, 200, upstream);
    assert_eq!((series.requests(), series.response_bytes(), series.retries()), (2, 150, 2));
    assert_eq!(series.duration().sum_nanos(), 5_000_000);
    assert_eq!(shard.exchanges().len(), 5);
    assert_eq!(shard.overflows(), 0);
}

#[test]
fn every_key_reads_back() {
    let shard = Shard::new(WorkerId(0));
    let check = |labels: u32, method: MethodLabel, status: u16, reason: Reason| {
        let labels = LabelsId(labels);
        let key = shard.exchange(labels, method, status, reason).labels();
        let status = StatusLabel::code(status);
        assert_eq!(key, ExchangeKey { labels, method, status, reason });
    };
    for labels in [0, 1, 70_000, OVERFLOW] {
        for status in [0, 100, 599, 999] {
            MethodLabel::ALL.iter().for_each(|method| check(labels, *method, status, Reason::Mcp));
            Reason::ALL.iter().for_each(|reason| check(labels, GET, status, *reason));
        }
    }
}

#[test]
fn a_tunnel_has_a_duration_and_is_no_request() {
    let shard = Shard::new(WorkerId(0));
    let series = shard.exchange(LabelsId(0), GET, 0, Reason::Upstream);
    series.record_tunnel(7, 9);
    let counted = (series.requests(), series.duration().count(), series.response_bytes());
    assert_eq!(counted, (0, 1, 9));
}

#[test]
fn what_comes_after_the_bound_is_counted_by_class_and_reason() {
    let shard = small();
    for status in [200, 201, 502, 503, 504] {
        shard.exchange(LabelsId(0), GET, status, Reason::Upstream).record(1, 1, 0);
    }
    shard.exchange(LabelsId(0), GET, 503, Reason::Timeout).record(1, 1, 0);
    shard.exchange(LabelsId(0), GET, 200, Reason::Upstream).record(1, 1, 0);
    let counted: Vec<_> = shard
        .exchanges()
        .iter()
        .map(|series| (series.labels(), series.requests()))
        .map(|(key, requests)| (key.labels.0, key.method, key.status.text(), key.reason, requests))
        .collect();
    let other = MethodLabel::Other;
    let expected = [
        (0, GET, "200".to_owned(), Reason::Upstream, 2),
        (0, GET, "201".to_owned(), Reason::Upstream, 1),
        (OVERFLOW, other, "5xx".to_owned(), Reason::Upstream, 3),
        (OVERFLOW, other, "5xx".to_owned(), Reason::Timeout, 1),
    ];
    assert_eq!(counted, expected);
    assert_eq!(shard.overflows(), 4);
}

#[test]
fn the_overflow_has_room_for_everything() {
    let shard = Shard::with_options(
        WorkerId(0),
        ShardOptions { exchange_series_max: 0, ..ShardOptions::default() },
    );
    for status in (0..=u16::MAX).step_by(7) {
        for reason in Reason::ALL {
            shard.exchange(LabelsId(9), GET, status, *reason).record(1, 1, 0);
        }
    }
    assert_eq!(shard.exchanges().len(), Reason::COUNT * usize::from(CLASSES));
}

#[test]
fn other_tables_share_one_series_beyond_their_bound() {
    let shard = small();
    for id in 0..3 {
        shard.route(LabelsId(id)).observe_request(1);
        shard.cluster(ClusterLabelsId(id)).hits.add(1);
        shard.listener(ListenerLabelsId(id)).opened();
    }
    shard.listener(ListenerLabelsId(OVERFLOW)).closed();
    let of_routes = |route: &&RouteSeries| (route.key().value(), route.request_processing.count());
    let routes: Vec<_> = shard.routes().iter().map(of_routes).collect();
    assert_eq!(routes, [(0, 1), (u64::from(OVERFLOW), 2)]);
    assert_eq!(shard.clusters().len(), 2);
    assert_eq!(shard.active_connections(), 2);
    assert_eq!(shard.overflows(), 7);
}

#[test]
fn a_sum_has_all_of_all_shards() {
    let shards = [small(), small()];
    for (n, shard) in shards.iter().enumerate() {
        shard.add(Counter::Panics, 1 + n as u64);
        shard.gauge_add(Gauge::ActiveRequests, 5);
        shard.gauge_add(Gauge::ActiveRequests, -2);
        shard.gauge_set(Gauge::BuffersBytes, 100);
        shard.limit_hit(Limit::Fields);
        shard.timed_out(Timeout::Idle);
        shard.malformed(1);
        shard.connected(Transport::Tls, 10);
        shard.exchange(LabelsId(n as u32), GET, 200, Reason::Upstream).record(1, 10, 1);
        shard.route(LabelsId(n as u32)).observe_response(1);
        shard.listener(ListenerLabelsId(0)).opened();
        shard.cluster(ClusterLabelsId(n as u32)).idle_connections.add(1);
    }
    let sum = Shard::sum(shards.iter(), |key| key);
    assert_eq!(sum.counter(Counter::Panics), 3);
    assert_eq!(sum.gauge(Gauge::ActiveRequests), 6);
    assert_eq!(sum.gauge(Gauge::BuffersBytes), 200);
    assert_eq!((sum.limit_hits(Limit::Fields), sum.timeouts(Timeout::Idle)), (2, 2));
    assert!(sum.malformed_requests().eq([("bare_lf", 0), ("obs_fold", 2)]));
    assert_eq!(sum.connects(Transport::Tls).count(), 2);
    let lengths = (sum.exchanges().len(), sum.routes().len(), sum.clusters().len());
    assert_eq!(lengths, (2, 2, 2));
    assert_eq!(sum.active_connections(), 2);
    assert_eq!(sum.overflows(), 0);
    // Nothing is lost, too, when every shard has overflowed.
    let full = [small(), small()];
    for shard in &full {
        for id in 0..5 {
            shard.exchange(LabelsId(id), GET, 200, Reason::Upstream).record(1, 1, 0);
        }
    }
    let sum = Shard::sum(full.iter(), |key| key);
    assert_eq!(sum.exchanges().iter().map(|series| series.requests()).sum::<u64>(), 10);
    assert_eq!(Shard::sum(full.iter().take(0), |key| key).exchanges().len(), 0);
}

#[test]
fn a_shard_shares_no_line_with_another() {
    assert_eq!(align_of::<Shard>(), 128);
    assert_eq!(size_of::<ExchangeSeries>(), 192);
}

/// Not a proof, but the figure that the design rests on; run with `--release -- --ignored`.
#[test]
#[ignore = "a measurement"]
fn counting_an_exchange_takes_nanoseconds() {
    let shard = Shard::new(WorkerId(0));
    for id in 0..1000 {
        shard.exchange(LabelsId(id), GET, 200, Reason::Upstream).record(1, 1, 0);
    }
    for labels in [1, 16, 1000] {
        const ROUNDS: u32 = 5_000_000;
        let start = std::time::Instant::now();
        for n in 0..ROUNDS {
            let labels = LabelsId(std::hint::black_box(n) % labels);
            let series = shard.exchange(labels, GET, 200, Reason::Upstream);
            series.record(u64::from(n) * 16, 100, 0);
        }
        println!("{labels} label sets: {:?} an exchange", start.elapsed() / ROUNDS);
    }
}
