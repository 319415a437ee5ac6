//! Certificates that nobody vouches for, for trying things out: made in memory, kept nowhere. Owns
//! no state: whoever asks keeps what it got.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::certificate::{Certificate, Pem, SettingsError};
use crate::limits::{SELF_SIGNED_AGE_DAYS, SELF_SIGNED_DAYS};

/// A new key (ECDSA P-256) with a certificate for `names`: hostnames, `*.suffix` and addresses.
///
/// # Errors
/// A name that no certificate can have.
pub fn self_signed(names: &[String]) -> Result<Certificate, SettingsError> {
    let rejected =
        |error: rcgen::Error| SettingsError::Rejected { reason: error.to_string().into() };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(rejected)?;
    let mut params = CertificateParams::new(names).map_err(rejected)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, "ringway self-signed");
    let (now, days) = (SystemTime::now(), |count| Duration::from_secs(count * 24 * 3600));
    // Clocks of clients may be behind ours.
    params.not_before = (now - days(SELF_SIGNED_AGE_DAYS)).into();
    params.not_after = (now + days(SELF_SIGNED_DAYS)).into();
    let chain = params.self_signed(&key).map_err(rejected)?.pem();
    let key = key.serialize_pem();
    let pem = |text| Pem { name: "selfSigned", bytes: text };
    Certificate::load(pem(chain.as_bytes()), pem(key.as_bytes()))
}
