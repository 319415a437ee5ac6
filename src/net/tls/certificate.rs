//! Certificates, keys and roots out of PEM that somebody else has read, and all that can be wrong
//! with them. Pure: no file is opened here, except that `TrustedRoots::system` asks for those of
//! the system. Owns no state.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};

use super::identity::Identity;
use super::parameters::UnknownName;
use crate::limits::{TLS_CHAIN_CERTIFICATES_MAX, TLS_PEM_BYTES_MAX};

/// A text with certificates or keys, and what to call it in an error: its file.
#[derive(Clone, Copy)]
pub struct Pem<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// A chain and its key, which fit, and what the first certificate says.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    identity: Arc<Identity>,
}

/// Why settings cannot be made. Its text is for the user who wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    Oversized { file: Box<str> },
    NotPem { file: Box<str>, reason: Box<str> },
    NoCertificate { file: Box<str> },
    LongChain { file: Box<str> },
    BadCertificate { file: Box<str> },
    NoKey { file: Box<str> },
    EncryptedKey { file: Box<str> },
    BadKey { file: Box<str> },
    KeyMismatch { certificate: Box<str>, key: Box<str> },
    NoRoots { file: Box<str> },
    UnknownName(UnknownName),
    BadHostname { name: Box<str> },
    TwoCertificates { name: Box<str> },
    NothingToServe,
    NoVersion,
    NoSuiteForVersion,
    Rejected { reason: Box<str> },
}

/// Roots that a peer's chain has to end in. They compare by content, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedRoots {
    certificates: Arc<[CertificateDer<'static>]>,
}

impl Certificate {
    /// # Errors
    /// What is wrong with either text, or that they do not belong together.
    pub fn load(chain: Pem<'_>, key: Pem<'_>) -> Result<Self, SettingsError> {
        let certificates = certificates(chain)?;
        if certificates.len() > TLS_CHAIN_CERTIFICATES_MAX {
            return Err(SettingsError::LongChain { file: chain.name.into() });
        }
        let bad = || SettingsError::BadCertificate { file: chain.name.into() };
        let identity = certificates.first().and_then(Identity::parse).ok_or_else(bad)?;
        let signer = aws_lc_rs::sign::any_supported_type(&private_key(key)?)
            .map_err(|_| SettingsError::BadKey { file: key.name.into() })?;
        let certified = CertifiedKey::new(certificates, signer);
        match certified.keys_match() {
            // A key that does not tell its public half is taken at its word.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                let (certificate, key) = (chain.name.into(), key.name.into());
                return Err(SettingsError::KeyMismatch { certificate, key });
            }
            Err(_) => return Err(bad()),
        }
        Ok(Self { key: Arc::new(certified), identity: Arc::new(identity) })
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether its key is of the same kind: RSA, ECDSA or EdDSA.
    pub fn is_alike(&self, other: &Self) -> bool {
        self.key.key.algorithm() == other.key.key.algorithm()
    }

    /// What an operator should know of it at `now_seconds` since 1970. It is served all the same:
    /// clients judge, and some do not care.
    pub fn warning(&self, now_seconds: i64) -> Option<&'static str> {
        if now_seconds > self.identity.not_after_seconds {
            Some("the certificate has expired")
        } else if now_seconds < self.identity.not_before_seconds {
            Some("the certificate is not valid yet")
        } else {
            None
        }
    }
}

/// A chain tells its key, since the two fit.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

impl Eq for Certificate {}

impl TrustedRoots {
    /// # Errors
    /// What is wrong with the text, or that there is no certificate in it.
    pub fn load(pem: Pem<'_>) -> Result<Self, SettingsError> {
        let roots = Self { certificates: certificates(pem)?.into() };
        match roots.store() {
            Some(_) => Ok(roots),
            None => Err(SettingsError::BadCertificate { file: pem.name.into() }),
        }
    }

    /// Nobody, for where nobody is asked.
    pub fn none() -> Self {
        Self { certificates: Arc::new([]) }
    }

    /// Those that the system trusts. Waits for the disk: not for a worker, and once is enough.
    ///
    /// # Errors
    /// That there is none.
    pub fn system() -> Result<Self, SettingsError> {
        let mut store = RootCertStore::empty();
        // What rustls cannot use must not keep a gateway from the hundred others.
        let usable = |der: &CertificateDer<'_>| store.add(der.clone()).is_ok();
        let found = rustls_native_certs::load_native_certs().certs;
        let certificates: Arc<[_]> = found.into_iter().filter(usable).collect();
        if certificates.is_empty() {
            return Err(SettingsError::NoRoots { file: "the system's trust store".into() });
        }
        Ok(Self { certificates })
    }

    /// Nothing if rustls cannot use one of them.
    pub(super) fn store(&self) -> Option<Arc<RootCertStore>> {
        let mut store = RootCertStore::empty();
        for certificate in &*self.certificates {
            store.add(certificate.clone()).ok()?;
        }
        Some(Arc::new(store))
    }
}

fn certificates(pem: Pem<'_>) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    if pem.bytes.len() > TLS_PEM_BYTES_MAX {
        return Err(SettingsError::Oversized { file: pem.name.into() });
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.bytes).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(SettingsError::NoCertificate { file: pem.name.into() })
        }
        Ok(found) => Ok(found),
        Err(error) => Err(not_pem(pem, &error)),
    }
}

fn private_key(pem: Pem<'_>) -> Result<PrivateKeyDer<'static>, SettingsError> {
    if pem.bytes.len() > TLS_PEM_BYTES_MAX {
        return Err(SettingsError::Oversized { file: pem.name.into() });
    }
    PrivateKeyDer::from_pem_slice(pem.bytes).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted(pem.bytes) => {
            SettingsError::EncryptedKey { file: pem.name.into() }
        }
        pem::Error::NoItemsFound => SettingsError::NoKey { file: pem.name.into() },
        error => not_pem(pem, &error),
    })
}

fn is_encrypted(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----").is_some()
}

fn not_pem(pem: Pem<'_>, error: &pem::Error) -> SettingsError {
    SettingsError::NotPem { file: pem.name.into(), reason: error.to_string().into() }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversized { file } => write!(f, "{file}: more than {TLS_PEM_BYTES_MAX} bytes"),
            Self::NotPem { file, reason } => write!(f, "{file}: not PEM: {reason}"),
            Self::NoCertificate { file } => write!(f, "{file}: there is no certificate in it"),
            Self::LongChain { file } => {
                write!(f, "{file}: more than {TLS_CHAIN_CERTIFICATES_MAX} certificates")
            }
            Self::BadCertificate { file } => write!(f, "{file}: a certificate cannot be read"),
            Self::NoKey { file } => {
                write!(f, "{file}: there is no private key in it (PKCS#8, PKCS#1 or SEC1)")
            }
            Self::EncryptedKey { file } => {
                write!(f, "{file}: the private key is encrypted; give it without a passphrase")
            }
            Self::BadKey { file } => write!(f, "{file}: the private key cannot be used"),
            Self::KeyMismatch { certificate, key } => {
                write!(f, "the key in {key} does not belong to the certificate in {certificate}")
            }
            Self::NoRoots { file } => write!(f, "{file}: there are no root certificates"),
            Self::UnknownName(unknown) => {
                let accepted = unknown.accepted.join(", ");
                write!(f, "`{}` is not known; there are: {accepted}", unknown.name)
            }
            Self::BadHostname { name } => write!(f, "`{name}` is not a hostname"),
            Self::TwoCertificates { name } => write!(f, "two certificates for `{name}`"),
            Self::NothingToServe => f.write_str("a TLS listener needs a certificate"),
            Self::NoVersion => f.write_str("the least TLS version is above the greatest"),
            Self::NoSuiteForVersion => {
                f.write_str("one of the TLS versions has no cipher suite among those given")
            }
            Self::Rejected { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for SettingsError {}

impl From<UnknownName> for SettingsError {
    fn from(unknown: UnknownName) -> Self {
        Self::UnknownName(unknown)
    }
}

impl From<Error> for SettingsError {
    fn from(error: Error) -> Self {
        Self::Rejected { reason: error.to_string().into() }
    }
}
