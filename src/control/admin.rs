//! The three servers of the control thread: admin, metrics, readiness. HTTP/1.1 in plain text.
//!
//! A request becomes an `Ask` to the control loop, which owns all there is to show: the servers
//! themselves own nothing, lock nothing, and refuse (503) once the loop has ended. Requests that a
//! browser sends for some other site are refused by the admin server: it listens on localhost,
//! where every page an operator opens could reach it.

pub mod budgets;
pub mod clusters;
pub mod config;
pub mod log;
pub mod metrics;
pub mod open;
pub mod quit;
pub mod ready;
pub mod serve;
pub mod workers;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::{mpsc, oneshot};

use super::wiring::Format;
use crate::limits::ASKS_QUEUED_MAX;

/// A question to the control loop, with where to put the answer.
#[derive(Debug)]
pub enum Ask {
    /// What keeps this process from being ready; nothing when it is.
    Ready(Reply<Vec<String>>),
    Config(Reply<serde_json::Value>),
    Workers(Reply<serde_json::Value>),
    Clusters(Reply<serde_json::Value>),
    Budgets(Reply<serde_json::Value>),
    /// Nothing was used of the budget of that name; whether there is one.
    ResetBudget(String, Reply<bool>),
    Metrics(Format, Reply<String>),
    LogLevel(Reply<String>),
    SetLogLevel(String, Reply<Result<String, String>>),
    Quit(Reply<()>),
}

pub type Reply<T> = oneshot::Sender<T>;

/// Where the servers put their questions.
#[derive(Clone, Debug)]
pub struct Desk(mpsc::Sender<Ask>);

impl Desk {
    pub fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (sender, receiver) = mpsc::channel(ASKS_QUEUED_MAX);
        (Self(sender), receiver)
    }

    pub(super) async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<T, Ended> {
        let (reply, answer) = oneshot::channel();
        self.0.send(ask(reply)).await.map_err(|_| Ended)?;
        answer.await.map_err(|_| Ended)
    }
}

/// The control loop has ended: so will the process, any moment.
#[derive(Debug)]
pub(super) struct Ended;

impl IntoResponse for Ended {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, "this process is about to end\n").into_response()
    }
}

pub fn admin_router(desk: Desk) -> Router {
    Router::new()
        .route("/", get(INDEX))
        .merge(budgets::routes())
        .merge(clusters::routes())
        .merge(config::routes())
        .merge(log::routes())
        .merge(quit::routes())
        .merge(workers::routes())
        .with_state(desk)
        .fallback((StatusCode::NOT_FOUND, "not found; GET / lists what there is\n"))
        .layer(middleware::from_fn(refuse_other_sites))
}

pub fn metrics_router(desk: Desk) -> Router {
    metrics::routes().with_state(desk).fallback((StatusCode::NOT_FOUND, "try /metrics\n"))
}

pub fn readiness_router(desk: Desk) -> Router {
    ready::routes().with_state(desk).fallback((StatusCode::NOT_FOUND, "try /healthz/ready\n"))
}

async fn refuse_other_sites(request: Request, next: Next) -> Response {
    if from_other_site(&request) {
        return (StatusCode::FORBIDDEN, "not for web pages\n").into_response();
    }
    next.run(request).await
}

/// Browsers name the site that a request comes from; curl, probes and scrapers do not.
fn from_other_site(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site");
    let foreign = site.is_some_and(|site| site != "none" && site != "same-origin");
    foreign || (request.method() != Method::GET && request.headers().contains_key(header::ORIGIN))
}

fn json(value: &serde_json::Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{value:#}\n")).into_response()
}

const INDEX: &str = "\
GET  /config_dump       configuration in use, as JSON, without secrets
GET  /clusters          endpoints and how they are, as JSON, or text with ?format=text
GET  /budgets           what may be used of models and what was, as JSON
POST /budgets/reset?name=N  nothing was used of the budget N
GET  /workers           state and load of each worker, as JSON
GET  /logging           level of the process log
POST /logging?level=L   set it: error, warn, info, debug, or module=level,...
POST /quitquitquit      drain, then exit
";

#[cfg(test)]
mod tests;
