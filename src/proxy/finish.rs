//! Counters and the access record of a finished exchange. Nothing else records an exchange.

use super::asked;
use super::failure::Failure;
use super::place::Place;
use crate::base::clock::Instant;
use crate::base::id::LabelsId;
use crate::http::Exchange;
use crate::http::exchange::{GenAi, NO_ID};
use crate::net::tls::Identity;
use crate::policy::attributes::ResponsePart;
use crate::policy::log_fields::LogFields;
use crate::proto::http1::{FieldName, Method};
use crate::telemetry::access_log::{GenAiPart, Record};
use crate::telemetry::value::{HttpVersion, MethodLabel, Reason};

/// How an exchange ended, for the record.
#[derive(Clone, Copy)]
pub enum End {
    Upstream,
    Direct,
    Failed(Failure),
}

impl End {
    const fn reason(self) -> Reason {
        match self {
            Self::Upstream => Reason::Upstream,
            Self::Direct => Reason::DirectResponse,
            Self::Failed(failure) => failure.row().reason,
        }
    }
}

pub fn finish(place: &Place<'_>, exchange: &Exchange, labels: LabelsId, end: End) {
    let shard = &place.view.resources.shard;
    let outcome = &exchange.outcome;
    let now = place.connection.now();
    let duration = now.nanos_since(outcome.started);
    let reason = end.reason();
    let method = method_label(exchange.request.method);
    let series = shard.exchange(labels, method, outcome.status, reason);
    series.record(duration, outcome.response_bytes, outcome.retries);
    if let Some(sent) = outcome.sent {
        let route = shard.route(labels);
        route.observe_request(sent.nanos_since(outcome.started));
        if let Some(answered) = outcome.answered {
            route.observe_response(outcome.responded.unwrap_or(now).nanos_since(answered));
        }
    }
    if let End::Failed(failure) = end {
        count_failure(place, failure);
    }
    if place.bind.settings.access_log {
        record(place, exchange, labels, end, now);
    }
}

/// What a failure is counted as beside the request itself.
fn count_failure(place: &Place<'_>, failure: Failure) {
    let shard = &place.view.resources.shard;
    if let Some(timeout) = failure.timeout() {
        shard.timed_out(timeout);
    }
    if let Some(limit) = failure.limit() {
        shard.limit_hit(limit);
    }
    if let Failure::Malformed(error) = failure {
        shard.malformed(error.index());
    }
}

fn record(place: &Place<'_>, exchange: &Exchange, labels: LabelsId, end: End, now: Instant) {
    let resources = &place.view.resources;
    let mut fields = Vec::new();
    if let Some(wanted) = &place.bind.settings.log_fields
        && !added(place, exchange, wanted, &mut fields)
    {
        return;
    }
    let bytes = exchange.head_bytes();
    let request = &exchange.request;
    let outcome = &exchange.outcome;
    let endpoint = outcome.endpoint.and_then(|(cluster, endpoint)| {
        let local = place.view.local(cluster)?;
        local.cluster.endpoints.get(endpoint as usize).map(|endpoint| endpoint.name.as_bytes())
    });
    let request_id = request.value(bytes, FieldName::XRequestId);
    let made = if exchange.request_id == NO_ID { &[][..] } else { &exchange.request_id };
    let identity = place.connection.identity();
    let (upstream_status, upstream_nanos) = match (outcome.sent, outcome.answered) {
        (Some(sent), Some(answered)) => (exchange.response.status, answered.nanos_since(sent)),
        _ => (0, 0),
    };
    resources.log.record(
        &Record {
            unix_micros: resources.unix_micros(now),
            duration_nanos: now.nanos_since(outcome.started),
            labels,
            reason: end.reason(),
            source: place.connection.peer.address,
            endpoint: endpoint.unwrap_or_default(),
            method: request.method_name.of(bytes),
            host: request.host.of(bytes),
            path: request.path_and_query.of(bytes),
            version: match (place.connection.carrier.http2, request.version.is_1_1()) {
                (true, _) => HttpVersion::Http2,
                (false, true) => HttpVersion::Http11,
                (false, false) => HttpVersion::Http10,
            },
            status: outcome.status,
            trace_id: b"",
            request_id: request_id.unwrap_or(made),
            error: match end {
                End::Failed(failure) => failure.row().text.as_bytes(),
                _ => b"",
            },
            received_bytes: outcome.request_bytes,
            sent_bytes: outcome.response_bytes,
            identity: identity.and_then(Identity::spiffe_id).unwrap_or_default().as_bytes(),
            subject: identity.map_or(&[], |identity| identity.subject.as_bytes()),
            upstream_status,
            upstream_nanos,
            retries: outcome.retries,
            gen_ai: exchange.gen_ai().map(gen_ai),
            fields: &fields,
        },
        &resources.shard,
    );
}

/// What expressions add to the record. False: it is not wanted.
fn added(place: &Place<'_>, exchange: &Exchange, wanted: &LogFields, out: &mut Vec<u8>) -> bool {
    let (status, body) = (exchange.outcome.status, exchange.told_text());
    let response = ResponsePart { status, head: None, body };
    let attributes = asked::attributes(place, exchange, Some(response));
    let is_wanted = wanted.write(&attributes, out);
    asked::count_failures(place, &attributes);
    is_wanted
}

fn gen_ai(known: &GenAi) -> GenAiPart<'_> {
    let usage = &known.usage;
    GenAiPart {
        operation: known.operation.as_bytes(),
        provider: known.provider.as_bytes(),
        request_model: &known.request_model,
        response_model: &known.response_model,
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_written: usage.cache_written,
        reasoning: usage.reasoning,
        first_token_nanos: known.first_token_nanos,
        each_token_nanos: known.each_token_nanos,
        cost_nanos: known.cost_nanos_usd,
        prompt: &known.prompt,
        completion: &known.completion,
    }
}

const fn method_label(method: Method) -> MethodLabel {
    match method {
        Method::Get => MethodLabel::Get,
        Method::Head => MethodLabel::Head,
        Method::Post => MethodLabel::Post,
        Method::Put => MethodLabel::Put,
        Method::Delete => MethodLabel::Delete,
        Method::Connect => MethodLabel::Connect,
        Method::Options => MethodLabel::Options,
        Method::Trace => MethodLabel::Trace,
        Method::Patch => MethodLabel::Patch,
        Method::Other => MethodLabel::Other,
    }
}
