//! What both sides may agree upon: versions, cipher suites, key exchange groups, protocols, by the
//! names of the configuration. Owns no state.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::certificate::SettingsError;

/// An application protocol, RFC 7301.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    H2,
    Http1,
}

impl Alpn {
    pub const fn name(self) -> &'static [u8] {
        match self {
            Self::H2 => b"h2",
            Self::Http1 => b"http/1.1",
        }
    }

    pub fn parse(name: &[u8]) -> Option<Self> {
        [Self::H2, Self::Http1].into_iter().find(|alpn| alpn.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Tls12,
    Tls13,
}

impl Version {
    /// As configurations write it.
    pub const NAMES: [(&str, Self); 2] = [("TLS_V1_2", Self::Tls12), ("TLS_V1_3", Self::Tls13)];

    pub fn parse(name: &str) -> Option<Self> {
        find(&Self::NAMES, name)
    }

    /// As logs and metrics write it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

type Suites = [(&'static str, SupportedCipherSuite); 12];
type Groups = [(&'static str, &'static dyn SupportedKxGroup); 8];

/// The names of TLS 1.3 suites in two spellings: rustls' and IANA's.
static SUITES: Suites = [
    ("TLS13_AES_256_GCM_SHA384", cipher_suite::TLS13_AES_256_GCM_SHA384),
    ("TLS13_AES_128_GCM_SHA256", cipher_suite::TLS13_AES_128_GCM_SHA256),
    ("TLS13_CHACHA20_POLY1305_SHA256", cipher_suite::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_AES_256_GCM_SHA384", cipher_suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", cipher_suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", cipher_suite::TLS13_CHACHA20_POLY1305_SHA256),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

static GROUPS: Groups = [
    ("X25519", kx_group::X25519),
    ("P-256", kx_group::SECP256R1),
    ("P-384", kx_group::SECP384R1),
    ("X25519_MLKEM768", kx_group::X25519MLKEM768),
    ("SECP256R1", kx_group::SECP256R1),
    ("SECP384R1", kx_group::SECP384R1),
    ("X25519MLKEM768", kx_group::X25519MLKEM768),
    ("SECP256R1MLKEM768", kx_group::SECP256R1MLKEM768),
];

/// A name that is none; `accepted` are all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    pub name: Box<str>,
    pub accepted: Vec<&'static str>,
}

/// What a session may use.
#[derive(Clone, Debug)]
pub struct Parameters {
    pub version_min: Version,
    pub version_max: Version,
    /// In the order of preference; see `suite_names` for the names.
    suites: Vec<SupportedCipherSuite>,
    groups: Vec<&'static dyn SupportedKxGroup>,
    /// The suites are somebody's choice, and so is their order.
    ordered: bool,
}

impl Default for Parameters {
    /// AES-GCM alone, as in agentgateway: processors that carry a gateway have it in hardware.
    fn default() -> Self {
        let is_aes = |(name, _): &&(&str, SupportedCipherSuite)| name.contains("AES");
        let preferred = SUITES.iter().filter(is_aes);
        let suites = preferred.filter(|(name, _)| !name.starts_with("TLS_AES"));
        Self {
            version_min: Version::Tls12,
            version_max: Version::Tls13,
            suites: suites.map(|(_, suite)| *suite).collect(),
            groups: GROUPS[..4].iter().map(|(_, group)| *group).collect(),
            ordered: false,
        }
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        let groups = |of: &Self| of.groups.iter().map(|group| group.name()).collect::<Vec<_>>();
        self.version_min == other.version_min
            && self.version_max == other.version_max
            && self.suites == other.suites
            && self.ordered == other.ordered
            && groups(self) == groups(other)
    }
}

impl Eq for Parameters {}

impl Parameters {
    pub fn suite_names() -> impl Iterator<Item = &'static str> {
        SUITES.iter().map(|(name, _)| *name)
    }

    pub fn group_names() -> impl Iterator<Item = &'static str> {
        GROUPS.iter().map(|(name, _)| *name)
    }

    /// No names leave the defaults.
    ///
    /// # Errors
    /// The first name that is not a suite.
    pub fn set_suites<S: AsRef<str>>(&mut self, names: &[S]) -> Result<(), UnknownName> {
        if !names.is_empty() {
            self.suites = named(&SUITES, names)?;
            self.ordered = true;
        }
        Ok(())
    }

    /// No names leave the defaults.
    ///
    /// # Errors
    /// The first name that is not a group.
    pub fn set_groups<S: AsRef<str>>(&mut self, names: &[S]) -> Result<(), UnknownName> {
        if !names.is_empty() {
            self.groups = named(&GROUPS, names)?;
        }
        Ok(())
    }

    /// Without an order of ours the client's counts: it knows what its processor is good at.
    pub(super) const fn has_order(&self) -> bool {
        self.ordered
    }

    pub(super) fn provider(&self) -> Result<Arc<CryptoProvider>, SettingsError> {
        if self.version_min > self.version_max {
            return Err(SettingsError::NoVersion);
        }
        let versions = self.suites.iter().map(|suite| suite.version().version);
        if !self.versions().iter().all(|known| versions.clone().any(|has| has == known.version)) {
            return Err(SettingsError::NoSuiteForVersion);
        }
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.clone_from(&self.suites);
        provider.kx_groups.clone_from(&self.groups);
        Ok(Arc::new(provider))
    }

    pub(super) fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        static KNOWN: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match (self.version_min, self.version_max) {
            (Version::Tls12, Version::Tls13) => &KNOWN,
            (Version::Tls12, Version::Tls12) => &KNOWN[1..],
            (Version::Tls13, Version::Tls13) => &KNOWN[..1],
            (Version::Tls13, Version::Tls12) => &[],
        }
    }
}

fn named<T: Copy, S: AsRef<str>>(
    table: &[(&'static str, T)],
    names: &[S],
) -> Result<Vec<T>, UnknownName> {
    let unknown = |name: &str| UnknownName {
        name: name.into(),
        accepted: table.iter().map(|(name, _)| *name).collect(),
    };
    let names = names.iter().map(AsRef::as_ref);
    names.map(|name| find(table, name).ok_or_else(|| unknown(name))).collect()
}

fn find<T: Copy>(table: &[(&'static str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}
