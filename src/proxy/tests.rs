//! What the tests of this band share: an exchange in its place, without a worker.

mod after_tests;

use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;

use super::asked::{self, Asked};
use super::place::{Place, Routed};
use crate::base::buffer::Buffer;
use crate::base::id::BindId;
use crate::http::Exchange;
use crate::http::server::h1::{Connection, Peer};
use crate::net::tests::{Rig, buffer_of};
use crate::policy::{Changes, Verdict};
use crate::proto::http1::{HeadLimits, Parsed, TargetForm};
use crate::route::rewrite::{Address, Scheme};
use crate::snapshot::bind::Bind;
use crate::snapshot::compile::tests::Desk;
use crate::snapshot::view::View;

/// A connection on a bind whose configuration is `yaml`.
pub(crate) struct Scene {
    view: Rc<View>,
    pub(crate) connection: Connection,
    pub(crate) exchange: Exchange,
    pub(crate) changes: Changes,
    found: (usize, usize),
    client: TcpStream,
}

impl Scene {
    pub(crate) fn new(rig: &Rig, yaml: &str, client: Option<&str>) -> Self {
        let snapshot = Arc::new(Desk::new().compile(yaml, None));
        let resources = crate::snapshot::view::tests::resources(rig);
        let view = Rc::new(View::new(snapshot, resources, None));
        let address: Option<SocketAddr> = client.map(|text| text.parse().unwrap());
        let (stream, client) = rig.pair();
        let connection = Connection::new(stream, Peer::new(address));
        let (exchange, changes) = (Exchange::default(), Changes::default());
        Self { view, connection, exchange, changes, found: (0, 0), client }
    }

    /// A bind with one route to one backend, whose `policies` and `config` are given.
    pub(crate) fn simple(rig: &Rig, config: &str, policies: &str, backend: &str) -> Self {
        let yaml = format!(
            "config: {{ringway: {{forwarded: {{{config}}}}}}}\nbinds: [{{port: 1, listeners: \
             [{{routes: [{{policies: {{{policies}}}, backends: [{{host: '{backend}'}}]}}]}}]}}]"
        );
        Self::new(rig, &yaml, Some("192.0.2.7:1234"))
    }

    /// Takes a request as it arrives, with `\n` for each line end, and runs the steps of its route.
    pub(crate) fn ask(&mut self, head: &str) {
        let bytes = head.replace('\n', "\r\n");
        self.exchange.request.reset();
        let parsed = self.exchange.request.parse(bytes.as_bytes(), &HeadLimits::default());
        assert_eq!(parsed, Ok(Parsed::Complete), "{head}");
        self.exchange.input = Some(buffer_of(bytes.as_bytes()));
        self.exchange.request_id = [b'f'; 32];
        asked::normalise(&mut self.exchange).unwrap();
        let listener = &self.bind().listeners[0];
        let asked = Asked::of(&self.exchange);
        let found = listener.table.find(&asked).unwrap();
        let address = Address {
            scheme: Scheme::Http,
            authority: self.exchange.request.host.of(self.exchange.head_bytes()),
            path: asked.path_bytes(),
            query: asked.query_bytes(),
            prefix_len: found.prefix_len,
        };
        let mut changes = Changes::default();
        let pipeline = &listener.routes[found.route.index()].pipeline;
        let verdict = match self.exchange.request.form {
            TargetForm::Asterisk => Verdict::Continue,
            _ => {
                let place =
                    Place { view: &self.view, bind: self.bind(), connection: &self.connection };
                let attributes = asked::attributes(&place, &self.exchange, None);
                pipeline.on_request(&address, &attributes, &mut changes)
            }
        };
        assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
        self.found = (found.route.index(), found.prefix_len);
        self.changes = changes;
    }

    /// Where the request that was asked last is served.
    pub(crate) fn routed(&self) -> Routed<'_> {
        let (view, bind, connection) = (&self.view, self.bind(), &self.connection);
        let (route, prefix_len) = self.found;
        let route = &bind.listeners[0].routes[route];
        let place = Place { view, bind, connection };
        Routed {
            place,
            route,
            edits: &route.pipeline,
            prefix_len,
            lines: b"",
            watch: None,
            others: None,
        }
    }

    fn bind(&self) -> &Bind {
        self.view.snapshot.bind(BindId(0)).unwrap()
    }
}

/// With `\n` for each line end, as the tables are written.
pub(crate) fn text(buffer: &Buffer) -> String {
    let text = String::from_utf8(buffer.filled().to_vec()).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "CRLF ends each line");
    text.replace("\r\n", "\n")
}
