//! Whether a peer is who it says. Clients by rustls' own verifier; servers by rustls' parts, put
//! together in four ways. Owns nothing but the roots.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::certificate::{SettingsError, TrustedRoots};
use super::identity::Identity;

/// What is asked of clients. Equal policies share their ticket keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// They are not asked for a certificate.
    #[default]
    None,
    /// Who has a certificate shows it, and it must be good; who has none is let in without.
    Optional(TrustedRoots),
    Required(TrustedRoots),
}

/// How the certificate of an endpoint is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// Its chain, and the name it was asked for.
    #[default]
    Host,
    /// Its chain, and one of these names instead: `subjectAltNames`.
    Names(Vec<PeerName>),
    /// Its chain, whatever its name: `insecureHost`.
    Chain,
    /// Nothing but that it has the key to what it shows: `insecure`.
    Nothing,
}

/// A name that a certificate may have to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerName {
    Host(ServerName<'static>),
    Uri(Box<str>),
}

impl PeerName {
    /// # Errors
    /// That it is neither a hostname, nor an address, nor a URI.
    pub fn parse(name: &str) -> Result<Self, SettingsError> {
        if name.contains("://") {
            return Ok(Self::Uri(name.into()));
        }
        let host = ServerName::try_from(name.to_owned());
        host.map(Self::Host).map_err(|_| SettingsError::BadHostname { name: name.into() })
    }

    fn is_in(&self, certificate: &CertificateDer<'_>, parsed: &ParsedCertificate<'_>) -> bool {
        match self {
            Self::Host(name) => verify_server_name(parsed, name).is_ok(),
            Self::Uri(uri) => Identity::parse(certificate)
                .is_some_and(|identity| identity.uris.iter().any(|known| known == uri)),
        }
    }
}

pub(super) fn of_clients(
    policy: &ClientAuthentication,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, SettingsError> {
    let (roots, required) = match policy {
        ClientAuthentication::None => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientAuthentication::Optional(roots) => (roots, false),
        ClientAuthentication::Required(roots) => (roots, true),
    };
    let provider = Arc::clone(provider);
    let verifier = WebPkiClientVerifier::builder_with_provider(store(roots)?, provider);
    let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
    verifier.build().map_err(|error| SettingsError::Rejected { reason: error.to_string().into() })
}

pub(super) fn of_servers(
    verification: &Verification,
    roots: &TrustedRoots,
    provider: &CryptoProvider,
) -> Result<Arc<dyn ServerCertVerifier>, SettingsError> {
    let (verification, roots) = (verification.clone(), store(roots)?);
    let algorithms = provider.signature_verification_algorithms;
    Ok(Arc::new(ServerVerifier { verification, roots, algorithms }))
}

fn store(roots: &TrustedRoots) -> Result<Arc<RootCertStore>, SettingsError> {
    roots.store().ok_or_else(|| SettingsError::NoRoots { file: "the given roots".into() })
}

#[derive(Debug)]
struct ServerVerifier {
    verification: Verification,
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        asked: &ServerName<'_>,
        _stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.verification == Verification::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        let (roots, all) = (&self.roots, self.algorithms.all);
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, all)?;
        match &self.verification {
            Verification::Host => verify_server_name(&parsed, asked)?,
            Verification::Names(names) => {
                if !names.iter().any(|name| name.is_in(certificate, &parsed)) {
                    return Err(CertificateError::NotValidForName.into());
                }
            }
            Verification::Chain | Verification::Nothing => {}
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
