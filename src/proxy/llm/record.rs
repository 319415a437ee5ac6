//! What an exchange with a model is in the books: tokens, durations, cost, and the names of both
//! models.

use super::super::gather;
use super::super::place::Routed;
use super::cost;
use crate::http::Exchange;
use crate::llm::{Answer, Api};
use crate::proto::json_scan::{Found, Scan};
use crate::telemetry::gen_ai::{GenAiLabels, GenAiMeasures};

/// Keeps the begin of the messages that are sent, where the log is to have that.
pub(super) fn keep_prompt(routed: &Routed<'_>, exchange: &mut Exchange) {
    let bytes_max = routed.bind.settings.prompt_bytes_logged;
    if bytes_max == 0 {
        return;
    }
    let mut prompt = std::mem::take(&mut exchange.gen_ai_mut().prompt);
    let body = gather::body(exchange);
    let mut scan = Scan::new(&[&["messages"], &["input"]]);
    // One that is no JSON is refused, or asks in a way that we do not know.
    let _ = scan.push(body, &mut |found: &Found<'_>| {
        let end = found.end.min(found.start + bytes_max);
        prompt.clear();
        prompt.extend_from_slice(&body[found.start..end]);
    });
    exchange.gen_ai_mut().prompt = prompt;
}

/// Counts it, if a provider answered at all.
pub(super) fn record(routed: &Routed<'_>, exchange: &mut Exchange, (api, answer): (Api, &Answer)) {
    let outcome = exchange.outcome;
    cost::learn(exchange, &answer.facts);
    let gen_ai = exchange.gen_ai_mut();
    gen_ai.completion.clear();
    gen_ai.completion.extend_from_slice(answer.kept());
    let (started, now) = (outcome.started, routed.connection.now());
    let answered = outcome.answered.is_some();
    let is_bill = api != Api::CountTokens;
    if !is_bill {
        // Nobody pays for a count.
        gen_ai.usage = crate::http::exchange::Usage {
            input: answer.facts.counted,
            ..crate::http::exchange::Usage::default()
        };
    }
    if !answered {
        return;
    }
    let first = answer.first_token;
    let usage = gen_ai.usage;
    let after_first = usage.output.filter(|output| *output > 1).map(|output| output - 1);
    gen_ai.first_token_nanos = first.map(|first| first.nanos_since(started));
    gen_ai.each_token_nanos =
        first.zip(after_first).map(|(first, tokens)| now.nanos_since(first) / tokens);
    let lookup = if is_bill { cost::bill(cost::prices(routed), gen_ai) } else { None };
    let text = |name| str::from_utf8(name).unwrap_or_default();
    let labels = GenAiLabels {
        // Without the backend, which these families do not have.
        route: routed.route.labels(None),
        operation: gen_ai.operation,
        provider: &gen_ai.provider,
        request_model: text(&gen_ai.request_model),
        response_model: text(&gen_ai.response_model),
    };
    let bill = |count: Option<u64>| count.filter(|_| is_bill);
    routed.view.resources.shard.gen_ai(&labels).record(&GenAiMeasures {
        input: bill(usage.input),
        output: bill(usage.output),
        cache_read: bill(usage.cache_read),
        cache_written: bill(usage.cache_written),
        duration_nanos: now.nanos_since(started),
        first_token_nanos: gen_ai.first_token_nanos,
        each_token_nanos: gen_ai.each_token_nanos,
        lookup,
        cost_nanos: gen_ai.cost_nanos_usd,
    });
}
