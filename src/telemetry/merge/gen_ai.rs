//! The families of requests for models.

use crate::telemetry::catalog as family;
use crate::telemetry::exposition::{Nanos, Page};
use crate::telemetry::gen_ai::{GenAiSeries, PriceLookup, TOKEN_TYPES};
use crate::telemetry::labels::{Registry, block};

pub(super) fn gen_ai_families(page: &mut Page, all: &[&GenAiSeries], registry: &Registry) {
    let rows: Vec<(String, &GenAiSeries)> =
        all.iter().filter_map(|series| Some((labels(series, registry)?, *series))).collect();
    let rows = || rows.iter().map(|(block, series)| (block, *series));
    let tokens = rows().flat_map(|(block, series)| {
        TOKEN_TYPES
            .iter()
            .zip(&series.tokens)
            .map(move |(kind, tokens)| (format!("gen_ai_token_type=\"{kind}\",{block}"), tokens))
    });
    page.histograms(&family::GEN_AI_TOKEN_USAGE, tokens.filter(|(_, tokens)| tokens.count() > 0));
    page.histograms(
        &family::GEN_AI_REQUEST_DURATION,
        rows().map(|(block, series)| (block, &series.duration)),
    );
    let first = rows().map(|(block, series)| (block, &series.first_token));
    page.histograms(&family::GEN_AI_FIRST_TOKEN, first.filter(|(_, first)| first.count() > 0));
    let each = rows().map(|(block, series)| (block, &series.each_token));
    page.histograms(&family::GEN_AI_EACH_TOKEN, each.filter(|(_, each)| each.count() > 0));
    let priced =
        rows().filter(|(_, series)| series.lookups[PriceLookup::Exact as usize].value() > 0);
    page.samples(
        &family::GEN_AI_COST,
        priced.map(|(block, series)| (block, Nanos(series.cost.value()))),
    );
    let lookups = rows().flat_map(|(block, series)| {
        PriceLookup::NAMES
            .iter()
            .zip(&series.lookups)
            .map(move |(status, count)| (format!("status=\"{status}\",{block}"), count.value()))
    });
    page.samples(&family::COST_LOOKUPS, lookups.filter(|(_, count)| *count > 0));
}

fn labels(series: &GenAiSeries, registry: &Registry) -> Option<String> {
    let names = series.names()?;
    let (_, back) = registry.exchange(names.route);
    let front = block(&[
        ("gen_ai_operation_name", &names.operation),
        ("gen_ai_system", &names.provider),
        ("gen_ai_request_model", &names.request_model),
        ("gen_ai_response_model", &names.response_model),
    ]);
    Some(format!("{front},{back}"))
}
