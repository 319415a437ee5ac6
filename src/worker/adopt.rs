//! Takes a new snapshot in two steps: `prepare` builds the view of it aside, `commit` serves by it.
//! Connections and requests that are under way are not touched.

use std::rc::Rc;
use std::sync::Arc;

use super::Worker;
use crate::base::id::BindId;
use crate::bus::{BindSocket, Event};
use crate::proxy::lease;
use crate::snapshot::Snapshot;
use crate::snapshot::view::View;

/// A view that waits for its commit, with the sockets of its new binds.
pub struct Prepared {
    version: u64,
    view: Rc<View>,
    sockets: Vec<BindSocket>,
}

pub fn prepare(
    worker: &Rc<Worker>,
    version: u64,
    snapshot: Arc<Snapshot>,
    sockets: Vec<BindSocket>,
) {
    let id = worker.resources.worker;
    if sockets.iter().any(|socket| snapshot.bind(socket.bind).is_none()) {
        let why = "a socket came for a bind that the snapshot does not have".to_owned();
        worker.tell(Event::Refused { worker: id, version, why });
        return;
    }
    let last = worker.view();
    let view = Rc::new(View::new(snapshot, Rc::clone(&worker.resources), Some(&last)));
    *worker.prepared.borrow_mut() = Some(Prepared { version, view, sockets });
    worker.tell(Event::Prepared { worker: id, version });
}

pub fn commit(worker: &Rc<Worker>, version: u64) {
    let Some(prepared) = worker.prepared.borrow_mut().take_if(|p| p.version == version) else {
        tracing::error!(version, "asked to commit what was not prepared");
        return;
    };
    let Prepared { view, sockets, .. } = prepared;
    let last = worker.view.replace(Rc::clone(&view));
    worker.binds.follow(|name| place_of(&view.snapshot, name));
    for BindSocket { bind, .. } in &sockets {
        if let Some(found) = view.snapshot.bind(*bind) {
            worker.binds.replace(&found.name);
        }
    }
    for BindSocket { bind, socket } in sockets {
        if let Some(found) = view.snapshot.bind(bind) {
            worker.binds.open(worker, &found.name, bind, socket);
        }
    }
    retire(&last, &view);
    // Requests that are under way may hold the old view; the last of them lets go of it. What is
    // told to control is the snapshot alone, so that control frees it.
    let retired = Rc::into_inner(last).map(|last| last.snapshot);
    worker.tell(Event::Committed { worker: worker.resources.worker, version, retired });
}

pub fn abort(worker: &Rc<Worker>, version: u64) {
    worker.prepared.borrow_mut().take_if(|prepared| prepared.version == version);
}

fn place_of(snapshot: &Snapshot, name: &str) -> Option<BindId> {
    let place = snapshot.binds.iter().position(|bind| bind.name == name)?;
    u32::try_from(place).ok().map(BindId)
}

/// Closes the idle connections to endpoints that are no more. Those in use end with their exchange:
/// a retired endpoint takes no connection back.
fn retire(last: &View, next: &Rc<View>) {
    let mut gone = last.not_in(next).peekable();
    if gone.peek().is_none() {
        return;
    }
    let version = next.snapshot.version;
    for seat in next.locals().iter().flat_map(|local| &local.seats) {
        seat.version.set(version);
    }
    for local in gone {
        let cluster = &local.cluster;
        let shard = &next.resources.shard;
        shard.cluster(cluster.labels).idle_connections.set(0);
        for (place, seat) in local.seats.iter().enumerate() {
            if seat.version.get() == version {
                continue;
            }
            seat.retired.set(true);
            if cluster.traffic.is_some() {
                shard.endpoint(cluster.endpoints[place].labels).active_requests.set(0);
            }
            let shared = &local.shared[place];
            shared.retire();
            for pool in [&*local.pools[place], &shared.idle] {
                let idle = pool.empty();
                lease::close_all(next, idle);
            }
        }
    }
}
