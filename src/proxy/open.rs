//! New connections to endpoints, with a header of the PROXY protocol in front where one is wanted.
//! Owns no state.

use std::rc::Rc;

use super::failure::Failure;
use crate::http::server::h1::Connection;
use crate::limits::CONNECT_ATTEMPTS_MAX;
use crate::net::connect::{ConnectError, connect};
use crate::net::deadline::Action;
use crate::net::stream::Stream;
use crate::net::tls::{Alpn, Session};
use crate::proto::proxy_protocol::{self, Version};
use crate::snapshot::resources::Resources;
use crate::telemetry::value::Transport;
use crate::upstream::cluster::Cluster;
use crate::upstream::{Local, balance};

/// What came of asking for a connection.
pub struct Opened {
    pub result: Result<Stream, Failure>,
    /// The endpoint that was asked last.
    pub endpoint: Option<usize>,
    /// Endpoints that were asked before it, and refused.
    pub retries: u32,
}

/// A connection to the endpoint, for `client`; without one it is for ourselves.
///
/// # Errors
/// `ConnectFailed`, `ConnectSlow`. The endpoint knows nothing of the client's bytes then.
pub async fn one(
    resources: &Resources,
    cluster: &Cluster,
    endpoint: usize,
    client: Option<&Connection>,
    http2: bool,
) -> Result<Stream, Failure> {
    let begun = resources.clock.now();
    let settings = &cluster.settings;
    let address = &cluster.endpoints[endpoint].address;
    let keepalive = settings.keepalive.as_ref();
    let mut stream = connect(address, keepalive, settings.connect_timeout, &resources.wheel)
        .await
        .map_err(|error| match error {
            ConnectError::Slow => Failure::ConnectSlow,
            ConnectError::Failed(_) => Failure::ConnectFailed,
        })?;
    if settings.tls.is_none() {
        let nanos = resources.clock.now().nanos_since(begun);
        resources.shard.connected(Transport::Plaintext, nanos);
    }
    if let Some(version) = settings.proxy_header {
        Box::pin(introduce(resources, cluster, &stream, version, client)).await?;
    }
    if settings.tls.is_some() {
        stream = Box::pin(secure(resources, cluster, endpoint, stream, http2)).await?;
        let nanos = resources.clock.now().nanos_since(begun);
        resources.shard.connected(Transport::Tls, nanos);
    }
    Ok(stream)
}

/// Does the handshake, in the time of a connect.
async fn secure(
    resources: &Resources,
    cluster: &Cluster,
    endpoint: usize,
    mut stream: Stream,
    http2: bool,
) -> Result<Stream, Failure> {
    let tls = cluster.settings.tls.as_ref().expect("asked for by the caller");
    let name = cluster.endpoints[endpoint].server_name.clone();
    let name = name.expect("an endpoint of a cluster with TLS has a name");
    let config = if http2 { &tls.http2 } else { &tls.config };
    let session = Session::client(config.clone(), name).map_err(|_| Failure::TlsFailed)?;
    let limit = cluster.settings.connect_timeout;
    stream.deadline().set(resources.clock.now(), limit, Action::EndBoth);
    let result = stream.secure(session, None, &resources.buffers).await;
    match result {
        Ok(()) if http2 && stream.session(Session::alpn).flatten() != Some(Alpn::H2) => {
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

/// A connection to an endpoint of the cluster: the next in turn that does not refuse.
pub async fn any(resources: &Rc<Resources>, local: &Local, client: &Connection) -> Opened {
    let most = CONNECT_ATTEMPTS_MAX.min(local.cluster.endpoints.len());
    let (mut avoid, mut retries) = (None, 0);
    loop {
        let Some(endpoint) = balance::pick(local, avoid) else {
            return Opened { result: Err(Failure::NoBackend), endpoint: None, retries };
        };
        let result = one(resources, &local.cluster, endpoint, Some(client), false).await;
        if result.is_ok() || retries as usize + 1 >= most {
            return Opened { result, endpoint: Some(endpoint), retries };
        }
        retries += 1;
        avoid = Some(endpoint);
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
