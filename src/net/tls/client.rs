//! The settings of TLS to an endpoint: whom to trust, who we are, what to speak. Immutable once
//! made, shared by all workers together with the sessions that can be resumed.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;

use super::certificate::{Certificate, SettingsError, TrustedRoots};
use super::parameters::{Alpn, Parameters};
use super::verify::{self, Verification};
use crate::limits::TLS_SESSIONS_KEPT_MAX;

/// Equal settings make sessions that nobody can tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    pub roots: TrustedRoots,
    pub verification: Verification,
    /// What we show to endpoints that ask for it.
    pub certificate: Option<Certificate>,
    pub parameters: Parameters,
    /// Names of protocols in the order of preference; those that HTTP is not carried by too, for
    /// what is relayed without being looked into. Nothing is offered if it is empty.
    pub alpn: Vec<Box<[u8]>>,
}

/// # Errors
/// What the settings ask for and cannot be had.
pub fn client_config(settings: &ClientSettings) -> Result<Arc<ClientConfig>, SettingsError> {
    let provider = settings.parameters.provider()?;
    let verifier = verify::of_servers(&settings.verification, &settings.roots, &provider)?;
    // The verifier is ours, and rustls calls every verifier that is not its own dangerous.
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(settings.parameters.versions())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &settings.certificate {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = SingleCertAndKey::from(Arc::clone(&own.key));
            builder.with_client_cert_resolver(Arc::new(key))
        }
    };
    config.alpn_protocols = settings.alpn.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::in_memory_sessions(TLS_SESSIONS_KEPT_MAX);
    Ok(Arc::new(config))
}

/// The same settings with another offer. They verify in the same way, so sessions of one can be
/// resumed by the other.
pub fn with_alpn(config: &ClientConfig, alpn: Alpn) -> Arc<ClientConfig> {
    let mut other = config.clone();
    other.alpn_protocols = vec![alpn.name().to_vec()];
    Arc::new(other)
}

/// The same settings without sessions to be resumed: a check is to see the certificate each time.
pub fn without_sessions(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut other = config.clone();
    other.resumption = Resumption::disabled();
    Arc::new(other)
}

/// The name to ask an endpoint for: a hostname, or an address, which no SNI is sent for.
///
/// # Errors
/// That it is neither.
pub fn server_name(name: &str) -> Result<ServerName<'static>, SettingsError> {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let parsed = ServerName::try_from(bare.to_owned());
    parsed.map_err(|_| SettingsError::BadHostname { name: name.into() })
}
