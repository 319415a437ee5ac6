//! Requests, RFC 9113 sections 8.3.1 and 8.5, RFC 8441. Owns no state.

use super::text::{self, Lines};
use super::{BadHead, Body, Malformed, RequestKind, RequestShape, rules};
use crate::base::buffer::Buffer;
use crate::proto::http1::{FieldName, Method, Scheme, encode};
use crate::proto::http2::fields::Fields;
use crate::proto::http2::hpack::{Encoder, Indexing, Name, PseudoName};
use crate::proto::{header, scan, uri};

/// Writes the head of a request, with its empty line. `websocket_key` is the `Sec-WebSocket-Key`
/// that an extended CONNECT gets; without one there is no such thing as `:protocol`, as for a peer
/// that was not told of RFC 8441. `end_stream`: no body follows. On an error, and for a protocol
/// that is not known, nothing is written.
pub fn request_text(
    fields: &Fields,
    end_stream: bool,
    websocket_key: Option<&[u8]>,
    out: &mut Buffer,
) -> Result<RequestShape, Malformed> {
    let start = out.len();
    let shape = write_request(fields, end_stream, websocket_key, out);
    if shape.is_err() {
        out.truncate(start);
    }
    shape
}

fn write_request(
    fields: &Fields,
    end_stream: bool,
    websocket_key: Option<&[u8]>,
    out: &mut Buffer,
) -> Result<RequestShape, Malformed> {
    let pseudo = Pseudo::read(fields)?;
    let kind = pseudo.kind(websocket_key.is_some())?;
    let method_name = pseudo.method.unwrap_or_default();
    let method = match kind {
        RequestKind::WebSocket => Method::Get,
        _ => Method::parse(method_name),
    };
    if kind == RequestKind::UnknownProtocol {
        return Ok(RequestShape { method, kind, body: Body::None });
    }
    let host = pseudo.host(fields)?;
    match kind {
        RequestKind::Connect => encode::request_line(out, method_name, host),
        RequestKind::WebSocket => encode::request_line(out, b"GET", pseudo.path.unwrap_or(b"/")),
        _ => encode::request_line(out, method_name, pseudo.path.unwrap_or(b"/")),
    }
    rules::put(out, b"host", host);
    let mut writer = Writer { out, host, kind, length: rules::Length(None), te: false, hosts: 0 };
    writer.fields(fields, pseudo.count)?;
    if let (RequestKind::WebSocket, Some(key)) = (kind, websocket_key) {
        writer.out.put(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
        rules::put(writer.out, b"Sec-WebSocket-Key", key);
    }
    let body = writer.body(end_stream)?;
    out.put(encode::END);
    Ok(RequestShape { method, kind, body })
}

/// The pseudo-header fields of a request.
#[derive(Default)]
struct Pseudo<'a> {
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    protocol: Option<&'a [u8]>,
    /// How many there are: all of them stand before the other fields.
    count: usize,
}

impl<'a> Pseudo<'a> {
    #[inline]
    fn read(fields: &'a Fields) -> Result<Self, Malformed> {
        let mut pseudo = Self::default();
        for (name, value) in fields.iter().take_while(|(name, _)| name.first() == Some(&b':')) {
            let place = match name {
                b":method" => &mut pseudo.method,
                b":scheme" => &mut pseudo.scheme,
                b":authority" => &mut pseudo.authority,
                b":path" => &mut pseudo.path,
                b":protocol" => &mut pseudo.protocol,
                _ => return Err(Malformed::UnknownPseudo),
            };
            rules::once(place, value)?;
            pseudo.count += 1;
        }
        Ok(pseudo)
    }

    /// Which kind of request this is, when all that it needs is there and nothing else.
    fn kind(&self, extended: bool) -> Result<RequestKind, Malformed> {
        let method = self.method.ok_or(Malformed::MissingPseudo)?;
        if !scan::is_token(method) {
            return Err(Malformed::BadMethod);
        }
        let connect = method == b"CONNECT";
        let kind = match self.protocol {
            Some(_) if !extended => return Err(Malformed::UnknownPseudo),
            Some(_) if !connect => return Err(Malformed::SuperfluousPseudo),
            Some(protocol) if protocol.eq_ignore_ascii_case(b"websocket") => RequestKind::WebSocket,
            Some(protocol) if scan::is_token(protocol) => RequestKind::UnknownProtocol,
            Some(_) => return Err(Malformed::BadValue),
            None if connect => return self.connect(),
            None => RequestKind::Plain,
        };
        let scheme = self.scheme.ok_or(Malformed::MissingPseudo)?;
        if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
            return Err(Malformed::BadScheme);
        }
        let path = self.path.ok_or(Malformed::MissingPseudo)?;
        let asterisk = path == b"*" && method == b"OPTIONS";
        if asterisk || is_origin_form(path) { Ok(kind) } else { Err(Malformed::BadPath) }
    }

    /// Section 8.5: an authority with a port, and nothing else.
    fn connect(&self) -> Result<RequestKind, Malformed> {
        if self.scheme.is_some() || self.path.is_some() {
            return Err(Malformed::SuperfluousPseudo);
        }
        let authority = self.authority.ok_or(Malformed::MissingPseudo)?;
        match uri::split_host_port(authority) {
            Some((_, Some(_))) => Ok(RequestKind::Connect),
            _ => Err(Malformed::BadAuthority),
        }
    }

    /// Whom the request is for, RFC 9113 section 8.3.1: `:authority`, else `host`.
    fn host(&self, fields: &'a Fields) -> Result<&'a [u8], Malformed> {
        let host = || fields.iter().find(|(name, _)| *name == b"host").map(|(_, value)| value);
        let host = self.authority.or_else(host).ok_or(Malformed::NoHost)?;
        if uri::is_authority(host) { Ok(host) } else { Err(Malformed::BadAuthority) }
    }
}

/// What the HTTP/1.1 parser takes for `absolute-path [ "?" query ]`.
fn is_origin_form(path: &[u8]) -> bool {
    let end = scan::path_end(path, 0);
    let end = if path.get(end) == Some(&b'?') { scan::query_end(path, end) } else { end };
    path.first() == Some(&b'/') && end == path.len()
}

/// Writes the fields of a request, and gathers what they say about it.
struct Writer<'a, 'h> {
    out: &'a mut Buffer,
    host: &'h [u8],
    kind: RequestKind,
    length: rules::Length,
    te: bool,
    hosts: usize,
}

impl Writer<'_, '_> {
    fn fields(&mut self, fields: &Fields, pseudo: usize) -> Result<(), Malformed> {
        let mut rest = fields.known().skip(pseudo);
        let mut cookies = false;
        while let Some((id, name, value)) = rest.next() {
            match rules::field(id, name, value)? {
                FieldName::Host => self.host(value)?,
                FieldName::ContentLength => self.length.take(value)?,
                FieldName::Te if value.eq_ignore_ascii_case(b"trailers") => self.te = true,
                FieldName::Te => return Err(Malformed::ConnectionSpecific),
                FieldName::Cookie if cookies => {}
                FieldName::Cookie => {
                    cookies = true;
                    self.cookies(value, rest.clone());
                }
                _ if self.kind == RequestKind::WebSocket && name == b"sec-websocket-key" => {}
                _ => rules::put(self.out, name, value),
            }
        }
        Ok(())
    }

    fn host(&mut self, value: &[u8]) -> Result<(), Malformed> {
        self.hosts += 1;
        if self.hosts > 1 {
            return Err(Malformed::TwoHosts);
        }
        let same = value.eq_ignore_ascii_case(self.host);
        if same { Ok(()) } else { Err(Malformed::HostDiffers) }
    }

    /// Crumbs become one line, section 8.2.3; those in `rest` are checked when it is their turn.
    fn cookies<'a>(
        &mut self,
        first: &[u8],
        rest: impl Iterator<Item = (FieldName, &'a [u8], &'a [u8])>,
    ) {
        self.out.put(b"cookie: ");
        self.out.put(first);
        for (_, _, crumb) in rest.filter(|(_, name, _)| *name == b"cookie") {
            self.out.put(b"; ");
            self.out.put(crumb);
        }
        self.out.put(b"\r\n");
    }

    /// How the body is told.
    fn body(self, end_stream: bool) -> Result<Body, Malformed> {
        if self.te {
            self.out.put(b"te: trailers\r\n");
        }
        let tunnel = self.kind != RequestKind::Plain;
        match self.length.0 {
            Some(length) if length > 0 && (end_stream || tunnel) => Err(Malformed::LengthDiffers),
            _ if tunnel => Ok(Body::Tunnel),
            Some(length) => {
                self.length.put(self.out);
                Ok(if end_stream { Body::None } else { Body::Length(length) })
            }
            None if end_stream => Ok(Body::None),
            None => {
                self.out.put(encode::TRANSFER_ENCODING_CHUNKED);
                Ok(Body::Chunked)
            }
        }
    }
}

/// Encodes the head of a request that goes to an HTTP/2 endpoint. `extended_connect`: the endpoint
/// has said that it knows RFC 8441; without it the wish for a WebSocket is dropped, as any server
/// may ignore an `Upgrade`.
pub fn request_fields(
    head: &[u8],
    scheme: Scheme,
    extended_connect: bool,
    encoder: &mut Encoder,
    out: &mut Vec<u8>,
) -> Result<RequestShape, BadHead> {
    let (line, lines) = text::start_line(head).ok_or(BadHead)?;
    let (method_name, target) = request_line(line).ok_or(BadHead)?;
    let told = Told::read(lines.clone(), extended_connect);
    let method = Method::parse(method_name);
    let kind = match method {
        Method::Connect => RequestKind::Connect,
        Method::Get if extended_connect && told.websocket => RequestKind::WebSocket,
        _ => RequestKind::Plain,
    };
    let origin_form = is_origin_form(target) || (target == b"*" && method == Method::Options);
    if kind != RequestKind::Connect && !origin_form {
        return Err(BadHead);
    }
    encoder.begin(out);
    let method_name = if kind == RequestKind::WebSocket { b"CONNECT" } else { method_name };
    encoder.pseudo(PseudoName::Method, method_name, out);
    let host = if kind == RequestKind::Connect { target } else { told.host.unwrap_or_default() };
    if !host.is_empty() {
        encoder.pseudo(PseudoName::Authority, host, out);
    }
    if kind != RequestKind::Connect {
        let scheme: &[u8] = if scheme == Scheme::Https { b"https" } else { b"http" };
        encoder.pseudo(PseudoName::Scheme, scheme, out);
        encoder.path(target, out);
    }
    if kind == RequestKind::WebSocket {
        encoder.pseudo(PseudoName::Protocol, b"websocket", out);
    }
    let body = put_fields(lines, kind, |name, value| {
        encoder.named(name, value, Indexing::ByName, out);
    });
    Ok(RequestShape { method, kind, body })
}

/// The regular fields of a request, and what they say about its body.
fn put_fields(lines: Lines<'_>, kind: RequestKind, mut put: impl FnMut(Name<'_>, &[u8])) -> Body {
    let tunnel = kind != RequestKind::Plain;
    let mut body = if tunnel { Body::Tunnel } else { Body::None };
    for (name, value) in lines {
        match name.id {
            FieldName::Other if tunnel && name.is(b"sec-websocket-key") => {}
            FieldName::Te if header::lists(value, b"trailers") => put(name, b"trailers"),
            FieldName::TransferEncoding if !tunnel => body = Body::Chunked,
            FieldName::ContentLength if !tunnel => {
                let Some(length) = rules::decimal(value) else { continue };
                body = Body::Length(length);
                put(name, value);
            }
            FieldName::ContentLength | FieldName::Host => {}
            id if id.is_hop_by_hop() => {}
            _ => put(name, value),
        }
    }
    body
}

/// What has to be known before the first field is encoded.
#[derive(Default)]
struct Told<'a> {
    host: Option<&'a [u8]>,
    websocket: bool,
}

impl<'a> Told<'a> {
    /// `upgrades`: whether it matters if a WebSocket is asked for.
    fn read(lines: Lines<'a>, upgrades: bool) -> Self {
        let mut told = Self::default();
        for (name, value) in lines {
            match name.id {
                FieldName::Host => told.host = Some(value),
                FieldName::Upgrade => told.websocket = value.eq_ignore_ascii_case(b"websocket"),
                _ => {}
            }
            // Our encoder writes the host first.
            if told.host.is_some() && !upgrades {
                break;
            }
        }
        told
    }
}

/// Method and target of `method SP target SP version`.
fn request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let method_end = scan::token_end(line, 0);
    let target_end = line.len().checked_sub(" HTTP/1.1".len())?;
    let target = line.get(method_end + 1..target_end)?;
    let clean = method_end > 0 && !target.is_empty() && !target.contains(&b' ');
    (clean && line[method_end] == b' ' && line[target_end..].starts_with(b" HTTP/1."))
        .then_some((&line[..method_end], target))
}

#[cfg(test)]
mod tests;
