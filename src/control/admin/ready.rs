//! `/healthz/ready`: should balancers send traffic here? 503 with the reasons while they should
//! not: before the first configuration is served, from the begin of a drain, without a worker.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Ask, Desk};

pub fn routes() -> Router<Desk> {
    Router::new().route("/healthz/ready", get(ready))
}

async fn ready(State(desk): State<Desk>) -> Response {
    match desk.ask(Ask::Ready).await {
        Err(ended) => ended.into_response(),
        Ok(reasons) if reasons.is_empty() => "ready\n".into_response(),
        Ok(reasons) => {
            let text = format!("not ready:\n{}\n", reasons.join("\n"));
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}
