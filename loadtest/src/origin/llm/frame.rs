//! Frames of the AWS event stream: two lengths and their checksum, headers, a payload, and a
//! checksum of all of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

pub(super) fn event(name: &str, payload: &[u8]) -> Vec<u8> {
    let headers =
        [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
    encode(&headers, payload)
}

/// An event of Server-Sent Events as Bedrock frames those of a model's own dialect.
pub(super) fn chunk(event: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(event);
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    let payload = json!({ "bytes": STANDARD.encode(data), "p": "abcdefgh" });
    self::event("chunk", payload.to_string().as_bytes())
}

pub(super) fn exception(name: &str, payload: &[u8]) -> Vec<u8> {
    let headers = [
        (":exception-type", name),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    encode(&headers, payload)
}

fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(u8::try_from(name.len()).expect("our names are short"));
        encoded.extend_from_slice(name.as_bytes());
        encoded.push(STRING);
        let length = u16::try_from(value.len()).expect("our values are short");
        encoded.extend_from_slice(&length.to_be_bytes());
        encoded.extend_from_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).expect("our frames are short").to_be_bytes();
    let mut frame = Vec::with_capacity(AROUND + encoded.len() + payload.len());
    frame.extend_from_slice(&length(AROUND + encoded.len() + payload.len()));
    frame.extend_from_slice(&length(encoded.len()));
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame.extend_from_slice(&encoded);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame
}

/// Of IEEE 802.3, reflected.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(u32::MAX, |crc, byte| (crc >> 8) ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

const STRING: u8 = 7;
/// Lengths and checksums.
const AROUND: usize = 16;

#[cfg(test)]
mod tests;
