//! `/quitquitquit`: drain as at SIGTERM. POST only, so that no link and no crawler does it.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::{Ask, Desk};

pub fn routes() -> Router<Desk> {
    Router::new().route("/quitquitquit", post(quit))
}

async fn quit(State(desk): State<Desk>) -> Response {
    let answer = desk.ask(Ask::Quit).await;
    answer.map_or_else(IntoResponse::into_response, |()| "draining\n".into_response())
}
