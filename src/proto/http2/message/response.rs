//! Responses, RFC 9113 section 8.3.2. Owns no state.

use super::text;
use super::{Answer, BadHead, Body, Malformed, RequestKind, RequestShape, ResponseShape, rules};
use crate::base::buffer::Buffer;
use crate::proto::header;
use crate::proto::http1::{FieldName, encode};
use crate::proto::http2::fields::Fields;
use crate::proto::http2::hpack::{Encoder, Indexing};

/// Encodes the head of a response: the text up to its empty line. The 101 that opens a WebSocket
/// becomes the 200 of an extended CONNECT, RFC 8441 section 5.
pub fn response_fields(
    head: &[u8],
    asked: &RequestShape,
    encoder: &mut Encoder,
    out: &mut Vec<u8>,
) -> Result<ResponseShape, BadHead> {
    let (line, lines) = text::start_line(head).ok_or(BadHead)?;
    let websocket = asked.kind == RequestKind::WebSocket;
    let status = match status_of_line(line).ok_or(BadHead)? {
        101 if websocket => 200,
        // Only a protocol that was asked for can be switched to.
        101 => return Err(BadHead),
        // A 2xx is no answer to an upgrade, and would open a tunnel that nobody is at the end of.
        200..300 if websocket => return Err(BadHead),
        status => status,
    };
    let answer = asked.answer(status);
    encoder.begin(out);
    encoder.status(status, out);
    let mut body = if answer == Answer::WithBody { Body::UntilClose } else { Body::None };
    let mut closes = false;
    for (name, value) in lines {
        match name.id {
            FieldName::ContentLength => {
                let Some(length) = rules::decimal(value) else { continue };
                if answer.has_length() {
                    encoder.named(name, value, Indexing::ByName, out);
                }
                if answer == Answer::WithBody {
                    body = Body::Length(length);
                }
            }
            FieldName::TransferEncoding if answer == Answer::WithBody => body = Body::Chunked,
            FieldName::Connection => closes |= header::lists(value, b"close"),
            id if id.is_hop_by_hop() => {}
            FieldName::Other if websocket && name.is(b"sec-websocket-accept") => {}
            _ => encoder.named(name, value, Indexing::ByName, out),
        }
    }
    if answer == Answer::Tunnel {
        body = Body::Tunnel;
    }
    Ok(ResponseShape { status, interim: answer == Answer::Interim, body, closes })
}

/// `HTTP/1.x SP status`, whatever the reason is.
fn status_of_line(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?.get("1 ".len()..)?;
    let (digits, reason) = rest.split_first_chunk::<3>()?;
    if matches!(reason.first(), None | Some(b' ')) { status(digits) } else { None }
}

/// Three digits that are a status, RFC 9110 section 15. What is above 599 is for the client to make
/// a 5xx of, as it is where HTTP/1.1 is spoken.
fn status(digits: &[u8]) -> Option<u16> {
    let [hundreds, rest @ ..] = digits else { return None };
    if digits.len() != 3 || !matches!(hundreds, b'1'..=b'9') {
        return None;
    }
    rest.iter().try_fold(u16::from(hundreds - b'0'), |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + u16::from(digit - b'0'))
    })
}

/// Writes the head of a response, with its empty line. `end_stream`: no body follows.
/// `websocket_accept` is the `Sec-WebSocket-Accept` that belongs to the key of the request: what a
/// 2xx to an extended CONNECT does not have, and the 101 that it becomes must have. On an error
/// nothing is written.
pub fn response_text(
    fields: &Fields,
    end_stream: bool,
    asked: &RequestShape,
    websocket_accept: &[u8],
    out: &mut Buffer,
) -> Result<ResponseShape, Malformed> {
    let start = out.len();
    let shape = write_response(fields, end_stream, asked, websocket_accept, out);
    if shape.is_err() {
        out.truncate(start);
    }
    shape
}

fn write_response(
    fields: &Fields,
    end_stream: bool,
    asked: &RequestShape,
    websocket_accept: &[u8],
    out: &mut Buffer,
) -> Result<ResponseShape, Malformed> {
    let status = read_status(fields)?;
    let answer = asked.answer(status);
    if answer == Answer::Interim && end_stream {
        return Err(Malformed::InterimEnds);
    }
    let opened = answer == Answer::Tunnel && asked.kind == RequestKind::WebSocket;
    let status = if opened { 101 } else { status };
    encode::status_line(out, status);
    let mut length = rules::Length(None);
    for (id, name, value) in fields.known().skip(1) {
        match rules::field(id, name, value)? {
            FieldName::ContentLength => length.take(value)?,
            FieldName::Te => return Err(Malformed::ConnectionSpecific),
            _ if opened && name == b"sec-websocket-accept" => {}
            _ => rules::put(out, name, value),
        }
    }
    if opened {
        out.put(b"Connection: upgrade\r\nUpgrade: websocket\r\n");
        rules::put(out, b"Sec-WebSocket-Accept", websocket_accept);
    }
    let body = put_length(answer, length, end_stream, out)?;
    out.put(encode::END);
    Ok(ResponseShape { status, interim: answer == Answer::Interim, body, closes: false })
}

/// How the body is told.
fn put_length(
    answer: Answer,
    length: rules::Length,
    end_stream: bool,
    out: &mut Buffer,
) -> Result<Body, Malformed> {
    match (answer, length.0) {
        (Answer::Tunnel, _) => Ok(Body::Tunnel),
        (Answer::Interim | Answer::Empty, _) => Ok(Body::None),
        (Answer::Described, _) => {
            length.put(out);
            Ok(Body::None)
        }
        (Answer::WithBody, Some(bytes)) if end_stream && bytes > 0 => Err(Malformed::LengthDiffers),
        (Answer::WithBody, Some(bytes)) => {
            length.put(out);
            Ok(if end_stream { Body::None } else { Body::Length(bytes) })
        }
        // Without a word about it the body would last until the text ends.
        (Answer::WithBody, None) if end_stream => {
            encode::content_length(out, 0);
            Ok(Body::None)
        }
        (Answer::WithBody, None) => {
            out.put(encode::TRANSFER_ENCODING_CHUNKED);
            Ok(Body::Chunked)
        }
    }
}

/// `:status` is the first field, and no other pseudo-header field is there; one that comes later
/// is found with the fields.
fn read_status(fields: &Fields) -> Result<u16, Malformed> {
    let mut pseudo = fields.iter().take_while(|(name, _)| name.first() == Some(&b':'));
    let (name, value) = pseudo.next().ok_or(Malformed::MissingPseudo)?;
    let only_status = |name: &[u8]| name == b":status";
    if !only_status(name) {
        return Err(Malformed::UnknownPseudo);
    }
    if let Some((name, _)) = pseudo.next() {
        let repeated = only_status(name);
        return Err(if repeated { Malformed::RepeatedPseudo } else { Malformed::UnknownPseudo });
    }
    // HTTP/2 has no upgrades, section 8.6.
    status(value).filter(|&status| status != 101).ok_or(Malformed::BadStatus)
}

#[cfg(test)]
mod tests;
