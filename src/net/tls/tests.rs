//! Two sessions joined back to back, without a socket; and an authority that issues what they show.

mod agreement_tests;
mod authentication_tests;
mod record_tests;
mod settings_tests;

use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use rustls::{ClientConfig, ServerConfig};

use super::*;
use crate::base::buffer::Buffer;
use crate::limits::{TLS_PLAIN_BYTES_MAX, TLS_READ_BYTES};

/// A certificate authority; its certificates are valid, for servers and clients alike.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

pub(crate) static OURS: LazyLock<Authority> = LazyLock::new(|| Authority::new("ours"));
pub(crate) static THEIRS: LazyLock<Authority> = LazyLock::new(|| Authority::new("theirs"));

/// What an authority issues: a chain of one, and its key.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        self.sign(names, KeyPair::generate().unwrap(), change)
    }

    pub(crate) fn issue_rsa(&self, names: &[&str]) -> Issued {
        self.sign(names, KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap(), |_| {})
    }

    fn sign(
        &self,
        names: &[&str],
        key: KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().partition(|n| n.contains("://"));
        let hosts: Vec<String> = hosts.into_iter().map(Into::into).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        let uris = uris.into_iter().map(|uri| SanType::URI(uri.try_into().unwrap()));
        params.subject_alt_names.extend(uris);
        params.distinguished_name.push(DnType::CommonName, names[0]);
        change(&mut params);
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued { chain, key: key.serialize_pem() }
    }

    pub(crate) fn roots(&self) -> TrustedRoots {
        TrustedRoots::load(pem("roots.pem", &self.pem)).unwrap()
    }
}

impl Issued {
    pub(crate) fn load(&self) -> Certificate {
        Certificate::load(pem("tls.crt", &self.chain), pem("tls.key", &self.key)).unwrap()
    }
}

pub(crate) fn expired(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}

pub(crate) fn pem<'a>(name: &'a str, text: &'a str) -> Pem<'a> {
    Pem { name, bytes: text.as_bytes() }
}

/// A server for `example.com` that lets everybody in, and a client that trusts it.
pub(crate) fn server() -> ServerSettings {
    let default = Some(OURS.issue(&["example.com"]).load());
    ServerSettings { default, alpn: vec![Alpn::H2, Alpn::Http1], ..ServerSettings::default() }
}

pub(crate) fn client() -> ClientSettings {
    ClientSettings {
        roots: OURS.roots(),
        verification: Verification::Host,
        certificate: None,
        parameters: Parameters::default(),
        alpn: vec![Alpn::H2.name().into(), Alpn::Http1.name().into()],
    }
}

pub(crate) fn only(version: Version) -> Parameters {
    let mut parameters = Parameters::default();
    (parameters.version_min, parameters.version_max) = (version, version);
    parameters
}

pub(crate) fn make(server: &ServerSettings) -> Arc<ServerConfig> {
    server_config(server, &mut TicketKeys::new()).unwrap()
}

/// One end: a session, its buffers, and all it has heard.
pub(crate) struct End {
    pub(crate) session: Session,
    pub(crate) input: Buffer,
    pub(crate) out: Buffer,
    plain: Buffer,
    pub(crate) heard: Vec<u8>,
    pub(crate) established: usize,
}

impl End {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            input: Buffer::with_capacity(TLS_READ_BYTES),
            out: Buffer::with_capacity(TLS_READ_BYTES),
            plain: Buffer::with_capacity(TLS_PLAIN_BYTES_MAX),
            heard: Vec::new(),
            established: 0,
        }
    }

    pub(crate) fn server(config: &Arc<ServerConfig>) -> Self {
        Self::new(Session::server(Arc::clone(config), Some("example.com")).unwrap())
    }

    pub(crate) fn client(config: &Arc<ClientConfig>, name: &str) -> Self {
        Self::new(Session::client(Arc::clone(config), server_name(name).unwrap()).unwrap())
    }

    /// Advances until there is nothing left to do.
    pub(crate) fn advance(&mut self) -> Result<Step, TlsError> {
        loop {
            let step = self.session.advance(&mut self.input, &mut self.out, Some(&mut self.plain));
            match step? {
                Step::Plain(count) => {
                    assert_eq!(count, self.plain.len());
                    self.heard.extend_from_slice(self.plain.filled());
                    self.plain.clear();
                }
                Step::Established => self.established += 1,
                step => return Ok(step),
            }
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Step, TlsError> {
        let mut step = Ok(Step::NeedRead);
        for piece in bytes.chunks(self.input.spare().max(1)) {
            self.input.put(piece);
            step = Ok(self.advance()?);
        }
        step
    }

    /// All of `bytes`, sealed: the records one after the other.
    pub(crate) fn sealed(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut wire = self.sent();
        while !bytes.is_empty() {
            let count = self.session.seal(bytes, &mut self.out).unwrap();
            bytes = &bytes[count..];
            wire.extend(self.sent());
        }
        wire
    }

    pub(crate) fn sent(&mut self) -> Vec<u8> {
        let sent = self.out.filled().to_vec();
        self.out.clear();
        sent
    }
}

/// Carries bytes both ways, `cut` at a time, until both are silent.
pub(crate) fn join(a: &mut End, b: &mut End, cut: usize) -> Result<(), TlsError> {
    a.advance()?;
    loop {
        let (to_b, to_a) = (a.sent(), b.sent());
        if to_a.is_empty() && to_b.is_empty() {
            return Ok(());
        }
        to_b.chunks(cut).try_for_each(|piece| b.feed(piece).map(|_| ()))?;
        to_a.chunks(cut).try_for_each(|piece| a.feed(piece).map(|_| ()))?;
    }
}

/// A client and a server that have shaken hands.
pub(crate) fn joined(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> (End, End) {
    let (mut client, mut server) = (End::client(client, "example.com"), End::server(server));
    join(&mut client, &mut server, usize::MAX).unwrap();
    assert_eq!((client.established, server.established), (1, 1));
    (client, server)
}

/// The failures of a handshake, the client's first: whoever did not fail by itself hears the alert.
pub(crate) fn refused(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &str,
) -> (Option<HandshakeFailure>, Option<HandshakeFailure>) {
    let (mut client, mut server) = (End::client(client, name), End::server(server));
    let (mut by_client, mut by_server) = (client.advance().err(), None);
    for _ in 0..4 {
        let sent = client.sent();
        by_server = by_server.or_else(|| server.feed(&sent).err());
        let sent = server.sent();
        by_client = by_client.or_else(|| client.feed(&sent).err());
    }
    (by_client.map(handshake), by_server.map(handshake))
}

/// A client of TLS 1.3 is done before the server has judged its certificate: an alert that comes
/// then is the same news.
fn handshake(error: TlsError) -> HandshakeFailure {
    match error {
        TlsError::Handshake(failure) => failure,
        TlsError::Record(RecordFailure::Alert(alert)) => HandshakeFailure::Alert(alert),
        TlsError::Record(other) => panic!("not a failure of a handshake: {other:?}"),
    }
}

/// The lengths of the records in `wire`, heads left out.
pub(crate) fn record_lengths(mut wire: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, rest @ ..] = wire {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        wire = &rest[length..];
    }
    assert!(wire.is_empty(), "whole records");
    lengths
}
