//! TLS: an authority and what it issues, files of it, and rustls over blocking sockets on either
//! side. The settings are the tests' own; nothing is shared with those of the product.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ALL_VERSIONS, CipherSuite, ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion,
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use serde_json::{Value, json};

use super::client::Client;
use super::message::Wire;
use super::scratch::Scratch;
use super::socket::Socket;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A chain of one, and its key: PEM.
pub struct Issued {
    pub chain: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a root").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For names, addresses and URIs.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| {})
    }

    pub fn issue_expired(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    /// With a key of RSA, where all others have one of ECDSA.
    pub fn issue_rsa(&self, names: &[&str]) -> Issued {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
        self.sign(names, &key, |_| {})
    }

    /// As long as it is for those who sell them.
    pub fn issue_for_90_days(&self, names: &[&str]) -> Issued {
        let day = Duration::from_secs(24 * 60 * 60);
        self.issue_with(names, |params| {
            params.not_before = (SystemTime::now() - day).into();
            params.not_after = (SystemTime::now() + 90 * day).into();
        })
    }

    fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        self.sign(names, &KeyPair::generate().expect("a key"), change)
    }

    fn sign(
        &self,
        names: &[&str],
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().partition(|n| n.contains("://"));
        let hosts: Vec<String> = hosts.into_iter().map(Into::into).collect();
        let mut params = CertificateParams::new(hosts).expect("good names");
        let uris = uris.into_iter().map(|uri| SanType::URI(uri.try_into().expect("ASCII")));
        params.subject_alt_names.extend(uris);
        params.distinguished_name.push(DnType::CommonName, names[0]);
        change(&mut params);
        let chain = params.signed_by(key, &self.issuer).expect("a certificate").pem();
        Issued { chain, key: key.serialize_pem() }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.pem)).expect("a root");
        Arc::new(roots)
    }
}

impl Issued {
    pub fn der(&self) -> CertificateDer<'static> {
        certificate(&self.chain)
    }

    fn both(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key of our own");
        (vec![self.der()], key)
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate of our own")
}

/// PEM files, as configurations name them.
pub struct Files(Scratch);

impl Files {
    pub fn new() -> Self {
        Self(Scratch::new())
    }

    /// `cert` and `key`. What was there under that name is replaced, one file after the other.
    pub fn put(&self, name: &str, issued: &Issued) -> Value {
        let key = self.text(&format!("{name}.key"), &issued.key);
        let cert = self.text(&format!("{name}.pem"), &issued.chain);
        json!({ "cert": cert, "key": key })
    }

    pub fn text(&self, name: &str, text: &str) -> PathBuf {
        self.0.replace(name, text)
    }
}

/// How a client calls: whom it trusts, what it offers and shows. Sessions are resumed by clones
/// of one caller.
#[derive(Clone)]
pub struct Caller(Arc<ClientConfig>);

pub type Versions = &'static [&'static SupportedProtocolVersion];

pub const ONLY_12: Versions = &[&TLS12];
pub const ONLY_13: Versions = &[&TLS13];

#[derive(Clone)]
pub struct Offer {
    pub versions: Versions,
    /// None: all.
    pub suite: Option<CipherSuite>,
    pub alpn: &'static [&'static str],
}

impl Default for Offer {
    fn default() -> Self {
        Self { versions: ALL_VERSIONS, suite: None, alpn: &["http/1.1"] }
    }
}

impl Caller {
    pub fn new(trusted: &Authority) -> Self {
        Self::with(trusted, &Offer::default(), None)
    }

    /// Shows a certificate.
    pub fn showing(trusted: &Authority, shown: &Issued) -> Self {
        Self::with(trusted, &Offer::default(), Some(shown))
    }

    pub fn offering(trusted: &Authority, offer: &Offer) -> Self {
        Self::with(trusted, offer, None)
    }

    pub fn with(trusted: &Authority, offer: &Offer, shown: Option<&Issued>) -> Self {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(wanted) = offer.suite {
            provider.cipher_suites.retain(|suite| suite.suite() == wanted);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(offer.versions)
            .expect("versions that the suites fit")
            .with_root_certificates(trusted.roots());
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => {
                let (chain, key) = shown.both();
                builder.with_client_auth_cert(chain, key).expect("a key that fits")
            }
        };
        config.alpn_protocols = offer.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }

    /// Trusts the same, and knows no session.
    pub fn anew(&self) -> Self {
        let mut config = (*self.0).clone();
        config.resumption = Resumption::in_memory_sessions(8);
        Self(Arc::new(config))
    }

    /// Shakes hands, and says what the server is asked for: a name, or nothing for an address.
    pub fn connect(&self, address: SocketAddr, name: &str) -> io::Result<Client> {
        self.over(Socket::connect(address)?, name)
    }

    /// The same, over a connection that has begun with something else.
    pub fn over(&self, socket: Socket, name: &str) -> io::Result<Client> {
        let name = ServerName::try_from(name.to_owned()).expect("a name or an address");
        let session = ClientConnection::new(Arc::clone(&self.0), name);
        let session = session.map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, plain(socket));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Client { wire: Wire::new(Socket::Tls(Box::new(Tls::Client(stream)))) })
    }

    pub fn must(&self, address: SocketAddr, name: &str) -> Client {
        match self.connect(address, name) {
            Ok(client) => client,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Why a connection does not come to serve a request: in TLS 1.3 a client may hear of it only
    /// when it reads.
    pub fn refusal(&self, address: SocketAddr, name: &str) -> String {
        let client = self.connect(address, name);
        let asked = client.and_then(|mut client| {
            client.try_ask(&format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"))
        });
        match asked {
            Ok(response) => panic!("{name} was served: {}", response.status),
            Err(error) => error.to_string(),
        }
    }
}

/// What an origin does with its connections.
#[derive(Clone)]
pub struct Shown(Arc<ServerConfig>);

impl Shown {
    pub fn new(issued: &Issued) -> Self {
        Self::with(issued, None, &["http/1.1"])
    }

    /// `clients` have to show a certificate of that authority.
    pub fn with(issued: &Issued, clients: Option<&Authority>, alpn: &[&str]) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions that the suites fit");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let roots = authority.roots();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().expect("a root is given"))
            }
        };
        let (chain, key) = issued.both();
        let mut config = builder.with_single_cert(chain, key).expect("a key that fits");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }

    /// Shakes hands at the first read.
    pub fn over(&self, socket: Socket) -> Socket {
        let session = ServerConnection::new(Arc::clone(&self.0)).expect("settings of our own");
        Socket::Tls(Box::new(Tls::Server(StreamOwned::new(session, plain(socket)))))
    }
}

fn plain(socket: Socket) -> TcpStream {
    match socket {
        Socket::Tcp(stream) => stream,
        other => panic!("TLS goes over TCP, not {other:?}"),
    }
}

/// A session over its socket.
#[derive(Debug)]
pub enum Tls {
    Client(StreamOwned<ClientConnection, TcpStream>),
    Server(StreamOwned<ServerConnection, TcpStream>),
}

impl Tls {
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Client(stream) => &stream.sock,
            Self::Server(stream) => &stream.sock,
        }
    }

    pub fn shutdown(&mut self, how: Shutdown) {
        if how != Shutdown::Read {
            match self {
                Self::Client(stream) => stream.conn.send_close_notify(),
                Self::Server(stream) => stream.conn.send_close_notify(),
            }
            let _ = self.flush();
        }
        let _ = self.tcp().shutdown(how);
    }
}

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Client(stream) => stream.read(buffer),
            Self::Server(stream) => stream.read(buffer),
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Client(stream) => stream.write(bytes),
            Self::Server(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Client(stream) => stream.flush(),
            Self::Server(stream) => stream.flush(),
        }
    }
}

impl Drop for Tls {
    /// An end that is meant is told.
    fn drop(&mut self) {
        match self {
            Self::Client(stream) => stream.conn.send_close_notify(),
            Self::Server(stream) => stream.conn.send_close_notify(),
        }
        let _ = self.flush();
    }
}

/// What a client's handshake came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled {
    pub version: ProtocolVersion,
    pub suite: CipherSuite,
    pub alpn: Option<String>,
    pub resumed: bool,
    pub shown: CertificateDer<'static>,
}

pub fn settled(client: &Client) -> Settled {
    let Socket::Tls(tls) = &client.wire.socket else { panic!("not TLS") };
    let Tls::Client(stream) = &**tls else { panic!("not a client") };
    let session = &stream.conn;
    let chain = session.peer_certificates().expect("a server shows one");
    Settled {
        version: session.protocol_version().expect("settled"),
        suite: session.negotiated_cipher_suite().expect("settled").suite(),
        alpn: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        shown: chain[0].clone(),
    }
}
