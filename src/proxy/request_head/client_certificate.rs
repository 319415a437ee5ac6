//! `X-Forwarded-Client-Cert`: whom the client's certificate names, as Envoy tells it. One element,
//! since nobody else's is kept. Its texts are ASCII without line ends already (`Identity`). Owns no
//! state.

use crate::base::buffer::Buffer;
use crate::net::tls::Identity;

pub(super) const NAME: &[u8] = b"x-forwarded-client-cert";

/// Writes the line.
pub(super) fn put(out: &mut Buffer, identity: &Identity) {
    out.put(b"X-Forwarded-Client-Cert: Hash=");
    out.put(identity.fingerprint.as_bytes());
    // RFC 2253 escapes quotes already.
    out.put(b";Subject=\"");
    out.put(identity.subject.as_bytes());
    out.put(b"\"");
    for uri in &identity.uris {
        put_pair(out, b";URI=", uri);
    }
    for name in &identity.dns_names {
        put_pair(out, b";DNS=", name);
    }
    out.put(b"\r\n");
}

/// A value with a character that has a meaning between values goes in quotes, as Envoy reads it. A
/// quote itself is in no host name and no URI: what has one is left out.
fn put_pair(out: &mut Buffer, key: &[u8], value: &str) {
    if value.contains(['"', '\\']) {
        return;
    }
    let quote: &[u8] = if value.contains([',', ';', '=']) { b"\"" } else { b"" };
    for part in [key, quote, value.as_bytes(), quote] {
        out.put(part);
    }
}

#[cfg(test)]
mod tests;
