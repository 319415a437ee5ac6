//! TLS to the endpoints of a cluster, and the version of HTTP that goes with it.

use super::cluster::Clusters;
use super::material::Materials;
use super::tls::set_groups;
use crate::config::backend::{BackendPolicies, Builtin, Host, HttpVersion as RawVersion, Target};
use crate::config::backend_tls::{BackendTls, SubjectAltName};
use crate::net::tls::{
    self, Alpn, Certificate, ClientSettings, Parameters, PeerName, ServerName, SettingsError,
    TrustedRoots, Verification,
};
use crate::snapshot::tls::Carries;
use crate::upstream::cluster::{HttpVersion, UpstreamTls};

/// A backend as it is being compiled.
pub(super) struct Asked<'a> {
    pub(super) route: &'a str,
    pub(super) target: &'a Target,
    pub(super) policies: &'a BackendPolicies,
    pub(super) carries: Carries,
}

impl Clusters<'_> {
    /// None: in plain text, or wrong, which was told.
    pub(super) fn tls(
        &mut self,
        asked: &Asked<'_>,
        materials: &mut Materials<'_>,
    ) -> Option<UpstreamTls> {
        let raw = asked.policies.backend_tls.as_ref()?;
        if let Err(why) = fits(asked.target, raw) {
            self.tell(asked, why);
            return None;
        }
        let alpn = offered(asked, raw).map_err(|why| self.tell(asked, &why)).ok();
        let certificate = match (&raw.cert, &raw.key) {
            (Some(cert), Some(key)) => materials.certificate(cert, key).map(Some),
            _ => Some(None),
        };
        let roots = match &raw.root {
            Some(root) => materials.roots(root),
            None if raw.insecure => Some(TrustedRoots::none()),
            None => {
                let system = materials.keyring.system_roots();
                system.map_err(|error| self.tell(asked, &error.to_string())).ok()
            }
        };
        let made = settings(raw, roots?, certificate?, alpn?).and_then(|settings| {
            self.known(&settings).map_or_else(|| UpstreamTls::new(settings), Ok)
        });
        made.map_err(|error| self.tell(asked, &error.to_string())).ok()
    }

    /// Whom to ask an endpoint for; none in plain text.
    pub(super) fn server_name(
        &mut self,
        asked: &Asked<'_>,
        host: &Host,
    ) -> Option<ServerName<'static>> {
        let raw = asked.policies.backend_tls.as_ref()?;
        let name = match (&raw.hostname, host) {
            (Some(name), _) => name.clone(),
            (None, Host::Name { host, .. }) => host.clone(),
            (None, Host::Address(address)) => address.ip().to_string(),
            // It has no name, nor has this an SNI, and nobody compares it.
            (None, Host::Unix(_)) => "127.0.0.1".to_owned(),
        };
        tls::server_name(&name).map_err(|error| self.tell(asked, &error.to_string())).ok()
    }

    fn tell(&mut self, asked: &Asked<'_>, why: &str) {
        let line = format!("route `{}`: backendTLS: {why}", asked.route);
        if !self.wrong.contains(&line) {
            self.wrong.push(line);
        }
    }
}

/// What the configuration's reader could not see where a route's TLS meets a named backend.
fn fits(target: &Target, raw: &BackendTls) -> Result<(), &'static str> {
    if matches!(target, Target::Builtin(Builtin::Origin)) {
        return Err("the built-in origin speaks no TLS");
    }
    let nameless = target.hosts().any(|host| matches!(host, Host::Unix(_)));
    match nameless && !raw.needs_no_host() {
        true => Err("it needs `hostname`: a Unix socket has none of its own"),
        false => Ok(()),
    }
}

/// The protocols of ALPN. Of those that a user lists, none that would contradict `http.version`.
fn offered(asked: &Asked<'_>, raw: &BackendTls) -> Result<Vec<Box<[u8]>>, String> {
    let version = http_version(asked.policies);
    let fitting = match version {
        HttpVersion::Http11 => &[Alpn::Http1][..],
        HttpVersion::Http2 => &[Alpn::H2],
        HttpVersion::Auto => &[Alpn::H2, Alpn::Http1],
    };
    match (&raw.alpn, asked.carries) {
        (None, Carries::Tcp) => Ok(Vec::new()),
        (None, Carries::Http) => Ok(fitting.iter().map(|alpn| alpn.name().into()).collect()),
        (Some(names), Carries::Tcp) => {
            Ok(names.iter().map(|name| name.as_bytes().into()).collect())
        }
        (Some(names), Carries::Http) => {
            let parsed = |name: &String| {
                let unknown = || format!("alpn: `{name}` is neither h2 nor http/1.1");
                Alpn::parse(name.as_bytes()).ok_or_else(unknown)
            };
            let known = names.iter().map(parsed).collect::<Result<Vec<_>, _>>()?;
            let kept = known.iter().filter(|alpn| fitting.contains(alpn));
            let kept: Vec<Box<[u8]>> = kept.map(|alpn| alpn.name().into()).collect();
            match kept.is_empty() && version != HttpVersion::Auto {
                true => Err("alpn has not the protocol that http.version wants".to_owned()),
                false => Ok(kept),
            }
        }
    }
}

fn settings(
    raw: &BackendTls,
    roots: TrustedRoots,
    certificate: Option<Certificate>,
    alpn: Vec<Box<[u8]>>,
) -> Result<ClientSettings, SettingsError> {
    let verification = if raw.insecure {
        Verification::Nothing
    } else if raw.insecure_host {
        Verification::Chain
    } else if raw.subject_alt_names.is_empty() {
        Verification::Host
    } else {
        let names = raw.subject_alt_names.iter().map(peer_name);
        Verification::Names(names.collect::<Result<_, _>>()?)
    };
    let mut parameters = Parameters::default();
    set_groups(&mut parameters, &raw.key_exchange_groups)?;
    Ok(ClientSettings { roots, verification, certificate, parameters, alpn })
}

fn peer_name(raw: &SubjectAltName) -> Result<PeerName, SettingsError> {
    match raw {
        SubjectAltName::Address(address) => PeerName::parse(&address.to_string()),
        SubjectAltName::Uri(text) | SubjectAltName::Name(text) => PeerName::parse(text),
    }
}

pub(super) fn http_version(policies: &BackendPolicies) -> HttpVersion {
    match policies.http.as_ref().and_then(|http| http.version) {
        Some(RawVersion::Http11) => HttpVersion::Http11,
        Some(RawVersion::Http2) => HttpVersion::Http2,
        None if wants_http2(policies) => HttpVersion::Http2,
        None => HttpVersion::Auto,
    }
}

/// Nothing else is to be offered to the endpoint.
fn wants_http2(policies: &BackendPolicies) -> bool {
    let alpn = policies.backend_tls.as_ref().and_then(|tls| tls.alpn.as_deref());
    alpn.is_some_and(|names| matches!(names, [only] if only == "h2"))
}

#[cfg(test)]
mod tests;
