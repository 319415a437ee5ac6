//! What a bind does with connections that it does not look into: by its port alone, or by the name
//! that the client asks for in TLS.

use std::time::Duration;

use crate::base::id::{ClusterId, LabelsId};
use crate::route::host::HostMap;
use crate::route::split::Split;

/// See the module.
pub struct Passage {
    pub by: By,
    /// A connection on which nothing moves either way is closed after so long.
    pub idle: Duration,
}

/// What a route is found by.
pub enum By {
    /// The port: there is one route, or none.
    Port(Option<Route>),
    Name(Names),
}

/// The names of one port.
pub struct Names {
    /// Listeners by the name that is asked for: an index into `listeners`.
    pub hosts: HostMap<u32>,
    pub listeners: Vec<Listener>,
    /// How long a client has to ask for one.
    pub limit: Duration,
}

pub struct Listener {
    pub name: String,
    /// Labels of connections that no route took.
    pub labels: LabelsId,
    /// Routes by name: an index into `routes`.
    pub hosts: HostMap<u32>,
    pub routes: Vec<Route>,
}

pub struct Route {
    pub name: String,
    /// None when nothing in it has a weight, which a configuration file cannot say.
    pub clusters: Option<Split<ClusterId>>,
    /// Labels with each backend, in their order; then those without a backend.
    pub labels: Vec<LabelsId>,
}

impl Names {
    /// The listener that has `name`, and its route. A client that asks for no name has an empty
    /// one, which only a listener and a route for every name take.
    pub fn find(&self, name: &[u8]) -> (Option<&Listener>, Option<&Route>) {
        let listener = self.hosts.find(name).map(|index| &self.listeners[*index as usize]);
        let route = listener.and_then(|listener| {
            listener.hosts.find(name).map(|index| &listener.routes[*index as usize])
        });
        (listener, route)
    }
}

impl Route {
    /// Labels of a connection that went to backend `index`, or to none.
    pub fn labels(&self, index: Option<usize>) -> LabelsId {
        let none = self.labels.len() - 1;
        self.labels[index.map_or(none, |index| index.min(none))]
    }
}
