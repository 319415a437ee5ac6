//! Who a certificate names: for routing, logs and rules. Parsed once a connection, from a
//! certificate that was verified before or that is our own. Refuses to judge it. Owns no state.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::limits::TLS_IDENTITY_NAMES_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The distinguished name, as `CN=a, O=b`. Empty where the certificate has none.
    pub subject: Box<str>,
    /// Subject alternative names, RFC 5280 section 4.2.1.6, as many as are read.
    pub dns_names: Vec<Box<str>>,
    pub uris: Vec<Box<str>>,
    pub emails: Vec<Box<str>>,
    pub addresses: Vec<IpAddr>,
    /// Seconds since 1970. A resumed session is not verified again: who cares looks here.
    pub not_before_seconds: i64,
    pub not_after_seconds: i64,
}

impl Identity {
    pub fn parse(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let validity = parsed.validity();
        let mut identity = Self {
            subject: parsed.subject().to_string().into(),
            dns_names: Vec::new(),
            uris: Vec::new(),
            emails: Vec::new(),
            addresses: Vec::new(),
            not_before_seconds: validity.not_before.timestamp(),
            not_after_seconds: validity.not_after.timestamp(),
        };
        let names = parsed.subject_alternative_name().ok()?;
        let names = names.iter().flat_map(|extension| &extension.value.general_names);
        names.take(TLS_IDENTITY_NAMES_MAX).for_each(|name| identity.add(name));
        Some(identity)
    }

    /// The SPIFFE id: such a certificate has one URI and no second (X509-SVID, section 2).
    pub fn spiffe_id(&self) -> Option<&str> {
        match &self.uris[..] {
            [uri] if uri.starts_with("spiffe://") => Some(uri),
            _ => None,
        }
    }

    /// All alternative names as text, in the order of their kinds.
    pub fn alternative_names(&self) -> impl Iterator<Item = &str> {
        self.dns_names.iter().chain(&self.uris).chain(&self.emails).map(AsRef::as_ref)
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::DNSName(name) => self.dns_names.push((*name).into()),
            GeneralName::URI(uri) => self.uris.push((*uri).into()),
            GeneralName::RFC822Name(email) => self.emails.push((*email).into()),
            GeneralName::IPAddress(bytes) => self.addresses.extend(address(bytes)),
            _ => {}
        }
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
