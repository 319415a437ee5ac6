//! `/clusters`: the endpoints of each cluster, and how they are: JSON, or text for people with
//! `?format=text`.

use std::fmt::Write;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;

use super::{Ask, Desk, json};

#[derive(Deserialize)]
struct Wanted {
    format: Option<String>,
}

pub fn routes() -> Router<Desk> {
    Router::new().route("/clusters", get(list))
}

async fn list(State(desk): State<Desk>, Query(wanted): Query<Wanted>) -> Response {
    let list = match desk.ask(Ask::Clusters).await {
        Ok(list) => list,
        Err(ended) => return ended.into_response(),
    };
    match wanted.format.as_deref() {
        Some("text") => text(&list).into_response(),
        _ => json(&list),
    }
}

/// A line for each endpoint, behind its cluster's.
fn text(list: &Value) -> String {
    let mut out = String::new();
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for cluster in each(&list["clusters"]) {
        let name = cluster["name"].as_str().unwrap_or_default();
        let _ = writeln!(out, "{name} ({})", cluster["algorithm"].as_str().unwrap_or_default());
        for limit in each(&cluster["circuit"]) {
            let kind = limit["limit"].as_str().unwrap_or_default();
            let _ = writeln!(out, "  {kind}: {} of {}", limit["taken"], limit["most"]);
        }
        for endpoint in each(&cluster["endpoints"]) {
            let address = endpoint["address"].as_str().unwrap_or_default();
            let state = endpoint["state"].as_str().unwrap_or_default();
            let _ = writeln!(
                out,
                "  {address} weight {} priority {} {state}, {} ejections, {} checks passed, {} failed",
                endpoint["weight"],
                endpoint["priority"],
                endpoint["ejections"],
                endpoint["checksPassed"],
                endpoint["checksFailed"],
            );
        }
    }
    out
}
