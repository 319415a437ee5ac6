//! The client's side of TLS: one certificate that is trusted, and the same choice of algorithms
//! for every subject, so that none looks cheap for what it was not asked: TLS 1.3, X25519,
//! AES-128-GCM. Its connections are blocking. A session is resumed by the ticket of the connection
//! before, never by one used already.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;

use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, Stream};

use super::{ANSWER_TIME_MAX, CONNECT_TIME_MAX, Error, response};

/// Whom the load trusts.
pub(crate) struct Trust {
    roots: Arc<RootCertStore>,
}

/// One client, with the sessions that it remembers.
pub(crate) struct Client {
    settings: Arc<ClientConfig>,
}

/// What one connection for one request came to.
pub(crate) struct Exchanged {
    pub(crate) body: Vec<u8>,
    pub(crate) resumed: bool,
}

impl Trust {
    pub(crate) fn only(certificate: CertificateDer<'static>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).map_err(io::Error::other)?;
        Ok(Self { roots: Arc::new(roots) })
    }

    /// A client that speaks HTTP/1.1 and, if `resuming`, comes back with a ticket.
    pub(crate) fn client(&self, resuming: bool) -> io::Result<Client> {
        let provider = CryptoProvider {
            cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![ring::kx_group::X25519],
            ..ring::default_provider()
        };
        let mut settings = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        settings.resumption = if resuming {
            Resumption::store(Arc::new(ClientSessionMemoryCache::new(SERVERS_MAX)))
        } else {
            Resumption::disabled()
        };
        Ok(Client { settings: Arc::new(settings) })
    }
}

impl Client {
    /// Connects, sends `request`, which asks for a close behind its answer, and reads all of it.
    pub(crate) fn exchange(
        &self,
        address: SocketAddrV4,
        request: &[u8],
    ) -> Result<Exchanged, Error> {
        let name = ServerName::try_from(SERVER_NAME).expect("a constant that is a name");
        let settings = Arc::clone(&self.settings);
        let mut session = ClientConnection::new(settings, name).map_err(io::Error::other)?;
        let mut socket = TcpStream::connect_timeout(&SocketAddr::V4(address), CONNECT_TIME_MAX)?;
        socket.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        // The last flight of the handshake and the request are two writes with no answer between.
        socket.set_nodelay(true)?;
        let mut stream = Stream::new(&mut session, &mut socket);
        stream.write_all(request)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        match stream.read_to_end(&mut answer) {
            // Closed without close_notify: the length of the answer is looked at below.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => (),
            read => drop(read?),
        }
        let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok(Exchanged { body: response::whole(answer)?, resumed })
    }
}

/// The name in the certificate, and in SNI.
pub(crate) const SERVER_NAME: &str = "bench.test";
const SERVERS_MAX: usize = 1;
const ANSWER_BYTES: usize = 4096;
