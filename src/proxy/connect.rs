//! CONNECT, RFC 9110 section 9.3.6. By default nobody gets a tunnel. With `mode: route` the request
//! is routed by its authority as others are, and the tunnel leads to the backend of its route. With
//! `mode: tunnel` it ends here: the requests that come through it are served by the same bind.
//!
//! Refuses to connect to the authority itself: where a tunnel leads is the configuration's choice,
//! never the client's. (agentgateway's `dynamic` backend, which does that, is not served.) And it
//! refuses to reach another bind through a tunnel, which may listen where the client has no access.

use super::failure::Failure;
use super::finish::End;
use super::open;
use super::place::{Place, Routed};
use super::tunnel;
use crate::base::id::ClusterId;
use crate::http::Exchange;
use crate::proto::http1::{BodyLength, ParseError};
use crate::snapshot::bind::Connect;
use crate::upstream::cluster::Wish;

/// RFC 9110 section 9.3.6: neither a length nor a coding; what follows is the tunnel's.
const ESTABLISHED: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

/// Whether the request goes on to be routed (none), or was answered.
///
/// # Errors
/// It is refused.
pub async fn admit(place: &Place<'_>, exchange: &mut Exchange) -> Result<Option<End>, Failure> {
    let connection = place.connection;
    if place.bind.settings.connect == Connect::Deny {
        return Err(Failure::ConnectRefused);
    }
    // It has no content: two parsers would not agree where the tunnel begins.
    if exchange.request.body != BodyLength::None {
        connection.closing.set(true);
        return Err(Failure::Malformed(ParseError::BadContentLength));
    }
    if place.bind.settings.connect == Connect::Route {
        // Whatever becomes of it, what follows is no request.
        connection.closing.set(true);
        return Ok(None);
    }
    // Also for HTTP/1.0: the tunnel outlives the request that asked for it.
    connection.closing.set(false);
    establish(place, exchange).await?;
    Ok(Some(End::Direct))
}

/// Connects to the cluster and runs the tunnel to its end.
///
/// # Errors
/// There is no connection, or the client is gone.
pub async fn tunnel(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    cluster: ClusterId,
) -> Result<(), Failure> {
    let local = routed.view.local(cluster).ok_or(Failure::NoBackend)?;
    let resources = &routed.view.resources;
    let opened = open::any(resources, local, routed.connection, Wish::Http1).await;
    exchange.outcome.endpoint = opened.endpoint.map(|endpoint| (cluster, endpoint as u32));
    exchange.outcome.retries = opened.retries;
    let _turn = opened.turn;
    let up = opened.result?;
    establish(routed, exchange).await?;
    let nothing = resources.buffers.take();
    tunnel::through(routed, exchange, &up, nothing).await;
    Ok(())
}

async fn establish(place: &Place<'_>, exchange: &mut Exchange) -> Result<(), Failure> {
    let buffers = &place.view.resources.buffers;
    let mut message = buffers.take();
    message.put(ESTABLISHED);
    exchange.outcome.status = 200;
    let limits = &place.bind.settings.limits;
    let (sent, message) = place.connection.send(message, limits).await;
    buffers.give(message);
    sent.map_err(Failure::of_download)
}
