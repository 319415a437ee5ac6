//! `/logging`: the level of the process log, shown and set.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Ask, Desk};

pub fn routes() -> Router<Desk> {
    Router::new().route("/logging", get(show).post(set))
}

#[derive(serde::Deserialize)]
struct Wanted {
    level: Option<String>,
}

async fn show(State(desk): State<Desk>) -> Response {
    let level = desk.ask(Ask::LogLevel).await;
    level.map_or_else(IntoResponse::into_response, |level| format!("{level}\n").into_response())
}

async fn set(state: State<Desk>, Query(wanted): Query<Wanted>) -> Response {
    let Some(level) = wanted.level else { return show(state).await };
    let State(desk) = state;
    match desk.ask(|reply| Ask::SetLogLevel(level, reply)).await {
        Err(ended) => ended.into_response(),
        Ok(Err(why)) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
        Ok(Ok(level)) => format!("{level}\n").into_response(),
    }
}
