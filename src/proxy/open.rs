//! New connections to endpoints, with a header of the PROXY protocol in front where one is wanted.
//! Owns no state.

use std::rc::Rc;

use super::choice::Choice;
use super::failure::Failure;
use super::judge;
use crate::http::server::h1::Connection;
use crate::limits::CONNECT_ATTEMPTS_MAX;
use crate::net::connect::{ConnectError, connect};
use crate::net::deadline::Action;
use crate::net::stream::Stream;
use crate::net::tls::{Alpn, Session};
use crate::proto::proxy_protocol::{self, Version};
use crate::snapshot::resources::Resources;
use crate::telemetry::value::Transport;
use crate::upstream::Local;
use crate::upstream::circuit::Permit;
use crate::upstream::cluster::{Cluster, Wish};
use crate::upstream::local::Turn;

/// What came of asking for a connection.
pub struct Opened {
    pub result: Result<Stream, Failure>,
    /// The endpoint that was asked last.
    pub endpoint: Option<usize>,
    /// Endpoints that were asked before it, and refused.
    pub retries: u32,
    /// Counts the connection at its endpoint.
    pub turn: Option<Turn>,
}

/// A connection to the endpoint, for `client`; without one it is for ourselves.
///
/// # Errors
/// `ConnectFailed`, `ConnectSlow`, `CircuitOpen`. The endpoint knows nothing of the client's bytes then.
pub async fn one(
    resources: &Resources,
    cluster: &Cluster,
    endpoint: usize,
    client: Option<&Connection>,
    wish: Wish,
) -> Result<Stream, Failure> {
    let begun = resources.clock.now();
    let settings = &cluster.settings;
    let address = &cluster.endpoints[endpoint].address;
    let permit = permit(cluster)?;
    let keepalive = settings.keepalive.as_ref();
    let mut stream = connect(address, keepalive, settings.connect_timeout, &resources.wheel)
        .await
        .map_err(|error| match error {
            ConnectError::Slow => Failure::ConnectSlow,
            ConnectError::Failed(_) => Failure::ConnectFailed,
        })?;
    if let Some(permit) = permit {
        stream.hold(permit);
    }
    if settings.tls.is_none() {
        let nanos = resources.clock.now().nanos_since(begun);
        resources.shard.connected(Transport::Plaintext, nanos);
    }
    if let Some(version) = settings.proxy_header {
        Box::pin(introduce(resources, cluster, &stream, version, client)).await?;
    }
    if settings.tls.is_some() {
        stream = Box::pin(secure(resources, cluster, endpoint, stream, wish)).await?;
        let nanos = resources.clock.now().nanos_since(begun);
        resources.shard.connected(Transport::Tls, nanos);
    }
    Ok(stream)
}

/// One of the connections that the cluster may have, where they are counted.
fn permit(cluster: &Cluster) -> Result<Option<Permit>, Failure> {
    let Some(circuit) = &cluster.settings.circuit else { return Ok(None) };
    let (Some(most), Some(traffic)) = (circuit.connections_max, &cluster.traffic) else {
        return Ok(None);
    };
    Permit::take(&traffic.board, most).map(Some).ok_or(Failure::CircuitOpen)
}

/// Does the handshake, in the time of a connect.
async fn secure(
    resources: &Resources,
    cluster: &Cluster,
    endpoint: usize,
    mut stream: Stream,
    wish: Wish,
) -> Result<Stream, Failure> {
    let tls = cluster.settings.tls.as_ref().expect("asked for by the caller");
    let name = cluster.endpoints[endpoint].server_name.clone();
    let name = name.expect("an endpoint of a cluster with TLS has a name");
    let session =
        Session::client(tls.config(wish).clone(), name).map_err(|_| Failure::TlsFailed)?;
    let limit = cluster.settings.connect_timeout;
    stream.deadline().set(resources.clock.now(), limit, Action::EndBoth);
    let result = stream.secure(session, None, &resources.buffers).await;
    match result {
        Ok(())
            if wish == Wish::Http2 && stream.session(Session::alpn).flatten() != Some(Alpn::H2) =>
        {
            tracing::debug!(endpoint = %cluster.endpoints[endpoint].name, "no HTTP/2 by ALPN");
            Err(Failure::TlsFailed)
        }
        Ok(()) => {
            stream.deadline().clear();
            Ok(stream)
        }
        Err(_) if stream.deadline().fired() => Err(Failure::ConnectSlow),
        Err(error) => {
            let name = &cluster.endpoints[endpoint].name;
            tracing::debug!(endpoint = %name, reason = error.label(), "a TLS handshake failed");
            Err(Failure::TlsFailed)
        }
    }
}

/// A connection to an endpoint of the cluster: the one that is chosen, or another if it refuses.
pub async fn any(
    resources: &Rc<Resources>,
    local: &Local,
    client: &Connection,
    wish: Wish,
) -> Opened {
    let most = CONNECT_ATTEMPTS_MAX.min(local.cluster.endpoints.len());
    let mut choice = Choice::of_connection(client, local);
    let mut retries = 0;
    loop {
        let endpoint = match choice.pick(resources, local) {
            Ok(endpoint) => endpoint,
            Err(failure) => {
                return Opened { result: Err(failure), endpoint: None, retries, turn: None };
            }
        };
        let turn = local.begin(endpoint);
        let begun = resources.clock.now();
        let result = one(resources, &local.cluster, endpoint, Some(client), wish).await;
        judge::opened(resources, (local, endpoint), begun, result.as_ref().err().copied());
        let full = matches!(result, Err(Failure::CircuitOpen));
        if result.is_ok() || full || retries as usize + 1 >= most {
            return Opened { result, endpoint: Some(endpoint), retries, turn };
        }
        retries += 1;
        choice.avoid(endpoint);
    }
}

/// Says who the client is, before anything else: a TLS handshake comes behind it.
async fn introduce(
    resources: &Resources,
    cluster: &Cluster,
    stream: &Stream,
    version: Version,
    client: Option<&Connection>,
) -> Result<(), Failure> {
    let mut header = resources.buffers.take();
    let peer = client.map(|client| &client.peer);
    match peer.and_then(|peer| peer.address.zip(peer.destination)) {
        Some((source, destination)) => {
            proxy_protocol::encode(version, source, destination, &mut header);
        }
        // Nothing is known of the client: the connection is as if it were our own.
        _ => proxy_protocol::encode_local(version, &mut header),
    }
    let limit = cluster.settings.connect_timeout;
    stream.deadline().set(resources.clock.now(), limit, Action::EndBoth);
    let (sent, header) = stream.send_all(header).await;
    resources.buffers.give(header);
    match sent {
        Ok(()) => {
            stream.deadline().clear();
            Ok(())
        }
        Err(_) if stream.deadline().fired() => Err(Failure::ConnectSlow),
        Err(_) => Err(Failure::ConnectFailed),
    }
}
