//! TLS of listeners: what the user wrote and what the files hold become settings, and settings
//! become what rustls wants. Settings that are equal to those of the last snapshot, or to those of
//! another listener, keep what was made of them, and so the sessions that can be resumed.

use std::sync::Arc;

use super::{Compiler, RawListener, hostname};
use crate::base::id::Accepted;
use crate::config::frontend::Alpn as RawAlpn;
use crate::config::listener::ListenerProtocol;
use crate::config::tls::{
    CipherSuite, Demand, Identity, KeyExchangeGroup, ListenerTls, Negotiation, TlsVersion,
};
use crate::net::tls::{
    self, Alpn, Certificate, ClientAuthentication, Parameters, ServerSettings, SettingsError,
    Version,
};
use crate::route::host::{HostMap, Hostname};
use crate::snapshot::bind::Bind;
use crate::snapshot::tls::{BindTls, Carries, Clients, TlsListener};

/// What a listener shows.
#[derive(Default)]
struct Shown {
    /// The first is for who fits none.
    certificates: Vec<Certificate>,
    self_signed: Option<Box<[String]>>,
}

impl Compiler<'_> {
    /// TLS of a bind; `names` are those of its listeners.
    pub(super) fn tls(&mut self, raw: &[(&RawListener, String)]) -> Option<Arc<BindTls>> {
        if !raw.iter().any(|(listener, _)| listener.protocol.is_tls()) {
            return None;
        }
        let mut hosts = Vec::new();
        let mut listeners = Vec::new();
        for (place, (listener, name)) in (0u32..).zip(raw) {
            hosts.push((hostname(listener.hostname.as_ref()), place));
            let compiled = listener
                .tls
                .as_ref()
                .and_then(|tls| self.tls_listener(tls, listener.protocol, name, place, &listeners));
            listeners.push(compiled);
        }
        // Two listeners of one name were told of with the bind.
        let names = HostMap::compile(hosts)
            .unwrap_or_else(|_| HostMap::compile([]).expect("nothing is there twice in nothing"));
        let tls = Arc::new(BindTls::new(names, listeners));
        self.made.push(Arc::clone(&tls));
        Some(tls)
    }

    fn tls_listener(
        &mut self,
        raw: &ListenerTls,
        protocol: ListenerProtocol,
        name: &str,
        place: u32,
        before: &[Option<TlsListener>],
    ) -> Option<TlsListener> {
        let carries = match protocol.is_http() {
            true => Carries::Http,
            false => Carries::Tcp,
        };
        let (settings, self_signed) = self.server_settings(raw, carries, name)?;
        let settings = Arc::new(settings);
        let known = || before.iter().flatten().chain(self.known_tls());
        let same = known().find(|listener| listener.settings == settings);
        let same = same.map(|found| {
            (Arc::clone(&found.config), Arc::clone(&found.settings), found.accepted.settings)
        });
        let same_clients = known().find(|found| found.settings.clients == settings.clients);
        let same_clients = same_clients.map(|found| found.accepted.clients);
        let same_listener = self.last_listener(name);
        let keyring = &mut *self.materials.keyring;
        let accepted = Accepted {
            listener: same_listener.unwrap_or_else(|| keyring.next_id()),
            clients: same_clients.unwrap_or_else(|| keyring.next_id()),
            settings: same.as_ref().map_or_else(|| keyring.next_id(), |(_, _, id)| *id),
        };
        let (config, settings) = match same {
            Some((config, settings, _)) => (config, settings),
            None => match tls::server_config(&settings, &mut keyring.tickets) {
                Ok(config) => (config, settings),
                Err(error) => {
                    self.tell_tls(name, &error);
                    return None;
                }
            },
        };
        let clients = Clients::of(&settings);
        Some(TlsListener {
            config,
            listener: place,
            carries,
            clients,
            accepted,
            settings,
            self_signed,
        })
    }

    /// What this configuration and the last one have of it already.
    fn known_tls(&self) -> impl Iterator<Item = &TlsListener> {
        let last = self.last.into_iter().flat_map(|last| &last.binds);
        let last = last.filter_map(|bind| bind.tls.as_ref());
        self.made.iter().chain(last).flat_map(|tls| tls.listeners())
    }

    /// What the listener of this name in the bind being compiled had as its number.
    fn last_listener(&self, name: &str) -> Option<u64> {
        let bind: &Bind = self.last?.binds.iter().find(|bind| bind.name == self.bind)?;
        let place = bind.listeners.iter().position(|listener| listener.name == name)?;
        let tls = bind.tls.as_ref()?.listener(u32::try_from(place).ok()?)?;
        Some(tls.accepted.listener)
    }

    fn server_settings(
        &mut self,
        raw: &ListenerTls,
        carries: Carries,
        name: &str,
    ) -> Option<(ServerSettings, Option<Box<[String]>>)> {
        let shown = self.shown(&raw.identity, name);
        let roots = raw.clients.as_ref().map(|clients| self.materials.roots(&clients.root));
        let shown = shown?;
        let clients = match &raw.clients {
            None => ClientAuthentication::None,
            Some(clients) => match clients.demand {
                Demand::Optional => ClientAuthentication::Optional(roots.flatten()?),
                Demand::Required => ClientAuthentication::Required(roots.flatten()?),
            },
        };
        let frontend = &self.config.frontend_policies.tls;
        let negotiation = raw.negotiation.under(&frontend.negotiation());
        let parameters = match parameters(&negotiation) {
            Ok(parameters) => parameters,
            Err(error) => {
                self.tell_tls(name, &error);
                return None;
            }
        };
        let alpn = match carries {
            Carries::Http => frontend.alpn.iter().map(|alpn| protocol(*alpn)).collect(),
            // Whoever is behind it speaks what it likes, and cannot be asked.
            Carries::Tcp => Vec::new(),
        };
        let settings = ServerSettings {
            certificates: named(&shown.certificates),
            default: shown.certificates.first().cloned(),
            parameters,
            alpn,
            clients,
        };
        Some((settings, shown.self_signed))
    }

    fn shown(&mut self, identity: &Identity, name: &str) -> Option<Shown> {
        if let Identity::SelfSigned { self_signed } = identity {
            let certificate = self.self_signed(&self_signed.hostnames);
            let certificate = certificate.map_err(|error| self.tell_tls(name, &error)).ok()?;
            let self_signed = Some(self_signed.hostnames.clone().into());
            return Some(Shown { certificates: vec![certificate], self_signed });
        }
        let loaded: Vec<_> = identity
            .files()
            .iter()
            .map(|pair| self.materials.certificate(&pair.cert, &pair.key))
            .collect();
        let certificates = loaded.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Shown { certificates, self_signed: None })
    }

    /// The one that there is already for these names: clients may have been told to trust it.
    fn self_signed(&self, names: &[String]) -> Result<Certificate, SettingsError> {
        let same = |listener: &&TlsListener| listener.self_signed.as_deref() == Some(names);
        let known = self.known_tls().find(same);
        match known.and_then(|listener| listener.settings.default.clone()) {
            Some(certificate) => Ok(certificate),
            None => tls::self_signed(names),
        }
    }

    fn tell_tls(&mut self, name: &str, error: &SettingsError) {
        self.wrong.push(format!("{}: listener `{name}`: tls: {error}", self.bind));
    }
}

/// Where there are several, each is for the names in it; of one name and one kind of key, the first
/// counts.
fn named(certificates: &[Certificate]) -> Vec<(Box<str>, Certificate)> {
    let mut found: Vec<(Box<str>, Certificate)> = Vec::new();
    if certificates.len() < 2 {
        return found;
    }
    for certificate in certificates {
        for name in &certificate.identity().dns_names {
            let name = name.to_ascii_lowercase();
            let usable = Hostname::parse(&name).is_ok_and(|name| name != Hostname::Any);
            let taken = |(other, known): &(Box<str>, Certificate)| {
                **other == *name && known.is_alike(certificate)
            };
            if usable && !found.iter().any(taken) {
                found.push((name.into(), certificate.clone()));
            }
        }
    }
    found
}

fn parameters(negotiation: &Negotiation) -> Result<Parameters, SettingsError> {
    let (min, max) = negotiation.versions();
    let suites = negotiation.cipher_suites.iter().copied().map(CipherSuite::name);
    let mut parameters = Parameters::default();
    (parameters.version_min, parameters.version_max) = (version(min), version(max));
    parameters.set_suites(&suites.collect::<Vec<_>>())?;
    set_groups(&mut parameters, &negotiation.key_exchange_groups)?;
    Ok(parameters)
}

/// No groups leave the defaults.
pub(super) fn set_groups(
    parameters: &mut Parameters,
    groups: &[KeyExchangeGroup],
) -> Result<(), SettingsError> {
    let names: Vec<_> = groups.iter().copied().map(KeyExchangeGroup::name).collect();
    Ok(parameters.set_groups(&names)?)
}

const fn version(raw: TlsVersion) -> Version {
    match raw {
        TlsVersion::V1_2 => Version::Tls12,
        TlsVersion::V1_3 => Version::Tls13,
    }
}

const fn protocol(raw: RawAlpn) -> Alpn {
    match raw {
        RawAlpn::H2 => Alpn::H2,
        RawAlpn::Http11 => Alpn::Http1,
    }
}

#[cfg(test)]
mod tests;
