//! The settings of a TLS listener: which certificate for which name, and who may come in. Immutable
//! once made, shared by all workers; a renewed certificate means new settings.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, SettingsError};
use super::parameters::{Alpn, Parameters};
use super::ticket::TicketKeys;
use super::verify::{self, ClientAuthentication};
use crate::limits::{HOSTNAME_BYTES_MAX, TLS_TICKETS_PER_HANDSHAKE};

/// Equal settings make sessions that nobody can tell apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSettings {
    /// By hostname: `example.com`, or `*.example.com` for every name below it, of one label or
    /// more, as hosts of routes are. The exact name wins, then the longest wildcard. One name may
    /// have several, of different algorithms: the first that the client can verify is shown.
    pub certificates: Vec<(Box<str>, Certificate)>,
    /// For all other names, and for clients that name none. Without it they are refused.
    pub default: Option<Certificate>,
    pub parameters: Parameters,
    /// In the order of preference. Nothing is offered if it is empty.
    pub alpn: Vec<Alpn>,
    pub clients: ClientAuthentication,
}

/// # Errors
/// What the settings ask for and cannot be had.
pub fn server_config(
    settings: &ServerSettings,
    keys: &mut TicketKeys,
) -> Result<Arc<ServerConfig>, SettingsError> {
    let resolver = Arc::new(Resolver::new(settings)?);
    let provider = settings.parameters.provider()?;
    let verifier = verify::of_clients(&settings.clients, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(settings.parameters.versions())?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(resolver);
    config.alpn_protocols = settings.alpn.iter().map(|alpn| alpn.name().to_vec()).collect();
    config.ignore_client_order = settings.parameters.has_order();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = keys.shared(&settings.clients)?;
    config.send_tls13_tickets = TLS_TICKETS_PER_HANDSHAKE;
    // A request in early data can be replayed by anybody who recorded it, RFC 8446 section 8.
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// Hostnames to certificates: of one name, those of different algorithms, in the order given.
#[derive(Debug)]
struct Resolver {
    exact: HashMap<Box<str>, Vec<Arc<CertifiedKey>>>,
    /// What stands behind `*.`.
    below: HashMap<Box<str>, Vec<Arc<CertifiedKey>>>,
    /// The default, and behind it all others, for who cannot verify its algorithm. Empty if there
    /// is no default.
    rest: Vec<Arc<CertifiedKey>>,
}

impl Resolver {
    fn new(settings: &ServerSettings) -> Result<Self, SettingsError> {
        let mut resolver = Self { exact: HashMap::new(), below: HashMap::new(), rest: Vec::new() };
        for (name, certificate) in &settings.certificates {
            resolver.add(name, Arc::clone(&certificate.key))?;
        }
        if let Some(default) = &settings.default {
            let others = settings.certificates.iter().map(|(_, certificate)| certificate);
            let all = std::iter::once(default).chain(others);
            resolver.rest = all.map(|certificate| Arc::clone(&certificate.key)).collect();
        }
        if resolver.exact.is_empty() && resolver.below.is_empty() && resolver.rest.is_empty() {
            return Err(SettingsError::NothingToServe);
        }
        Ok(resolver)
    }

    fn add(&mut self, name: &str, key: Arc<CertifiedKey>) -> Result<(), SettingsError> {
        let lower = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let (map, host) = match lower.strip_prefix("*.") {
            Some(suffix) => (&mut self.below, suffix),
            None => (&mut self.exact, &lower[..]),
        };
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || host.len() > HOSTNAME_BYTES_MAX || !host.bytes().all(is_letter) {
            return Err(SettingsError::BadHostname { name: name.into() });
        }
        let same_name = map.entry(host.into()).or_default();
        if same_name.iter().any(|known| known.key.algorithm() == key.key.algorithm()) {
            return Err(SettingsError::TwoCertificates { name: name.into() });
        }
        same_name.push(key);
        Ok(())
    }

    /// `name` is in lower case: rustls has seen to that.
    fn find(&self, name: Option<&str>) -> &[Arc<CertifiedKey>] {
        let Some(name) = name else { return &self.rest };
        if let Some(keys) = self.exact.get(name) {
            return keys;
        }
        let mut rest = name;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(keys) = self.below.get(parent) {
                return keys;
            }
            rest = parent;
        }
        &self.rest
    }
}

impl ResolvesServerCert for Resolver {
    /// The first that the client can verify; else the first, so that it is the handshake that
    /// fails, and says why.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = self.find(hello.server_name());
        let schemes = hello.signature_schemes();
        let fitting = keys.iter().find(|key| key.key.choose_scheme(schemes).is_some());
        fitting.or_else(|| keys.first()).map(Arc::clone)
    }
}
