//! One worker's slice of the metrics. Made by control, written by one worker, read by control while
//! it renders: a scrape takes no lock and sends no message, so no worker notices it.
//!
//! Refuses to grow: each table has a bound. What comes after the bound is not lost but coarser: an
//! exchange is counted by status class and reason (`status="5xx"`, `method="other"`, all other
//! labels `overflow`), so that error ratios stay right, and `ringway_series_overflow_total` grows.

use std::sync::{Arc, OnceLock};

use crate::base::id::{LabelsId, WorkerId};
use crate::limits::{
    CLUSTER_SERIES_MAX, ENDPOINT_SERIES_MAX, EXCHANGE_SERIES_MAX, GEN_AI_SERIES_MAX,
    LISTENER_SERIES_MAX, MALFORMED_ERRORS_MAX, ROUTE_SERIES_MAX,
};
use crate::telemetry::gen_ai::{GenAiLabels, GenAiSeries};
use crate::telemetry::histogram::{ConnectHistogram, LoopHistogram};
use crate::telemetry::labels::{ClusterLabelsId, EndpointLabelsId, ListenerLabelsId, OVERFLOW};
use crate::telemetry::series::{
    ClusterSeries, EndpointSeries, ExchangeKey, ExchangeSeries, ListenerSeries, RouteSeries,
};
use crate::telemetry::table::{Series, Table};
use crate::telemetry::tally::{CodedTally, Level, Tally};
use crate::telemetry::value::{
    CLASSES, ContentCoding, Counter, Gauge, HandshakeFault, Limit, MethodLabel, Reason, Refusal,
    StatusLabel, StreamReset, Timeout, Transport, Work, WorkerHistogram,
};

/// Aligned so that no line of it is shared with another worker's, adjacent-line prefetch included.
#[repr(align(128))]
pub struct Shard {
    worker: WorkerId,
    counters: [Tally; Counter::COUNT],
    gauges: [Level; Gauge::COUNT],
    histograms: [LoopHistogram; WorkerHistogram::COUNT],
    connects: [ConnectHistogram; Transport::COUNT],
    limits: [Tally; Limit::COUNT],
    client_resets: [Tally; StreamReset::COUNT],
    upstream_resets: [Tally; StreamReset::COUNT],
    timeouts: [Tally; Timeout::COUNT],
    refusals: [Tally; Refusal::COUNT],
    handshake_faults: [Tally; HandshakeFault::COUNT],
    cuts: [Tally; Work::COUNT],
    coded: [CodedTally; ContentCoding::COUNT],
    malformed: Box<[Tally]>,
    malformed_errors: &'static [&'static str],
    overflows: Tally,
    exchanges: Table<ExchangeSeries>,
    exchanges_beyond: Table<ExchangeSeries>,
    routes: Bounded<RouteSeries>,
    listeners: Bounded<ListenerSeries>,
    clusters: Bounded<ClusterSeries>,
    endpoints: Bounded<EndpointSeries>,
    gen_ai: Table<GenAiSeries>,
    gen_ai_beyond: GenAiSeries,
}

/// The shards of all workers, in the order in which they were made. It grows while workers are
/// started, and is read by anyone after that.
#[derive(Default)]
pub struct Shards {
    all: OnceLock<Vec<Arc<Shard>>>,
}

impl Shards {
    /// Says, once, which there are.
    pub fn set(&self, shards: Vec<Arc<Shard>>) {
        let unset = self.all.set(shards).is_ok();
        debug_assert!(unset, "the workers are started once");
    }

    /// None before they are known.
    pub fn all(&self) -> &[Arc<Shard>] {
        self.all.get().map_or(&[], Vec::as_slice)
    }
}

/// What a shard is made for.
#[derive(Clone, Copy, Debug)]
pub struct ShardOptions {
    pub exchange_series_max: usize,
    pub route_series_max: usize,
    pub listener_series_max: usize,
    pub cluster_series_max: usize,
    pub endpoint_series_max: usize,
    pub gen_ai_series_max: usize,
    /// The values of `error` in `ringway_malformed_requests_total`; `malformed` takes an index
    /// into them. The same for every shard.
    pub malformed_errors: &'static [&'static str],
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self {
            exchange_series_max: EXCHANGE_SERIES_MAX,
            route_series_max: ROUTE_SERIES_MAX,
            listener_series_max: LISTENER_SERIES_MAX,
            cluster_series_max: CLUSTER_SERIES_MAX,
            endpoint_series_max: ENDPOINT_SERIES_MAX,
            gen_ai_series_max: GEN_AI_SERIES_MAX,
            malformed_errors: &[],
        }
    }
}

impl Shard {
    pub fn new(worker: WorkerId) -> Self {
        Self::with_options(worker, ShardOptions::default())
    }

    pub fn with_options(worker: WorkerId, options: ShardOptions) -> Self {
        let errors = options.malformed_errors.len().min(MALFORMED_ERRORS_MAX);
        Self {
            worker,
            counters: Default::default(),
            gauges: Default::default(),
            histograms: Default::default(),
            connects: Default::default(),
            limits: Default::default(),
            client_resets: Default::default(),
            upstream_resets: Default::default(),
            timeouts: Default::default(),
            refusals: Default::default(),
            handshake_faults: Default::default(),
            cuts: Default::default(),
            coded: Default::default(),
            malformed: (0..errors).map(|_| Tally::default()).collect(),
            malformed_errors: &options.malformed_errors[..errors],
            overflows: Tally::default(),
            exchanges: Table::new(options.exchange_series_max),
            exchanges_beyond: Table::new(usize::from(CLASSES) * Reason::COUNT),
            routes: Bounded::new(options.route_series_max),
            listeners: Bounded::new(options.listener_series_max),
            clusters: Bounded::new(options.cluster_series_max),
            endpoints: Bounded::new(options.endpoint_series_max),
            gen_ai: Table::new(options.gen_ai_series_max),
            gen_ai_beyond: GenAiSeries::beyond(),
        }
    }

    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    #[inline]
    pub fn add(&self, counter: Counter, n: u64) {
        self.counters[counter.index()].add(n);
    }

    #[inline]
    pub fn gauge_add(&self, gauge: Gauge, delta: i64) {
        self.gauges[gauge.index()].add(delta);
    }

    #[inline]
    pub fn gauge_set(&self, gauge: Gauge, n: i64) {
        self.gauges[gauge.index()].set(n);
    }

    #[inline]
    pub fn observe(&self, histogram: WorkerHistogram, nanos: u64) {
        self.histograms[histogram.index()].observe(nanos);
    }

    /// An upstream connection was established.
    pub fn connected(&self, transport: Transport, nanos: u64) {
        self.connects[transport.index()].observe(nanos);
    }

    pub fn limit_hit(&self, limit: Limit) {
        self.limits[limit.index()].add(1);
    }

    /// A stream of a client was reset.
    pub fn client_reset(&self, cause: StreamReset) {
        self.client_resets[cause.index()].add(1);
    }

    /// A stream to an endpoint was reset.
    pub fn upstream_reset(&self, cause: StreamReset) {
        self.upstream_resets[cause.index()].add(1);
    }

    pub fn timed_out(&self, timeout: Timeout) {
        self.timeouts[timeout.index()].add(1);
    }

    /// A connection was closed before anything was served on it.
    pub fn refused(&self, refusal: Refusal) {
        self.refusals[refusal.index()].add(1);
    }

    /// A handshake with a client failed.
    pub fn handshake_failed(&self, fault: HandshakeFault) {
        self.handshake_faults[fault.index()].add(1);
    }

    /// Connections were cut in the middle of `work`.
    pub fn cut(&self, work: Work, count: u64) {
        self.cuts[work.index()].add(count);
    }

    /// A body of so many bytes was coded, and so many were sent.
    pub fn coded(&self, coding: ContentCoding, bytes: u64, sent: u64) {
        self.coded[coding.index()].add(1, bytes, sent);
    }

    /// A malformed request of the kind `malformed_errors[error]`.
    pub fn malformed(&self, error: usize) {
        debug_assert!(error < self.malformed.len(), "an error without a name");
        if let Some(tally) = self.malformed.get(error) {
            tally.add(1);
        }
    }

    /// Where an exchange is counted: once a request.
    #[inline]
    pub fn exchange(
        &self,
        labels: LabelsId,
        method: MethodLabel,
        status: u16,
        reason: Reason,
    ) -> &ExchangeSeries {
        let key = ExchangeKey { labels, method, status: StatusLabel::code(status), reason };
        match self.exchanges.find_or_insert(key.pack()) {
            Some(series) => series,
            None => self.exchange_beyond(status, reason),
        }
    }

    #[inline]
    pub fn route(&self, labels: LabelsId) -> &RouteSeries {
        self.routes.find(labels.0, &self.overflows)
    }

    pub fn listener(&self, labels: ListenerLabelsId) -> &ListenerSeries {
        self.listeners.find(labels.0, &self.overflows)
    }

    pub fn cluster(&self, labels: ClusterLabelsId) -> &ClusterSeries {
        self.clusters.find(labels.0, &self.overflows)
    }

    pub fn endpoint(&self, labels: EndpointLabelsId) -> &EndpointSeries {
        self.endpoints.find(labels.0, &self.overflows)
    }

    /// Where a request for a model is counted.
    pub fn gen_ai(&self, labels: &GenAiLabels<'_>) -> &GenAiSeries {
        let found = self.gen_ai.find_or_insert(labels.key());
        found.filter(|series| series.is_for(labels)).unwrap_or_else(|| {
            self.overflows.add(1);
            &self.gen_ai_beyond
        })
    }

    #[cold]
    fn exchange_beyond(&self, status: u16, reason: Reason) -> &ExchangeSeries {
        self.overflows.add(1);
        let key = ExchangeKey {
            labels: LabelsId(OVERFLOW),
            method: MethodLabel::Other,
            status: StatusLabel::class_of(status),
            reason,
        };
        self.exchanges_beyond
            .find_or_insert(key.pack())
            .expect("the table has room for every class with every reason")
    }
}

/// How control reads shards.
impl Shard {
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters[counter.index()].value()
    }

    pub fn gauge(&self, gauge: Gauge) -> i64 {
        self.gauges[gauge.index()].value()
    }

    pub fn histogram(&self, histogram: WorkerHistogram) -> &LoopHistogram {
        &self.histograms[histogram.index()]
    }

    /// Series that are not counted apart since a table is full, in recordings.
    pub fn overflows(&self) -> u64 {
        self.overflows.value()
    }

    /// Downstream connections that are open, over all listeners.
    pub fn active_connections(&self) -> i64 {
        self.listeners.iter().map(|listener| listener.active_connections.value()).sum()
    }

    pub(crate) fn connects(&self, transport: Transport) -> &ConnectHistogram {
        &self.connects[transport.index()]
    }

    pub(crate) fn limit_hits(&self, limit: Limit) -> u64 {
        self.limits[limit.index()].value()
    }

    pub(crate) fn client_resets(&self, cause: StreamReset) -> u64 {
        self.client_resets[cause.index()].value()
    }

    pub(crate) fn upstream_resets(&self, cause: StreamReset) -> u64 {
        self.upstream_resets[cause.index()].value()
    }

    pub(crate) fn timeouts(&self, timeout: Timeout) -> u64 {
        self.timeouts[timeout.index()].value()
    }

    pub(crate) fn handshake_faults(&self, fault: HandshakeFault) -> u64 {
        self.handshake_faults[fault.index()].value()
    }

    pub(crate) fn refusals(&self, refusal: Refusal) -> u64 {
        self.refusals[refusal.index()].value()
    }

    pub(crate) fn cuts(&self, work: Work) -> u64 {
        self.cuts[work.index()].value()
    }

    pub(crate) fn coded_bodies(&self, coding: ContentCoding) -> &CodedTally {
        &self.coded[coding.index()]
    }

    pub(crate) fn malformed_requests(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.malformed_errors.iter().copied().zip(self.malformed.iter().map(Tally::value))
    }

    pub(crate) fn exchanges(&self) -> Vec<&ExchangeSeries> {
        let mut all = self.exchanges.sorted();
        all.extend(self.exchanges_beyond.sorted());
        all
    }

    pub(crate) fn routes(&self) -> Vec<&RouteSeries> {
        self.routes.sorted()
    }

    pub(crate) fn listeners(&self) -> Vec<&ListenerSeries> {
        self.listeners.sorted()
    }

    pub(crate) fn clusters(&self) -> Vec<&ClusterSeries> {
        self.clusters.sorted()
    }

    pub(crate) fn endpoints(&self) -> Vec<&EndpointSeries> {
        self.endpoints.sorted()
    }

    pub(crate) fn gen_ai_series(&self) -> Vec<&GenAiSeries> {
        let mut all = self.gen_ai.sorted();
        all.extend((self.gen_ai_beyond.duration.count() > 0).then_some(&self.gen_ai_beyond));
        all
    }

    /// The sum of `shards`, with room for all they hold. Routes are grouped by `route_group`, as
    /// two label sets may differ in what a route's families do not print.
    pub(crate) fn sum<'a>(
        shards: impl Iterator<Item = &'a Self> + Clone,
        route_group: impl Fn(u64) -> u64,
    ) -> Self {
        let room = |len: fn(&Self) -> usize| shards.clone().map(len).sum::<usize>();
        let errors = shards.clone().map(|shard| shard.malformed_errors);
        let options = ShardOptions {
            exchange_series_max: room(|shard| shard.exchanges.len()),
            route_series_max: room(|shard| shard.routes.len()),
            listener_series_max: room(|shard| shard.listeners.len()),
            cluster_series_max: room(|shard| shard.clusters.len()),
            endpoint_series_max: room(|shard| shard.endpoints.len()),
            gen_ai_series_max: room(|shard| shard.gen_ai.len()),
            malformed_errors: errors.max_by_key(|errors| errors.len()).unwrap_or_default(),
        };
        let sum = Self::with_options(WorkerId(0), options);
        for shard in shards {
            sum.absorb(shard, &route_group);
        }
        sum
    }

    fn absorb(&self, other: &Self, route_group: impl Fn(u64) -> u64) {
        absorb_all(&self.counters, &other.counters);
        absorb_all(&self.limits, &other.limits);
        absorb_all(&self.client_resets, &other.client_resets);
        absorb_all(&self.upstream_resets, &other.upstream_resets);
        absorb_all(&self.timeouts, &other.timeouts);
        absorb_all(&self.refusals, &other.refusals);
        absorb_all(&self.handshake_faults, &other.handshake_faults);
        absorb_all(&self.cuts, &other.cuts);
        absorb_all(&self.malformed, &other.malformed);
        for (ours, theirs) in self.gauges.iter().zip(&other.gauges) {
            ours.add(theirs.value());
        }
        for (ours, theirs) in self.coded.iter().zip(&other.coded) {
            ours.add(theirs.bodies.value(), theirs.bytes.value(), theirs.sent_bytes.value());
        }
        for (ours, theirs) in self.connects.iter().zip(&other.connects) {
            ours.absorb(theirs);
        }
        self.overflows.add(other.overflows.value());
        self.exchanges.absorb(&other.exchanges, |key| key);
        self.exchanges_beyond.absorb(&other.exchanges_beyond, |key| key);
        self.routes.absorb(&other.routes, route_group);
        self.listeners.absorb(&other.listeners, |key| key);
        self.clusters.absorb(&other.clusters, |key| key);
        self.endpoints.absorb(&other.endpoints, |key| key);
        self.gen_ai.absorb(&other.gen_ai, |key| key);
        self.gen_ai_beyond.absorb(&other.gen_ai_beyond);
    }
}

fn absorb_all(ours: &[Tally], theirs: &[Tally]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        ours.add(theirs.value());
    }
}

/// A table whose key is an id, and the one series that all share which do not fit.
struct Bounded<T> {
    table: Table<T>,
    beyond: T,
    /// Whether `beyond` was ever used: an empty one is not printed.
    beyond_used: Tally,
}

impl<T: Series> Bounded<T> {
    fn new(series_max: usize) -> Self {
        let beyond = T::default();
        beyond.key().set(u64::from(OVERFLOW));
        Self { table: Table::new(series_max), beyond, beyond_used: Tally::default() }
    }

    #[inline]
    fn find(&self, id: u32, overflows: &Tally) -> &T {
        if id != OVERFLOW
            && let Some(series) = self.table.find_or_insert(u64::from(id))
        {
            return series;
        }
        overflows.add(1);
        self.beyond_used.set(1);
        &self.beyond
    }

    fn absorb(&self, other: &Self, key_of: impl Fn(u64) -> u64) {
        self.table.absorb(&other.table, key_of);
        self.beyond.absorb(&other.beyond);
        self.beyond_used.set(self.beyond_used.value() | other.beyond_used.value());
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        let beyond = (self.beyond_used.value() > 0).then_some(&self.beyond);
        self.table.iter().chain(beyond)
    }

    fn sorted(&self) -> Vec<&T> {
        let mut all: Vec<&T> = self.iter().collect();
        all.sort_unstable_by_key(|series| series.key().value());
        all
    }
}

#[cfg(test)]
mod tests;
