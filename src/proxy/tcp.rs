//! The life of a TCP connection: which route, a connection to an endpoint, bytes both ways until
//! both ends have closed. TLS that is passed through is routed by the name in its ClientHello,
//! which goes on to the endpoint as it came.
//!
//! Refuses to look into what it carries. The view is let go before bytes flow: a connection keeps
//! its endpoint over any number of reloads, and holds no snapshot for that.

pub mod hello;
mod record;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use super::After;
use super::admission;
use super::failure::Failure;
use super::open;
use crate::base::buffer::Buffer;
use crate::base::id::BindId;
use crate::http::server::h1::Connection;
use crate::limits::{LINGER, TCP_COUNTED_EVERY};
use crate::net::deadline::{Action, Ends};
use crate::net::relay::{self, Flow, relay};
use crate::net::stream::Stream;
use crate::snapshot::bind::Bind;
use crate::snapshot::resources::Resources;
use crate::snapshot::tcp::{By, Names, Passage, Route};
use crate::snapshot::view::View;
use crate::telemetry::value::{Refusal, Timeout, Work};
use crate::upstream::cluster::Wish;
use crate::upstream::local::Turn;
use hello::NoHello;
use record::Story;

/// RFC 8446 section 6: a record of one fatal alert.
const ALERT: u8 = 21;
const FATAL: u8 = 2;
const DECODE_ERROR: u8 = 50;
/// RFC 6066 section 3.
const UNRECOGNIZED_NAME: u8 = 112;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Relayed(relay::End),
    /// Nobody was there to serve it.
    Failed(Failure),
    /// It asked for nothing that is served.
    Refused(Refusal),
    /// The client left before it asked for anything.
    Gone,
}

/// What a connection is served with, once that is known.
struct Reached {
    up: Stream,
    first: Buffer,
    idle: Duration,
    turn: Option<Turn>,
}

/// Serves one connection. `first` is what came of it before; `count` is told now and then to count
/// the bytes that went through.
pub async fn handle(
    view: Rc<View>,
    bind: BindId,
    connection: &Connection,
    first: Option<Buffer>,
    count: impl Fn(),
) -> After {
    connection.work.set(Work::Tcp);
    let resources = Rc::clone(&view.resources);
    let first = first.unwrap_or_else(|| resources.buffers.take());
    let mut story = Story::begin(connection.now());
    let reached = reach(view, bind, connection, first, &mut story).await;
    let end = match reached {
        Ok(reached) => End::Relayed(pass(&resources, connection, reached, count).await),
        Err(end) => end,
    };
    // Who asked for nothing, a balancer that looks whether the port is open, is not told of.
    if end != End::Gone {
        story.finish(&resources, connection, end);
    }
    match end {
        End::Relayed(_) | End::Gone => After::Close,
        End::Failed(_) => After::Reset,
        End::Refused(refusal) => say_no(&resources, connection, refusal).await,
    }
}

/// Everything that needs the view.
async fn reach(
    view: Rc<View>,
    bind: BindId,
    connection: &Connection,
    first: Buffer,
    story: &mut Story,
) -> Result<Reached, End> {
    let buffers = &view.resources.buffers;
    let (first, found) = match view.snapshot.bind(bind) {
        Some(bind) => find(&view, bind, connection, first, story).await,
        None => (first, Err(End::Failed(Failure::Removed))),
    };
    let opened = match found {
        Ok((passage, route)) => {
            let up = open(&view, connection, route, story).await;
            up.map(|(up, turn)| (up, turn, passage.idle)).map_err(End::Failed)
        }
        Err(end) => Err(end),
    };
    match opened {
        Ok((up, turn, idle)) => Ok(Reached { up, first, idle, turn }),
        Err(end) => {
            buffers.give(first);
            Err(end)
        }
    }
}

/// The route of the connection.
async fn find<'a>(
    view: &View,
    bind: &'a Bind,
    connection: &Connection,
    first: Buffer,
    story: &mut Story,
) -> (Buffer, Result<(&'a Passage, &'a Route), End>) {
    story.labels = bind.labels;
    story.is_logged = bind.settings.access_log;
    let Some(passage) = &bind.passage else {
        return (first, Err(End::Failed(Failure::Removed)));
    };
    if view.resources.buffers.is_full() {
        return (first, Err(End::Failed(admission::full(&view.resources))));
    }
    let (first, route) = match &passage.by {
        By::Port(route) => (first, route.as_ref().ok_or(End::Failed(Failure::NoRoute))),
        By::Name(names) if connection.carrier.tls => (first, told(connection, names, story)),
        By::Name(names) => by_name(connection, names, first, story).await,
    };
    (first, route.map(|route| (passage, route)))
}

/// The route of a connection whose TLS was ended here: the name was told before.
fn told<'a>(
    connection: &Connection,
    names: &'a Names,
    story: &mut Story,
) -> Result<&'a Route, End> {
    let name = connection.stream.session(|session| session.server_name().map(str::to_owned));
    let name = name.flatten().unwrap_or_default();
    let (listener, route) = names.find(name.as_bytes());
    story.name = name.into();
    if let Some(listener) = listener {
        story.labels = listener.labels;
    }
    route.ok_or(End::Refused(Refusal::UnknownName))
}

async fn by_name<'a>(
    connection: &Connection,
    names: &'a Names,
    first: Buffer,
    story: &mut Story,
) -> (Buffer, Result<&'a Route, End>) {
    let (first, hello) = hello::read(connection, first, names.limit).await;
    let hello = match hello {
        Ok(hello) => hello,
        Err(NoHello::Gone) => return (first, Err(End::Gone)),
        Err(NoHello::Refused(refusal)) => return (first, Err(End::Refused(refusal))),
    };
    let name = hello.server_name().unwrap_or_default();
    story.name = name.into();
    let (listener, route) = names.find(name.as_bytes());
    if let Some(listener) = listener {
        story.labels = listener.labels;
    }
    (first, route.ok_or(End::Refused(Refusal::UnknownName)))
}

/// A connection to an endpoint of one of the route's backends.
async fn open(
    view: &View,
    connection: &Connection,
    route: &Route,
    story: &mut Story,
) -> Result<(Stream, Option<Turn>), Failure> {
    story.labels = route.labels(None);
    let clusters = route.clusters.as_ref().ok_or(Failure::NoBackend)?;
    let (place, cluster) = clusters.pick(view.resources.random.next());
    story.labels = route.labels(Some(place));
    let local = view.local(*cluster).ok_or(Failure::NoBackend)?;
    let opened = open::any(&view.resources, local, connection, Wish::Either).await;
    story.retries = opened.retries;
    if let Some(endpoint) = opened.endpoint {
        story.endpoint = local.cluster.endpoints[endpoint].name.as_str().into();
    }
    opened.result.map(|up| (up, opened.turn))
}

/// Moves bytes until both ends have closed.
async fn pass(
    resources: &Resources,
    connection: &Connection,
    reached: Reached,
    count: impl Fn(),
) -> relay::End {
    let Reached { up, first, idle, turn: _turn } = reached;
    let down = &connection.stream;
    let buffers = &resources.buffers;
    // What came before was counted when it came.
    let known = first.len() as u64;
    let received = connection.received_bytes.get();
    let firsts = (first, buffers.take());
    let (upward, downward) = (Flow::default(), Flow::default());
    let counted = || {
        let more = upward.bytes.get().saturating_sub(known);
        connection.received_bytes.set(received + more);
        connection.sent_bytes.set(downward.bytes.get());
        count();
    };
    let run = relay(down, &up, firsts, buffers, idle, (&upward, &downward));
    let end = Box::pin(beside(run, resources, &counted)).await;
    counted();
    if end == relay::End::Idle {
        resources.shard.timed_out(Timeout::TcpIdle);
    }
    end
}

/// Runs `main` to its end, and `tick` every now and then.
async fn beside<F: Future>(main: F, resources: &Resources, tick: &impl Fn()) -> F::Output {
    let wheel = &resources.wheel;
    let watch = wheel.register(Ends::Nothing);
    watch.set(wheel.clock().now(), TCP_COUNTED_EVERY, Action::Wake);
    let mut main = pin!(main);
    poll_fn(|context| {
        while watch.poll_fired(context).is_ready() {
            tick();
            watch.set(wheel.clock().now(), TCP_COUNTED_EVERY, Action::Wake);
        }
        main.as_mut().poll(context)
    })
    .await
}

/// Tells the client why it is not served, where it speaks TLS.
pub async fn say_no(resources: &Resources, connection: &Connection, refusal: Refusal) -> After {
    resources.shard.refused(refusal);
    let description = match refusal {
        Refusal::HelloSlow => {
            resources.shard.timed_out(Timeout::TlsHandshake);
            return After::Close;
        }
        Refusal::HelloNotTls | Refusal::HelloCut => return After::Close,
        Refusal::HelloOversized | Refusal::HelloMalformed => DECODE_ERROR,
        _ => UNRECOGNIZED_NAME,
    };
    let mut alert = resources.buffers.take();
    alert.put(&[ALERT, 3, 3, 0, 2, FATAL, description]);
    connection.stream.deadline().set(connection.now(), LINGER, Action::EndBoth);
    let bytes = alert.len() as u64;
    let (sent, alert) = connection.stream.send_all(alert).await;
    resources.buffers.give(alert);
    connection.stream.deadline().clear();
    if sent.is_err() {
        return After::Close;
    }
    connection.sent_bytes.set(connection.sent_bytes.get() + bytes);
    After::Linger
}
