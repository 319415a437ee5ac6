//! The tasks that ask: which protocol they speak, and how many there are.

use std::rc::Rc;

use super::core::Core;
use super::http2::{self, Trunk};
use super::tcp::{self, Messages};
use super::websocket::WebSocket;
use super::{http1, lane};
use crate::plan::{EventsOver, Plan, Protocol};

/// How many tasks ask, over so many connections.
pub(super) fn count(plan: &Plan, connections: usize) -> usize {
    connections * streams(plan.protocol)
}

pub(super) fn spawn(core: &Rc<Core>, connections: usize) {
    let protocol = core.site.plan.protocol;
    for _ in 0..connections {
        let own = Rc::clone(core);
        match protocol {
            Protocol::Http1 { .. } | Protocol::Events { over: EventsOver::Http1 } => {
                start(core, http1::run(own));
            }
            Protocol::WebSocket => start(core, lane::run::<WebSocket>(own)),
            Protocol::Tcp { .. } => start(core, lane::run::<Messages>(own)),
            Protocol::Idle => start(core, tcp::hold(own)),
            Protocol::Http2 { .. } | Protocol::Events { .. } => {
                let trunk = Rc::new(Trunk::new(core));
                for index in 0..streams(protocol) {
                    let own = Rc::clone(core);
                    start(core, http2::run(own, Rc::clone(&trunk), index == 0));
                }
            }
        }
    }
}

fn start(core: &Rc<Core>, lane: impl Future<Output = ()> + 'static) {
    let core = Rc::clone(core);
    drop(monoio::spawn(async move {
        lane.await;
        core.leave();
    }));
}

/// Tasks on each connection. Of HTTP/1.1, pipelining is one task's business.
fn streams(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Http2 { streams } | Protocol::Events { over: EventsOver::Http2 { streams } } => {
            streams
        }
        _ => 1,
    }
}
