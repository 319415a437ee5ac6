//! `tls:` of a listener: what it shows to clients, whom it lets in and what it negotiates. Paths
//! stay as written: control reads the files, at the start and when they change. Raw: nothing is
//! opened, no certificate is parsed. `backend_tls` has the other side.

use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::file::FilePath;
use super::reader::{Cursor, Mark, Table};
use super::scalar;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    #[serde(flatten)]
    pub identity: Identity,
    /// None: clients are not asked for certificates.
    #[serde(flatten)]
    pub clients: Option<ClientCertificates>,
    #[serde(flatten)]
    pub negotiation: Negotiation,
}

/// What a listener shows to clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Identity {
    One(KeyPair),
    /// Ours: several, chosen by the client's name and algorithms; the first is for who fits none.
    Several {
        certificates: Vec<KeyPair>,
    },
    /// Ours: made when the configuration is loaded, and kept nowhere.
    SelfSigned {
        self_signed: SelfSigned,
    },
}

/// A chain of certificates, leaf first, and its private key: PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyPair {
    pub cert: FilePath,
    pub key: FilePath,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SelfSigned {
    /// Host names, `*.suffix` or IP addresses.
    pub hostnames: Vec<String>,
}

/// Mutual TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCertificates {
    /// The authorities that clients' certificates have to come from: a PEM file.
    pub root: FilePath,
    #[serde(rename = "clientCertificate")]
    pub demand: Demand,
}

/// Ours; agentgateway always requires one where there is a `root`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Demand {
    #[default]
    Required,
    /// A client may come without one. A wrong one is refused all the same.
    Optional,
}

/// What is negotiated. What `frontendPolicies.tls` says too is taken from there, key by key, as in
/// agentgateway; see `Negotiation::under`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Negotiation {
    #[serde(rename = "minTLSVersion", skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,
    #[serde(rename = "maxTLSVersion", skip_serializing_if = "Option::is_none")]
    pub max_version: Option<TlsVersion>,
    /// In the order of preference. None: `CipherSuite::DEFAULT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<CipherSuite>,
    /// In the order of preference. None: `KeyExchangeGroup::DEFAULT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_exchange_groups: Vec<KeyExchangeGroup>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum TlsVersion {
    #[serde(rename = "TLS_V1_2")]
    V1_2,
    #[serde(rename = "TLS_V1_3")]
    V1_3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CipherSuite {
    Aes256GcmSha384,
    Aes128GcmSha256,
    Chacha20Poly1305Sha256,
    EcdheEcdsaAes256GcmSha384,
    EcdheEcdsaAes128GcmSha256,
    EcdheEcdsaChacha20Poly1305Sha256,
    EcdheRsaAes256GcmSha384,
    EcdheRsaAes128GcmSha256,
    EcdheRsaChacha20Poly1305Sha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyExchangeGroup {
    X25519,
    P256,
    P384,
    X25519MlKem768,
}

impl ListenerTls {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.maybe("mode", |c| c.word(&[("static", ())], &["dynamicCa"]));
        table.unsupported(&["spiffe"]);
        let identity = Identity::of(&mut table);
        let clients = ClientCertificates::of(&mut table);
        let negotiation = Negotiation {
            min_version: table.renamed("minTLSVersion", "minTlsVersion", TlsVersion::read),
            max_version: table.renamed("maxTLSVersion", "maxTlsVersion", TlsVersion::read),
            cipher_suites: table.list("cipherSuites", CipherSuite::read).unwrap_or_default(),
            key_exchange_groups: table
                .list("keyExchangeGroups", KeyExchangeGroup::read)
                .unwrap_or_default(),
        };
        table.finish();
        negotiation.note(cursor.mark(), cursor);
        Some(Self { identity: identity?, clients, negotiation })
    }
}

impl Identity {
    fn of(table: &mut Table<'_>) -> Option<Self> {
        match table.one_of(&["cert", "certificates", "selfSigned"]) {
            Some(("cert", cert)) => {
                let cert = FilePath::read(&cert);
                let key = table.must("key", FilePath::read);
                Some(Self::One(KeyPair { cert: cert?, key: key? }))
            }
            Some((key, value)) => {
                table.refuse("key", "there is no `cert` that this is the key of", None);
                match key {
                    "certificates" => read_pairs(&value),
                    _ => {
                        SelfSigned::read(&value).map(|self_signed| Self::SelfSigned { self_signed })
                    }
                }
            }
            None => {
                table.maybe("key", FilePath::read);
                None
            }
        }
    }

    /// The files, in the order of preference; none where it is self-signed.
    pub fn files(&self) -> &[KeyPair] {
        match self {
            Self::One(pair) => std::slice::from_ref(pair),
            Self::Several { certificates } => certificates,
            Self::SelfSigned { .. } => &[],
        }
    }
}

impl KeyPair {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let cert = table.must("cert", FilePath::read);
        let key = table.must("key", FilePath::read);
        table.finish();
        Some(Self { cert: cert?, key: key? })
    }
}

impl SelfSigned {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let hostnames = table.must("hostnames", |c| {
            check_count(c, limits::SELF_SIGNED_NAMES_MAX, "names");
            Some(c.list().iter().filter_map(|c| c.parsed(parse_subject)).collect())
        });
        table.finish();
        Some(Self { hostnames: hostnames? })
    }
}

impl ClientCertificates {
    fn of(table: &mut Table<'_>) -> Option<Self> {
        let demands = [("required", Demand::Required), ("optional", Demand::Optional)];
        if !table.has("root") {
            let hint = Some("`root` says whom they come from".to_owned());
            table.refuse("clientCertificate", "clients' certificates need a `root`", hint);
        }
        let root = table.maybe("root", FilePath::read);
        let demand = table.or("clientCertificate", Demand::Required, |c| c.word(&demands, &[]));
        Some(Self { root: root?, demand })
    }
}

impl Negotiation {
    /// What this listener negotiates under the policies of the frontend.
    pub fn under(&self, frontend: &Self) -> Self {
        Self {
            min_version: frontend.min_version.or(self.min_version),
            max_version: frontend.max_version.or(self.max_version),
            cipher_suites: first_of(&frontend.cipher_suites, &self.cipher_suites),
            key_exchange_groups: first_of(&frontend.key_exchange_groups, &self.key_exchange_groups),
        }
    }

    /// The lowest and the highest version.
    pub fn versions(&self) -> (TlsVersion, TlsVersion) {
        let (min, max) = (self.min_version, self.max_version);
        (min.unwrap_or(TlsVersion::V1_2), max.unwrap_or(TlsVersion::V1_3))
    }

    pub fn suites(&self) -> &[CipherSuite] {
        match self.cipher_suites.is_empty() {
            true => &CipherSuite::DEFAULT,
            false => &self.cipher_suites,
        }
    }

    pub fn groups(&self) -> &[KeyExchangeGroup] {
        match self.key_exchange_groups.is_empty() {
            true => &KeyExchangeGroup::DEFAULT,
            false => &self.key_exchange_groups,
        }
    }

    /// To be checked once the policies of the frontend are known too.
    pub fn note(&self, mark: Mark, cursor: &Cursor<'_>) {
        let written = self.clone();
        cursor.session().note(|ledger| ledger.negotiations.push((written, mark)));
    }

    /// Why no handshake could succeed.
    pub fn check(&self) -> Result<(), String> {
        let (min, max) = self.versions();
        if min > max {
            return Err("the lowest TLS version is above the highest".to_owned());
        }
        let usable = |suite: &CipherSuite| (min..=max).contains(&suite.version());
        match self.suites().iter().any(usable) {
            true => Ok(()),
            false => Err("none of the cipher suites is of a TLS version in use".to_owned()),
        }
    }
}

impl TlsVersion {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if let old @ ("TLS_V1_0" | "TLS_V1_1") = cursor.text()? {
            let message = format!("`{old}` is forbidden by RFC 8996");
            cursor.fail_hint(&message, "one of TLS_V1_2, TLS_V1_3");
            return None;
        }
        cursor.word(&[("TLS_V1_2", Self::V1_2), ("TLS_V1_3", Self::V1_3)], &[])
    }
}

impl CipherSuite {
    pub const DEFAULT: [Self; 6] = [
        Self::Aes256GcmSha384,
        Self::Aes128GcmSha256,
        Self::EcdheEcdsaAes256GcmSha384,
        Self::EcdheEcdsaAes128GcmSha256,
        Self::EcdheRsaAes256GcmSha384,
        Self::EcdheRsaAes128GcmSha256,
    ];

    const WORDS: [(&'static str, Self); 9] = [
        ("TLS_AES_256_GCM_SHA384", Self::Aes256GcmSha384),
        ("TLS_AES_128_GCM_SHA256", Self::Aes128GcmSha256),
        ("TLS_CHACHA20_POLY1305_SHA256", Self::Chacha20Poly1305Sha256),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Self::EcdheEcdsaAes256GcmSha384),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Self::EcdheEcdsaAes128GcmSha256),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Self::EcdheEcdsaChacha20Poly1305Sha256),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Self::EcdheRsaAes256GcmSha384),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Self::EcdheRsaAes128GcmSha256),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Self::EcdheRsaChacha20Poly1305Sha256),
    ];

    /// Of rustls and of OpenSSL.
    const OTHER_WORDS: [(&'static str, Self); 9] = [
        ("TLS13_AES_256_GCM_SHA384", Self::Aes256GcmSha384),
        ("TLS13_AES_128_GCM_SHA256", Self::Aes128GcmSha256),
        ("TLS13_CHACHA20_POLY1305_SHA256", Self::Chacha20Poly1305Sha256),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", Self::EcdheEcdsaAes256GcmSha384),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", Self::EcdheEcdsaAes128GcmSha256),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", Self::EcdheEcdsaChacha20Poly1305Sha256),
        ("ECDHE-RSA-AES256-GCM-SHA384", Self::EcdheRsaAes256GcmSha384),
        ("ECDHE-RSA-AES128-GCM-SHA256", Self::EcdheRsaAes128GcmSha256),
        ("ECDHE-RSA-CHACHA20-POLY1305", Self::EcdheRsaChacha20Poly1305Sha256),
    ];

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let written = cursor.text()?;
        let other = Self::OTHER_WORDS.iter().find(|(word, _)| *word == written);
        other.map(|(_, suite)| *suite).or_else(|| cursor.word(&Self::WORDS, &[]))
    }

    /// As in the registry of RFC 8446 and RFC 5289.
    pub fn name(self) -> &'static str {
        let named = Self::WORDS.iter().find(|(_, suite)| *suite == self);
        named.map(|(name, _)| *name).expect("every suite has a name")
    }

    /// A suite of TLS 1.3 is none of TLS 1.2, and the other way round.
    pub const fn version(self) -> TlsVersion {
        match self {
            Self::Aes256GcmSha384 | Self::Aes128GcmSha256 | Self::Chacha20Poly1305Sha256 => {
                TlsVersion::V1_3
            }
            _ => TlsVersion::V1_2,
        }
    }
}

impl Serialize for CipherSuite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl KeyExchangeGroup {
    pub const DEFAULT: [Self; 4] = [Self::X25519, Self::P256, Self::P384, Self::X25519MlKem768];

    const WORDS: [(&'static str, Self); 4] = [
        ("X25519", Self::X25519),
        ("P-256", Self::P256),
        ("P-384", Self::P384),
        ("X25519_MLKEM768", Self::X25519MlKem768),
    ];

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.word(&Self::WORDS, &[])
    }

    pub fn name(self) -> &'static str {
        let named = Self::WORDS.iter().find(|(_, group)| *group == self);
        named.map(|(name, _)| *name).expect("every group has a name")
    }
}

impl Serialize for KeyExchangeGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// An empty list counts as not written, as in agentgateway.
fn first_of<T: Clone>(first: &[T], second: &[T]) -> Vec<T> {
    if first.is_empty() { second.to_vec() } else { first.to_vec() }
}

fn read_pairs(cursor: &Cursor<'_>) -> Option<Identity> {
    check_count(cursor, limits::CERTIFICATES_PER_LISTENER_MAX, "certificates");
    let certificates = cursor.list().iter().filter_map(KeyPair::read).collect();
    Some(Identity::Several { certificates })
}

/// What a certificate may be for: a name, `*.suffix` or an address.
fn parse_subject(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    if text.parse::<IpAddr>().is_err() {
        scalar::check_name(name)?;
    }
    Ok(text.to_ascii_lowercase())
}

/// For a list that is written, one at least.
pub fn check_count(cursor: &Cursor<'_>, most: usize, what: &str) {
    let count = if cursor.is_list() { cursor.list().len() } else { 1 };
    if !(1..=most).contains(&count) {
        cursor.fail(&format!("{count} {what} are not in 1 to {most}"));
    }
}

#[cfg(test)]
mod tests;
