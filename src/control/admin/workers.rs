//! `/workers`: what each worker is at.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Ask, Desk, json};

pub fn routes() -> Router<Desk> {
    Router::new().route("/workers", get(list))
}

async fn list(State(desk): State<Desk>) -> Response {
    desk.ask(Ask::Workers).await.map_or_else(IntoResponse::into_response, |list| json(&list))
}
