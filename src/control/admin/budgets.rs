//! `/budgets`: what may be used of models and what was, as JSON; and `/budgets/reset`, which
//! forgets what was used of one of them. POST only, so that no link and no crawler does it.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::{Ask, Desk, json};

pub fn routes() -> Router<Desk> {
    Router::new().route("/budgets", get(list)).route("/budgets/reset", post(reset))
}

#[derive(serde::Deserialize)]
struct Wanted {
    name: Option<String>,
}

async fn list(State(desk): State<Desk>) -> Response {
    let list = desk.ask(Ask::Budgets).await;
    list.map_or_else(IntoResponse::into_response, |list| json(&list))
}

async fn reset(State(desk): State<Desk>, Query(wanted): Query<Wanted>) -> Response {
    let Some(name) = wanted.name else {
        return (StatusCode::BAD_REQUEST, "which one? /budgets/reset?name=..\n").into_response();
    };
    match desk.ask(|reply| Ask::ResetBudget(name, reply)).await {
        Err(ended) => ended.into_response(),
        Ok(true) => "reset\n".into_response(),
        Ok(false) => (StatusCode::NOT_FOUND, "no budget has this name\n").into_response(),
    }
}
