//! Distinguished names as text, RFC 2253: the last part first, and what could be taken for the end
//! of a part escaped, so that no value can pass for another name. ASCII, as OpenSSL writes it: it
//! may stand in a header field. Owns no state.

use std::fmt::Write;

use x509_parser::asn1_rs::ToDer;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// Attribute types that have a short name: section 2.3 of the RFC, and what OpenSSL has beside it.
const SHORT_NAMES: [(&str, &str); 12] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// Empty where the name is.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let parts: Vec<&RelativeDistinguishedName<'_>> = name.iter_rdn().collect();
    for (place, part) in parts.into_iter().rev().enumerate() {
        for (index, attribute) in part.iter().enumerate() {
            match (place, index) {
                (0, 0) => {}
                (_, 0) => out.push(','),
                _ => out.push('+'),
            }
            put(&mut out, attribute);
        }
    }
    out
}

fn put(out: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let kind = attribute.attr_type().to_id_string();
    let short = SHORT_NAMES.iter().find(|(oid, _)| *oid == kind).map(|(_, short)| *short);
    out.push_str(short.unwrap_or(&kind));
    out.push('=');
    match (short, attribute.as_str()) {
        (Some(_), Ok(value)) => escape(out, value),
        // Section 2.4: what is no text, or of an unknown kind, is told byte for byte.
        _ => {
            let der = attribute.attr_value().to_der_vec().unwrap_or_default();
            out.push('#');
            hex(out, &der);
        }
    }
}

/// Section 2.4 of the RFC.
fn escape(out: &mut String, value: &str) {
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.bytes().enumerate() {
        let at_an_end = (at == 0 && b" #".contains(&byte)) || (at == last && byte == b' ');
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            _ if at_an_end => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                out.push('\\');
                let _ = write!(out, "{byte:02X}");
            }
        }
    }
}

/// In lower case, two digits a byte.
pub(super) fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}
