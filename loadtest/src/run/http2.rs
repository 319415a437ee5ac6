//! HTTP/2 by the library `h2`: some tasks a connection, each with one stream at a time.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;

use super::core::{Core, Ticket};
use super::dial::dial;
use super::duplex::{self, Meter};
use super::exam::Exam;
use super::site::Ask;
use super::stream::Stream;
use super::watch::SlotId;
use crate::outcome::Fault;
use crate::plan::Protocol;

/// What the streams of one connection share: the connection itself, of each place.
pub(super) struct Trunk {
    connections: Vec<RefCell<Option<Open>>>,
    dialing: Cell<bool>,
}

#[derive(Clone)]
struct Open {
    sender: SendRequest<Bytes>,
    meter: Meter,
    served: Rc<Cell<u64>>,
}

struct Lane {
    core: Rc<Core>,
    trunk: Rc<Trunk>,
    slot: SlotId,
    events: bool,
    failures: u32,
}

impl Trunk {
    pub(super) fn new(core: &Core) -> Self {
        let connections = core.site.places.iter().map(|_| RefCell::default()).collect();
        Self { connections, dialing: Cell::new(false) }
    }
}

/// The task of one stream at a time; the `first` of a connection opens it.
pub(super) async fn run(core: Rc<Core>, trunk: Rc<Trunk>, first: bool) {
    let slot = core.watch.slot();
    let events = matches!(core.site.plan.protocol, Protocol::Events { .. });
    let mut lane = Lane { core, trunk, slot, events, failures: 0 };
    if first && lane.core.site.plan.requests_per_connection.is_none() {
        for place in 0..lane.trunk.connections.len() {
            // The first request will see for itself what is wrong.
            let _ = lane.connection(place).await;
        }
    }
    lane.core.ready().await;
    while let Some(ticket) = lane.core.next().await {
        match lane.attempt(&ticket).await {
            Ok(()) => {
                lane.failures = 0;
                lane.core.answered(&ticket);
            }
            Err(fault) => lane.fail(&ticket, fault).await,
        }
    }
    lane.book_bytes();
}

impl Lane {
    async fn fail(&mut self, ticket: &Ticket, fault: Fault) {
        let wrong = matches!(
            fault,
            Fault::Status(_) | Fault::BodyLength | Fault::BodyHash | Fault::Header(_)
        );
        self.core.failed(ticket, fault);
        if !wrong && !self.core.site.plan.open_loop() {
            let time = REST_MIN * 2u32.pow(self.failures.min(6));
            self.failures += 1;
            self.core.rest(time).await;
        }
    }

    async fn attempt(&self, ticket: &Ticket) -> Result<(), Fault> {
        match self.attempt_once(ticket).await {
            // The server has surely not looked at the request: it was about to close.
            Err(Broken::Untouched(_)) => self.attempt_once(ticket).await.map_err(Broken::fault),
            result => result.map_err(Broken::fault),
        }
    }

    async fn attempt_once(&self, ticket: &Ticket) -> Result<(), Broken> {
        let place = self.core.ask(ticket).place;
        let mut open = Box::pin(self.connection(place)).await.map_err(Broken::Fault)?;
        let deadline = self.core.answer_deadline();
        let exchange = self.exchange(ticket, &mut open);
        let Some(result) = within(&self.core, self.slot, deadline, exchange).await else {
            // A connection that is cut has nobody to read what comes.
            if self.core.over() {
                open.meter.shut_down();
            }
            return Err(Broken::Fault(self.core.lateness()));
        };
        self.book_bytes();
        match &result {
            Ok(()) => self.wear(place, &open),
            Err(Broken::Untouched(_) | Broken::Connection(_)) => self.forget(place, &open),
            Err(Broken::Fault(_)) => (),
        }
        result
    }

    /// The connection to the place, opened if there is none.
    async fn connection(&self, place: usize) -> Result<Open, Fault> {
        let known = &self.trunk.connections[place];
        loop {
            if let Some(open) = known.borrow().as_ref() {
                return Ok(open.clone());
            }
            if !self.trunk.dialing.get() {
                break;
            }
            // Another stream is opening it. Not to rest at all would keep it from that for ever: the
            // thread would be here, and nowhere else.
            self.core.rest(DIALING_REST).await;
            if self.core.over() {
                return Err(Fault::Unanswered);
            }
        }
        self.trunk.dialing.set(true);
        let opened = self.open(place).await;
        self.trunk.dialing.set(false);
        let open = opened?;
        *known.borrow_mut() = Some(open.clone());
        Ok(open)
    }

    async fn open(&self, place: usize) -> Result<Open, Fault> {
        let core = &self.core;
        let stream = Box::pin(dial(core, self.slot, &core.site.places[place])).await?;
        if let Stream::Tls(tls) = &stream
            && tls.session.alpn_protocol() != Some(b"h2")
        {
            let got = tls.session.alpn_protocol().unwrap_or(b"nothing");
            return Err(Fault::Alpn(String::from_utf8_lossy(got).into_owned()));
        }
        let (duplex, meter) = duplex::open(stream);
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .enable_push(false);
        let deadline = Instant::now() + core.site.plan.connect_timeout;
        let shaken = within(core, self.slot, deadline, builder.handshake(duplex)).await;
        let (sender, connection) =
            shaken.ok_or(Fault::ConnectTimeout)?.map_err(|error| fault_of(&error))?;
        drop(monoio::spawn(async move {
            // Each stream learns for itself why the connection ended.
            let _ = connection.await;
        }));
        Ok(Open { sender, meter, served: Rc::default() })
    }

    async fn exchange(&self, ticket: &Ticket, open: &mut Open) -> Result<(), Broken> {
        let broken = |sent| move |error| Broken::of(&error, sent);
        poll_fn(|context| open.sender.poll_ready(context)).await.map_err(broken(false))?;
        let ask = self.core.ask(ticket);
        let (request, body) = self.core.fill(|filler| {
            let mut path = Vec::new();
            ask.path.fill(filler, &mut path);
            let headers = ask.headers.iter().map(|(name, value)| {
                let mut filled = Vec::new();
                value.fill(filler, &mut filled);
                (name.clone(), filled)
            });
            let headers: Vec<_> = headers.collect();
            (request(ask, &path, &headers), ask.message(filler))
        });
        let request = request?;
        let (answer, upload) =
            open.sender.send_request(request, body.is_empty()).map_err(broken(false))?;
        if !body.is_empty() {
            send_body(upload, body).await.map_err(broken(true))?;
        }
        let mut exam = Exam::new(&ask.check, self.events.then_some(ticket));
        let answer = answer.await.map_err(broken(true))?;
        exam.status(answer.status().as_u16());
        if let Some(header) = &ask.check.header {
            let value = answer.headers().get(&header.name);
            exam.header(value.map(http::HeaderValue::as_bytes));
        }
        let mut body = answer.into_body();
        while let Some(part) = body.data().await {
            let part = part.map_err(broken(true))?;
            body.flow_control().release_capacity(part.len()).map_err(broken(true))?;
            exam.body_part(&part);
        }
        exam.finish(&self.core).map_err(Broken::Fault)
    }

    fn wear(&self, place: usize, open: &Open) {
        open.served.set(open.served.get() + 1);
        let worn = self.core.site.plan.requests_per_connection;
        if worn.is_some_and(|most| open.served.get() >= most) {
            self.forget(place, open);
        }
    }

    /// The next request opens another connection; streams of this one go on.
    fn forget(&self, place: usize, open: &Open) {
        let mut known = self.trunk.connections[place].borrow_mut();
        if known.as_ref().is_some_and(|known| Rc::ptr_eq(&known.served, &open.served)) {
            *known = None;
        }
    }

    fn book_bytes(&self) {
        for known in &self.trunk.connections {
            if let Some(open) = known.borrow().as_ref() {
                let (received, sent) = open.meter.take();
                let mut book = self.core.book.borrow_mut();
                book.received_bytes += received;
                book.sent_bytes += sent;
            }
        }
    }
}

/// How often a stream looks whether the connection is there that another opens.
const DIALING_REST: Duration = Duration::from_millis(1);

/// What a broken exchange says about its connection.
enum Broken {
    /// Nothing.
    Fault(Fault),
    /// It is of no use any more.
    Connection(Fault),
    /// That, and that the server did nothing with the request.
    Untouched(Fault),
}

impl Broken {
    fn fault(self) -> Fault {
        match self {
            Self::Fault(fault) | Self::Connection(fault) | Self::Untouched(fault) => fault,
        }
    }

    /// Of an error before the request was sent, or after.
    fn of(error: &h2::Error, sent: bool) -> Self {
        let fault = fault_of(error);
        let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        if !sent || refused || error.is_go_away() {
            Self::Untouched(fault)
        } else if error.is_reset() {
            Self::Fault(fault)
        } else {
            Self::Connection(fault)
        }
    }
}

/// `None` when the deadline came first. What is waited for is no operation of a socket, so that it
/// may be dropped: the library then resets the stream.
async fn within<F: Future>(
    core: &Core,
    slot: SlotId,
    deadline: Instant,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut armed = false;
    let result = poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        if armed && core.watch.is_late(slot) {
            return Poll::Ready(None);
        }
        armed = true;
        core.watch.arm_waker(slot, context.waker(), deadline);
        Poll::Pending
    })
    .await;
    core.watch.disarm(slot);
    result
}

fn request(
    ask: &Ask,
    path: &[u8],
    headers: &[(String, Vec<u8>)],
) -> Result<http::Request<()>, Broken> {
    let scheme = if ask.url.scheme.encrypted() { "https" } else { "http" };
    let uri = http::Uri::builder()
        .scheme(scheme)
        .authority(ask.url.authority())
        .path_and_query(path)
        .build();
    let bad = |what: &dyn std::fmt::Display| Broken::Fault(Fault::protocol(what));
    let uri = uri.map_err(|error| bad(&error))?;
    let mut request = http::Request::builder().method(ask.method.as_str()).uri(uri);
    for (name, value) in headers {
        // Said by frames, or not at all: RFC 9113, section 8.2.2.
        if !["connection", "host", "content-length"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            request = request.header(name.as_str(), value.as_slice());
        }
    }
    request.body(()).map_err(|error| bad(&error))
}

async fn send_body(mut upload: h2::SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        upload.reserve_capacity(body.len());
        let Some(room) = poll_fn(|context| upload.poll_capacity(context)).await else {
            // The server answered, or reset the stream, before it had read everything.
            return Ok(());
        };
        let part = body.split_to(room?.min(body.len()));
        upload.send_data(part, body.is_empty())?;
    }
    Ok(())
}

fn fault_of(error: &h2::Error) -> Fault {
    match error.get_io() {
        Some(io) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => Fault::tls(io),
        Some(io) => Fault::io(io),
        None => Fault::protocol(error),
    }
}

const REST_MIN: Duration = Duration::from_millis(10);
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 24;
