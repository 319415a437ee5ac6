//! Connections of a bind that does not look into them.

use std::rc::Rc;

use super::Counted;
use crate::base::id::BindId;
use crate::http::Exchange;
use crate::http::server::h1::Connection;
use crate::proxy::{After, tcp};
use crate::worker::Worker;

/// Serves the connection to its end.
pub(super) async fn serve(
    worker: &Rc<Worker>,
    bind: BindId,
    counted: &Counted,
    connection: &Connection,
) {
    let view = worker.view();
    let Some(found) = view.snapshot.bind(bind) else { return };
    let limits = found.settings.limits.clone();
    let first = connection.early.take();
    let count = || counted.bytes(connection);
    let after = Box::pin(tcp::handle(view, bind, connection, first, count)).await;
    match after {
        After::Linger => {
            let buffers = &worker.resources.buffers;
            Box::pin(connection.linger(&mut Exchange::default(), buffers, &limits)).await;
        }
        After::Reset => {
            // That it is gone already is as good.
            connection.stream.reset_on_close();
        }
        After::Keep | After::Close => {}
    }
    counted.bytes(connection);
}
