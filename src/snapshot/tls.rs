//! TLS of a bind as workers need it: which listener a server name belongs to, and what a handshake
//! with it takes. Immutable; `Keyring` alone changes, and belongs to control.
//!
//! Refuses to decide about requests: whether a connection may carry one for another listener than
//! its own is `BindTls::serves`, what is answered if not is the proxy's.

use std::sync::Arc;

use crate::base::id::Accepted;
use crate::net::tls::{
    Certificate, ClientAuthentication, ServerConfig, ServerSettings, SettingsError, TicketKeys,
    TrustedRoots,
};
use crate::route::host::HostMap;

pub struct BindTls {
    /// Listeners by server name: an index into `listeners`.
    names: HostMap<u32>,
    /// As in the bind. None: not ended here, but passed through.
    listeners: Vec<Option<TlsListener>>,
}

/// A listener whose TLS ends here.
pub struct TlsListener {
    /// The same over reloads, as long as nothing of it changes.
    pub config: Arc<ServerConfig>,
    /// Its place among the listeners of the bind.
    pub listener: u32,
    pub carries: Carries,
    pub clients: Clients,
    /// For as long as the connection is there, over reloads.
    pub accepted: Accepted,
    /// What `config` was made of.
    pub(super) settings: Arc<ServerSettings>,
    /// The names of a certificate of our own making.
    pub(super) self_signed: Option<Box<[String]>>,
}

/// What is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Protocol HTTPS: what ALPN settles, else HTTP/1.1.
    Http,
    /// Protocol TLS: bytes, for the listener's TCP routes.
    Tcp,
}

/// What is asked of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    NotAsked,
    Optional,
    Required,
}

impl BindTls {
    pub fn new(names: HostMap<u32>, listeners: Vec<Option<TlsListener>>) -> Self {
        Self { names, listeners }
    }

    /// The place of the listener for this name: exact, then wildcard, then that without a name,
    /// which has all clients that name none.
    pub fn place(&self, server_name: Option<&str>) -> Option<u32> {
        self.names.find(server_name.unwrap_or_default().as_bytes()).copied()
    }

    /// The listener to shake hands with; none where there is none for this name, or where it is
    /// passed through.
    pub fn find(&self, server_name: Option<&str>) -> Option<&TlsListener> {
        self.listener(self.place(server_name)?)
    }

    /// The listener at a place of the bind, unless it is passed through.
    pub fn listener(&self, place: u32) -> Option<&TlsListener> {
        self.listeners.get(place as usize)?.as_ref()
    }

    pub fn listeners(&self) -> impl Iterator<Item = &TlsListener> {
        self.listeners.iter().flatten()
    }

    /// Whether a request for the listener at `place` may come by this connection: else it is for
    /// 421 (RFC 9110 section 15.5.20), or clients would get past the verification of a listener by
    /// the name of another.
    pub fn serves(&self, accepted: Accepted, place: u32) -> bool {
        self.listener(place).is_some_and(|listener| {
            let own = listener.accepted;
            let same_listener = own.listener == accepted.listener;
            own.settings == accepted.settings || (same_listener && own.clients == accepted.clients)
        })
    }
}

impl TlsListener {
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        certificates(&self.settings)
    }
}

impl Clients {
    pub const fn of(settings: &ServerSettings) -> Self {
        match settings.clients {
            ClientAuthentication::None => Self::NotAsked,
            ClientAuthentication::Optional(_) => Self::Optional,
            ClientAuthentication::Required(_) => Self::Required,
        }
    }
}

/// The default first; one with several names once.
fn certificates(settings: &ServerSettings) -> impl Iterator<Item = &Certificate> {
    let mut seen: Vec<&Certificate> = Vec::new();
    let named = settings.certificates.iter().map(|(_, certificate)| certificate);
    for certificate in settings.default.iter().chain(named) {
        if !seen.contains(&certificate) {
            seen.push(certificate);
        }
    }
    seen.into_iter()
}

/// What outlives snapshots: keys of tickets, so that sessions are resumed over a reload, and the
/// roots of the system, which are read once.
#[derive(Default)]
pub struct Keyring {
    pub(super) tickets: TicketKeys,
    system: Option<TrustedRoots>,
    ids: u64,
}

impl Keyring {
    pub(super) fn system_roots(&mut self) -> Result<TrustedRoots, SettingsError> {
        if let Some(roots) = &self.system {
            return Ok(roots.clone());
        }
        let roots = TrustedRoots::system()?;
        Ok(self.system.insert(roots).clone())
    }

    /// A number that was none before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}
