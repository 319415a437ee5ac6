//! Who a certificate names: for routing, logs and rules. Parsed once a connection, from a
//! certificate that was verified before or that is our own. Refuses to judge it. Owns no state.
//!
//! Bounded: so many names, each of so many bytes. What is longer, or what no such name may contain,
//! is left out as a whole: half of a name would be somebody else's.
//!
//! What agentgateway's expressions call `source.subject`, `.issuer`, `.subjectCn`,
//! `.subjectAltNames`, `.spiffeId` and `.identity` is here `subject`, `issuer`, `common_name`,
//! `alternative_names`, `spiffe_id` and `workload`. Distinguished names differ from its own: it
//! writes `CN=a, O=b` and escapes nothing, so that a comma in a name makes it another.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::distinguished_name;
use crate::limits::{
    TLS_IDENTITY_NAMES_MAX, TLS_IDENTITY_SERIAL_BYTES_MAX, TLS_IDENTITY_TEXT_BYTES_MAX,
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The distinguished name, as `O=b,CN=a` (RFC 2253, ASCII). Empty where the certificate has
    /// none.
    pub subject: Box<str>,
    /// The first common name of the subject, as it is.
    pub common_name: Option<Box<str>>,
    /// Who says so, written like the subject.
    pub issuer: Box<str>,
    /// The number that the issuer gave it, hexadecimal in lower case.
    pub serial: Box<str>,
    /// SHA-256 of the whole certificate, hexadecimal in lower case.
    pub fingerprint: Box<str>,
    /// Subject alternative names, RFC 5280 section 4.2.1.6, as many as are read. Printable ASCII.
    pub dns_names: Vec<Box<str>>,
    pub uris: Vec<Box<str>>,
    pub emails: Vec<Box<str>>,
    pub addresses: Vec<IpAddr>,
    /// Whether the certificate has more URIs than those above.
    pub more_uris: bool,
    /// Seconds since 1970. A resumed session is not verified again: who cares looks here.
    pub not_before_seconds: i64,
    pub not_after_seconds: i64,
}

/// The parts of a SPIFFE id in the form of Istio: `spiffe://<domain>/ns/<namespace>/sa/<account>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload<'a> {
    pub trust_domain: &'a str,
    pub namespace: &'a str,
    pub service_account: &'a str,
}

impl Identity {
    pub fn parse(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let validity = parsed.validity();
        let common_name = parsed.subject().iter_common_name().next();
        let common_name = common_name.and_then(|name| name.as_str().ok()).filter(|name| fits(name));
        let mut identity = Self {
            subject: text(parsed.subject()),
            common_name: common_name.map(Into::into),
            issuer: text(parsed.issuer()),
            serial: serial(parsed.raw_serial()),
            fingerprint: hex(digest(&SHA256, certificate).as_ref()),
            not_before_seconds: validity.not_before.timestamp(),
            not_after_seconds: validity.not_after.timestamp(),
            ..Self::default()
        };
        let names = parsed.subject_alternative_name().ok()?;
        let names = names.iter().flat_map(|extension| &extension.value.general_names);
        for (place, name) in names.enumerate() {
            identity.add(name, place < TLS_IDENTITY_NAMES_MAX);
        }
        Some(identity)
    }

    /// The SPIFFE id: such a certificate has one URI and no second (X509-SVID, section 2).
    pub fn spiffe_id(&self) -> Option<&str> {
        match &self.uris[..] {
            [uri] if !self.more_uris && uri.starts_with("spiffe://") => Some(uri),
            _ => None,
        }
    }

    /// What the SPIFFE id says, where it is written as Istio does.
    pub fn workload(&self) -> Option<Workload<'_>> {
        let mut parts = self.spiffe_id()?.strip_prefix("spiffe://")?.split('/');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let trust_domain = next()?;
        let namespace = (next()? == "ns").then(&mut next)??;
        let service_account = (next()? == "sa").then(&mut next)??;
        parts.next().is_none().then_some(Workload { trust_domain, namespace, service_account })
    }

    /// All alternative names as text, in the order of their kinds; addresses apart.
    pub fn alternative_names(&self) -> impl Iterator<Item = &str> {
        self.dns_names.iter().chain(&self.uris).chain(&self.emails).map(AsRef::as_ref)
    }

    /// At `now_seconds` since 1970.
    pub fn has_expired(&self, now_seconds: i64) -> bool {
        now_seconds > self.not_after_seconds
    }

    fn add(&mut self, name: &GeneralName<'_>, is_read: bool) {
        match name {
            GeneralName::DNSName(name) if is_read => self.dns_names.extend(printable(name)),
            GeneralName::URI(uri) => match printable(uri).filter(|_| is_read) {
                Some(uri) => self.uris.push(uri),
                None => self.more_uris = true,
            },
            GeneralName::RFC822Name(email) if is_read => self.emails.extend(printable(email)),
            GeneralName::IPAddress(bytes) if is_read => self.addresses.extend(address(bytes)),
            _ => {}
        }
    }
}

fn text(name: &X509Name<'_>) -> Box<str> {
    let text = distinguished_name::text(name);
    if fits(&text) { text.into() } else { Box::default() }
}

fn fits(text: &str) -> bool {
    text.len() <= TLS_IDENTITY_TEXT_BYTES_MAX
}

/// No kind of these names has a space, or a byte that could end a line; nor is one empty.
fn printable(name: &str) -> Option<Box<str>> {
    let is_good = fits(name) && name.bytes().all(|byte| byte.is_ascii_graphic());
    (is_good && !name.is_empty()).then(|| name.into())
}

/// Without the zero that keeps it from being negative.
fn serial(bytes: &[u8]) -> Box<str> {
    let bytes = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        bytes => bytes,
    };
    if bytes.len() > TLS_IDENTITY_SERIAL_BYTES_MAX { Box::default() } else { hex(bytes) }
}

fn hex(bytes: &[u8]) -> Box<str> {
    let mut out = String::with_capacity(2 * bytes.len());
    distinguished_name::hex(&mut out, bytes);
    out.into()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
