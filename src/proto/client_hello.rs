//! What a client asks for before TLS begins: the name (SNI, RFC 6066 section 3) and the protocols
//! (ALPN, RFC 7301) of a ClientHello, read without answering it. RFC 8446 sections 4.1.2 and 5.1,
//! RFC 5246 section 7.4.1.2.
//!
//! Reads only what routing needs, and skips the rest by its length. Refuses what two parsers could
//! read in two ways (a second name, a second extension of a kind, lengths that do not add up), for
//! the server behind must not see another name than the one that was routed by. Owns no state, and
//! allocates nothing: a hello in several records is read across their heads where it lies.

mod reader;

use std::net::IpAddr;

use self::reader::{Fault, Message};
use super::Parsed;
use crate::limits::{CLIENT_HELLO_BYTES_MAX, HOSTNAME_BYTES_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientHelloError {
    /// No TLS record of a handshake, or of no known version.
    NotTls,
    /// A handshake, and it does not begin with a ClientHello.
    NotAClientHello,
    /// More than `CLIENT_HELLO_BYTES_MAX`.
    Oversized,
    /// Lengths that do not fit into each other.
    BadLength,
    /// One kind of extension twice, RFC 8446 section 4.2.
    TwoExtensions,
    /// A name that is no hostname, or two of them.
    BadName,
    BadProtocols,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello {
    name: Name,
    protocols: ProtocolList,
    /// Bytes of the input that the hello takes, record heads included.
    pub len: usize,
}

/// Names of protocols, in the client's order of preference, as many as were known or have room.
const PROTOCOL_BYTES_MAX: usize = 64;

/// The list of protocols as it was sent: each behind a byte for its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ProtocolList {
    bytes: [u8; PROTOCOL_BYTES_MAX],
    len: u8,
}

/// A hostname in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    bytes: [u8; HOSTNAME_BYTES_MAX],
    len: u8,
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const PROTOCOLS: u16 = 16;
const RANDOM_BYTES: usize = 32;
const SESSION_ID_BYTES_MAX: usize = 32;
/// Real clients send about 20 kinds, and GREASE of two.
const EXTENSIONS_MAX: usize = 64;

/// Reads the ClientHello at the front of `input`.
///
/// # Errors
/// Why this is none.
pub fn parse(input: &[u8]) -> Result<Parsed<ClientHello>, ClientHelloError> {
    // No more is looked at than whoever feeds it byte by byte would have shown.
    let input = &input[..input.len().min(CLIENT_HELLO_BYTES_MAX)];
    let mut message = Message::new(input);
    match hello(&mut message) {
        Ok(hello) => Ok(Parsed::Complete(hello)),
        Err(Fault::Bad(error)) => Err(error),
        Err(Fault::Short) if input.len() == CLIENT_HELLO_BYTES_MAX => {
            Err(ClientHelloError::Oversized)
        }
        Err(Fault::Short) => Ok(Parsed::Partial),
    }
}

impl ClientHello {
    /// The hostname that the client asks for, in lower case and without a dot at its end.
    pub fn server_name(&self) -> Option<&str> {
        let name = &self.name.bytes[..usize::from(self.name.len)];
        let name = std::str::from_utf8(name).expect("a hostname was checked to be ASCII");
        (!name.is_empty()).then_some(name)
    }

    /// The protocols that the client speaks, in its order of preference; the first
    /// `PROTOCOL_BYTES_MAX` bytes of the list. GREASE is left out.
    pub fn protocols(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.protocols.bytes[..usize::from(self.protocols.len)];
        std::iter::from_fn(move || {
            let (&len, after) = rest.split_first()?;
            let (name, after) = after.split_at(usize::from(len));
            rest = after;
            Some(name)
        })
    }
}

fn hello(message: &mut Message<'_>) -> Result<ClientHello, Fault> {
    if message.u8()? != CLIENT_HELLO {
        return Err(Fault::Bad(ClientHelloError::NotAClientHello));
    }
    let bytes = message.u24()?;
    if bytes > CLIENT_HELLO_BYTES_MAX {
        return Err(Fault::Bad(ClientHelloError::Oversized));
    }
    message.enter(bytes);
    message.skip(2 + RANDOM_BYTES)?;
    let session_id = usize::from(message.u8()?);
    if session_id > SESSION_ID_BYTES_MAX {
        return Err(Fault::Bad(ClientHelloError::BadLength));
    }
    message.skip(session_id)?;
    let suites = usize::from(message.u16()?);
    message.skip(suites)?;
    let compressions = usize::from(message.u8()?);
    if suites == 0 || suites % 2 == 1 || compressions == 0 {
        return Err(Fault::Bad(ClientHelloError::BadLength));
    }
    message.skip(compressions)?;
    let mut hello = ClientHello {
        name: Name { bytes: [0; HOSTNAME_BYTES_MAX], len: 0 },
        protocols: ProtocolList { bytes: [0; PROTOCOL_BYTES_MAX], len: 0 },
        len: 0,
    };
    // A client of TLS 1.2 may send none at all.
    if message.left() > 0 {
        let bytes = usize::from(message.u16()?);
        if bytes != message.left() {
            return Err(Fault::Bad(ClientHelloError::BadLength));
        }
        extensions(message, &mut hello)?;
    }
    hello.len = message.consumed();
    Ok(hello)
}

fn extensions(message: &mut Message<'_>, hello: &mut ClientHello) -> Result<(), Fault> {
    let mut seen = [0_u16; EXTENSIONS_MAX];
    let mut count = 0;
    while message.left() > 0 {
        let kind = message.u16()?;
        let bytes = usize::from(message.u16()?);
        if seen[..count].contains(&kind) {
            return Err(Fault::Bad(ClientHelloError::TwoExtensions));
        }
        *seen.get_mut(count).ok_or(Fault::Bad(ClientHelloError::Oversized))? = kind;
        count += 1;
        let after = message.left().checked_sub(bytes);
        let after = after.ok_or(Fault::Bad(ClientHelloError::BadLength))?;
        match kind {
            SERVER_NAME => hello.name.read(message, bytes)?,
            PROTOCOLS => hello.protocols.read(message, bytes)?,
            _ => message.skip(bytes)?,
        }
        debug_assert_eq!(message.left(), after, "an extension was read to its end");
    }
    Ok(())
}

impl Name {
    /// RFC 6066 allows a list of names of several kinds; one kind was ever defined, and a list of
    /// more than one is refused by every server in use.
    fn read(&mut self, message: &mut Message<'_>, bytes: usize) -> Result<(), Fault> {
        let bad = Fault::Bad(ClientHelloError::BadName);
        if bytes < 5 {
            return Err(bad);
        }
        let (list, kind, len) = (message.u16()?, message.u8()?, usize::from(message.u16()?));
        if usize::from(list) + 2 != bytes || kind != HOST_NAME || len + 5 != bytes || len == 0 {
            return Err(bad);
        }
        let Some(name) = self.bytes.get_mut(..len) else { return Err(bad) };
        message.read(name)?;
        name.make_ascii_lowercase();
        let name = name.strip_suffix(b".").unwrap_or(name);
        // An address is no name: RFC 6066 forbids it, clients send it, servers overlook it.
        let is_address = std::str::from_utf8(name).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
        if !is_address && !is_hostname(name) {
            return Err(bad);
        }
        self.len = if is_address { 0 } else { name.len() as u8 };
        Ok(())
    }
}

fn is_hostname(name: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut labels = name.split(|&byte| byte == b'.');
    labels.all(|label| (1..=63).contains(&label.len()) && label.iter().all(is_letter))
}

impl ProtocolList {
    fn read(&mut self, message: &mut Message<'_>, bytes: usize) -> Result<(), Fault> {
        let bad = Fault::Bad(ClientHelloError::BadProtocols);
        if bytes < 2 || usize::from(message.u16()?) + 2 != bytes || bytes == 2 {
            return Err(bad);
        }
        let mut left = bytes - 2;
        while left > 0 {
            let len = usize::from(message.u8()?);
            if len == 0 || len >= left {
                return Err(bad);
            }
            left -= 1 + len;
            self.read_one(message, len)?;
        }
        Ok(())
    }

    fn read_one(&mut self, message: &mut Message<'_>, len: usize) -> Result<(), Fault> {
        let start = usize::from(self.len);
        let Some([head, name @ ..]) = self.bytes.get_mut(start..=start + len) else {
            return message.skip(len);
        };
        message.read(name)?;
        if !is_grease(name) {
            *head = len as u8;
            self.len += 1 + len as u8;
        }
        Ok(())
    }
}

/// RFC 8701: two bytes alike, whose low halves are 10.
fn is_grease(name: &[u8]) -> bool {
    matches!(name, [first, second] if first == second && first & 0x0f == 0x0a)
}

#[cfg(test)]
mod tests;
