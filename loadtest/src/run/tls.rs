//! How TLS is spoken, by rustls on ring.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::plan::{EventsOver, Protocol, Refusal, Tls};

pub(super) fn client_config(tls: &Tls, protocol: Protocol) -> Result<ClientConfig, Refusal> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Refusal(format!("TLS: {error}")))?;
    let mut config = if tls.insecure {
        let verifier = Arc::new(Unverified(provider.signature_verification_algorithms));
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    } else {
        builder.with_root_certificates(roots(tls)?).with_no_client_auth()
    };
    config.alpn_protocols = match protocol {
        Protocol::Http2 { .. } | Protocol::Events { over: EventsOver::Http2 { .. } } => {
            vec![b"h2".to_vec()]
        }
        Protocol::Tcp { .. } | Protocol::Idle => Vec::new(),
        _ => vec![b"http/1.1".to_vec()],
    };
    config.resumption = if tls.resumption {
        Resumption::store(Arc::new(ClientSessionMemoryCache::new(SESSIONS_MAX)))
    } else {
        Resumption::disabled()
    };
    Ok(config)
}

fn roots(tls: &Tls) -> Result<RootCertStore, Refusal> {
    let mut store = RootCertStore::empty();
    let Some(path) = &tls.roots else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    let refuse = |why: &dyn std::fmt::Display| Refusal(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| refuse(&error))?;
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
        let certificate = certificate.map_err(|error| refuse(&error))?;
        store.add(certificate).map_err(|error| refuse(&error))?;
    }
    if store.is_empty() {
        return Err(refuse(&"there is no certificate in it"));
    }
    Ok(store)
}

/// Accepts any certificate, but still wants the server to have its key.
#[derive(Debug)]
struct Unverified(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Sessions kept for later, over all threads.
const SESSIONS_MAX: usize = 1024;
