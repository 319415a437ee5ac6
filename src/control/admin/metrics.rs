//! `/metrics` and `/stats/prometheus`: Prometheus text, or OpenMetrics for who prefers it.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Ask, Desk};
use crate::control::wiring::Format;

pub fn routes() -> Router<Desk> {
    Router::new().route("/metrics", get(scrape)).route("/stats/prometheus", get(scrape))
}

async fn scrape(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = prefer(accepted);
    match desk.ask(|reply| Ask::Metrics(format, reply)).await {
        Err(ended) => ended.into_response(),
        Ok(text) => ([(header::CONTENT_TYPE, content_type(format))], text).into_response(),
    }
}

const fn content_type(format: Format) -> &'static str {
    match format {
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }
}

/// RFC 9110 section 12.5.1, as far as two formats need it: OpenMetrics if it is named with a weight
/// that is not below that of plain text. Text is what everybody can read, so it is the default.
fn prefer<'a>(accepted: impl Iterator<Item = &'a str>) -> Format {
    let (mut open, mut text, mut any) = (0.0_f32, None, 0.0_f32);
    for range in accepted.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| *name == "q");
        let weight = weight.map_or(1.0, |(_, weight)| weight.parse().unwrap_or(0.0));
        match kind.as_str() {
            "application/openmetrics-text" => open = open.max(weight),
            "text/plain" | "text/*" => text = Some(weight.max(text.unwrap_or(0.0))),
            "*/*" => any = any.max(weight),
            _ => (),
        }
    }
    // Where text is not named, `*/*` stands for it.
    if open > 0.0 && open >= text.unwrap_or(any) { Format::OpenMetrics } else { Format::Text }
}

#[cfg(test)]
mod tests;
