//! A certificate of our own for `localhost`, and a server that has it.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Server;

pub(crate) struct Certificate {
    pub(crate) pem: String,
    config: Arc<ServerConfig>,
}

impl Certificate {
    pub(crate) fn new(alpn: &[&str]) -> Self {
        let names = vec!["localhost".to_owned()];
        let own = rcgen::generate_simple_self_signed(names).expect("a key of our own");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the defaults are safe")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("they belong together");
        config.alpn_protocols = alpn.iter().map(|word| word.as_bytes().to_vec()).collect();
        Self { pem: own.cert.pem(), config: Arc::new(config) }
    }

    /// `hello` to whatever comes, inside TLS.
    pub(crate) fn hello(&self) -> Server {
        let config = Arc::clone(&self.config);
        Server::start(move |stream| {
            let session = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(session, stream);
            let mut buffer = [0; 4096];
            while stream.read(&mut buffer)? > 0 {
                stream.write_all(&super::server::ok("hello"))?;
                stream.flush()?;
            }
            Ok(())
        })
    }
}
