//! `/config_dump`: the configuration in use. Secrets are left out by the types they are in.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Ask, Desk, json};

pub fn routes() -> Router<Desk> {
    Router::new().route("/config_dump", get(dump))
}

async fn dump(State(desk): State<Desk>) -> Response {
    desk.ask(Ask::Config).await.map_or_else(IntoResponse::into_response, |dump| json(&dump))
}
