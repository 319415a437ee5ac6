//! A plan made ready: names resolved, requests rendered as far as they are constant, and what is
//! refused refused. Shared by all threads, and never changed.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use bytes::Bytes;
use rustls_pki_types::ServerName;

use super::driver::Driver;
use super::tls;
use crate::outcome::Fault;
use crate::plan::template::Filler;
use crate::plan::{Check, EventsOver, Pacing, Plan, Protocol, Refusal, Target, Template, Url};

pub(super) struct Site {
    pub(super) plan: Plan,
    pub(super) driver: Driver,
    pub(super) asks: Vec<Ask>,
    pub(super) places: Vec<Place>,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    /// Sums of weights, so that a number below the last one names a target.
    weights: Vec<u64>,
}

/// Where connections lead.
pub(super) struct Place {
    pub(super) address: SocketAddr,
    /// The name that TLS asks for; none without TLS.
    pub(super) server_name: Option<ServerName<'static>>,
}

/// What is asked, of one target.
pub(super) struct Ask {
    pub(super) place: usize,
    pub(super) check: Check,
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) path: Template,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) body: Template,
    /// The whole request as HTTP/1.1 has it, when it is always the same.
    pub(super) constant: Option<Bytes>,
}

/// Why a plan is not begun: its user's mistake, or an error of the table.
pub(super) enum Obstacle {
    Refusal(Refusal),
    Fault(Fault),
}

impl Site {
    pub(super) fn prepare(plan: &Plan) -> Result<Self, Obstacle> {
        let refuse = |why: &str| Err(Obstacle::Refusal(Refusal(why.to_owned())));
        if plan.targets.is_empty() {
            return refuse("there is nothing to ask for");
        }
        if plan.connections == 0 || plan.threads == 0 || plan.protocol.lanes() == 0 {
            return refuse("connections, threads, streams and pipelining are at least 1 each");
        }
        if plan.duration.is_zero() {
            return refuse("the duration is nothing");
        }
        if let Pacing::Replay(records) = &plan.pacing {
            if records.iter().any(|(_, target)| *target >= plan.targets.len()) {
                return refuse("a record of the replay names no target");
            }
        } else if plan.targets.iter().all(|target| target.weight == 0) {
            return refuse("the weights of all targets are 0");
        }
        let mut places: Vec<Place> = Vec::new();
        let mut asks = Vec::new();
        for target in &plan.targets {
            check_scheme(plan, target).map_err(Obstacle::Refusal)?;
            let place = find_place(plan, &mut places, &target.url)?;
            asks.push(Ask::new(plan, target, place).map_err(Obstacle::Refusal)?);
        }
        let encrypted = places.iter().any(|place| place.server_name.is_some());
        let tls = if encrypted {
            let config = tls::client_config(&plan.tls, plan.protocol);
            Some(Arc::new(config.map_err(Obstacle::Refusal)?))
        } else {
            None
        };
        let sum = |sum: &mut u64, target: &Target| {
            *sum += u64::from(target.weight);
            Some(*sum)
        };
        let weights = plan.targets.iter().scan(0, sum).collect();
        Ok(Self { plan: plan.clone(), driver: Driver::probe(), asks, places, tls, weights })
    }

    /// A target by its weight.
    pub(super) fn draw(&self, random: &mut Filler) -> usize {
        match self.weights.last() {
            Some(&total) if self.weights.len() > 1 && total > 0 => {
                let drawn = random.between(0, total - 1);
                self.weights.partition_point(|sum| *sum <= drawn)
            }
            _ => 0,
        }
    }
}

impl Ask {
    fn new(plan: &Plan, target: &Target, place: usize) -> Result<Self, Refusal> {
        let clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if target.method.is_empty() || !clean(&target.method) {
            return Err(Refusal(format!("{:?} is no method", target.method)));
        }
        if let Some((name, _)) = target.headers.iter().find(|(name, _)| !clean(name)) {
            return Err(Refusal(format!("{name:?} is no name of a header")));
        }
        let mut ask = Self {
            place,
            check: target.check.clone().unwrap_or_else(|| plan.check.clone()),
            method: target.method.clone(),
            url: target.url.clone(),
            path: Template::parse(&target.url.path)?,
            headers: target.headers.clone(),
            body: target.body.clone(),
            constant: None,
        };
        if plan.requests_per_connection == Some(1) && plan.protocol.lanes() == 1 {
            ask.headers.push(("Connection".to_owned(), Template::constant("close")));
        }
        let parts = ask.headers.iter().map(|(_, value)| value);
        if parts.chain([&ask.path, &ask.body]).all(|part| part.as_constant().is_some()) {
            let mut bytes = Vec::new();
            ask.write_http1(&mut Filler::new(0, 1), &mut bytes);
            ask.constant = Some(bytes.into());
        }
        Ok(ask)
    }

    /// The request as HTTP/1.1 has it.
    pub(super) fn http1(&self, filler: &mut Filler) -> Bytes {
        match &self.constant {
            Some(constant) => constant.clone(),
            None => {
                let mut bytes = Vec::new();
                self.write_http1(filler, &mut bytes);
                bytes.into()
            }
        }
    }

    /// The body alone: a message of a WebSocket or of TCP.
    pub(super) fn message(&self, filler: &mut Filler) -> Bytes {
        let mut bytes = Vec::new();
        self.body.fill(filler, &mut bytes);
        bytes.into()
    }

    pub(super) fn bodiless(&self) -> bool {
        self.method == "HEAD"
    }

    pub(super) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// Whether a length is told even though there is no body.
    pub(super) fn tells_length(&self) -> bool {
        !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")
    }

    fn write_http1(&self, filler: &mut Filler, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        self.path.fill(filler, out);
        out.extend_from_slice(b" HTTP/1.1\r\n");
        if !self.has_header("host") {
            out.extend_from_slice(format!("Host: {}\r\n", self.url.authority()).as_bytes());
        }
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            value.fill(filler, out);
            out.extend_from_slice(b"\r\n");
        }
        let body = self.message(filler);
        if self.tells_length() && !self.has_header("content-length") {
            out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&body);
    }
}

fn check_scheme(plan: &Plan, target: &Target) -> Result<(), Refusal> {
    use crate::plan::Scheme::{Http, Https, Tcp, Tls, Ws, Wss};
    let scheme = target.url.scheme;
    let fits = match plan.protocol {
        Protocol::Http1 { .. } | Protocol::Http2 { .. } | Protocol::Events { .. } => {
            matches!(scheme, Http | Https)
        }
        Protocol::WebSocket => matches!(scheme, Ws | Wss | Http | Https),
        Protocol::Tcp { .. } => matches!(scheme, Tcp | Tls),
        Protocol::Idle => true,
    };
    let slow = plan.slow != crate::plan::Slow::default();
    let http1 = matches!(
        plan.protocol,
        Protocol::Http1 { .. } | Protocol::Events { over: EventsOver::Http1 }
    );
    if !fits {
        let (url, word) = (&target.url, plan.protocol.word());
        return Err(Refusal(format!("{url} is no target for {word}")));
    }
    if slow && (!http1 || scheme.encrypted()) {
        return Err(Refusal("slow clients are there for HTTP/1.1 without TLS alone".to_owned()));
    }
    Ok(())
}

/// The place that the URL leads to, looked up once for all that lead there.
fn find_place(plan: &Plan, places: &mut Vec<Place>, url: &Url) -> Result<usize, Obstacle> {
    let refuse = |why: String| Obstacle::Refusal(Refusal(why));
    let unresolved = |why: String| Obstacle::Fault(Fault::Unresolved(why));
    let found = (url.host.as_str(), url.port).to_socket_addrs();
    let found: Vec<SocketAddr> =
        found.map_err(|error| unresolved(format!("{}: {error}", url.host)))?.collect();
    // A loopback name mostly has an address of each kind, and servers listen on the older one.
    let address = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
    let address = *address.ok_or_else(|| unresolved(format!("{}: no address", url.host)))?;
    if !address.ip().to_canonical().is_loopback() && !plan.allow_remote {
        let ip = address.ip();
        return Err(refuse(format!(
            "{url} leads to {ip}, which is not this machine: --allow-remote, if it is yours to load"
        )));
    }
    let server_name = if url.scheme.encrypted() {
        let name = plan.tls.server_name.as_ref().unwrap_or(&url.host);
        let parsed = ServerName::try_from(name.clone());
        Some(parsed.map_err(|_| refuse(format!("{name:?} is no name of a server")))?)
    } else {
        None
    };
    let place = Place { address, server_name };
    let same =
        |known: &Place| known.address == place.address && known.server_name == place.server_name;
    Ok(places.iter().position(same).unwrap_or_else(|| {
        places.push(place);
        places.len() - 1
    }))
}
