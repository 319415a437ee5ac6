//! A WebSocket that sends each message back: the handshake's proof, and frames out of bytes.
//! Fragments come back as fragments; a ping is answered, a close is returned and ends it.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::request::Request;
use super::socket::{READ_BYTES, Socket};

/// What the server has to show for a key, if this request asks for a WebSocket.
pub(super) fn accept(request: Request<'_>) -> Option<String> {
    let upgrade = request.field("upgrade")?;
    if !upgrade.eq_ignore_ascii_case("websocket") {
        return None;
    }
    let key = request.field("sec-websocket-key")?;
    let proof = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    Some(STANDARD.encode(proof))
}

/// Until the peer says close, or ends without it.
pub(super) async fn echo(socket: &mut Socket, mut input: Vec<u8>) -> io::Result<()> {
    loop {
        let mut out = Vec::new();
        let mut taken = 0;
        let mut closed = false;
        while !closed {
            let Some((frame, bytes)) = Frame::parse(&input[taken..])? else { break };
            taken += bytes;
            closed = frame.opcode == CLOSE;
            frame.answer(&mut out);
        }
        input.drain(..taken);
        if !out.is_empty() {
            socket.write_all(out.into()).await?;
        }
        if closed {
            return Ok(());
        }
        let (result, back) = socket.read(input, READ_BYTES).await;
        input = back;
        if result? == 0 {
            return Ok(());
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Frame {
    fin: bool,
    opcode: u8,
    payload: Vec<u8>,
}

impl Frame {
    /// A whole frame of a client, unmasked, and the bytes that it took.
    fn parse(input: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let &[first, second, ..] = input else { return Ok(None) };
        if second & MASKED == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an unmasked frame"));
        }
        let (length, at) = match second & 0x7F {
            126 => {
                let Some(bytes) = input.get(2..4) else { return Ok(None) };
                (u64::from(u16::from_be_bytes([bytes[0], bytes[1]])), 4)
            }
            127 => {
                let Some(bytes) = input.get(2..10) else { return Ok(None) };
                let bytes: [u8; 8] = bytes.try_into().expect("eight of them");
                (u64::from_be_bytes(bytes), 10)
            }
            short => (u64::from(short), 2),
        };
        if length > FRAME_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame too long"));
        }
        let (begin, end) = (at + 4, at + 4 + length as usize);
        if input.len() < end {
            return Ok(None);
        }
        let mask = &input[at..begin];
        let unmasked = input[begin..end].iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]);
        let frame =
            Self { fin: first & FIN != 0, opcode: first & 0x0F, payload: unmasked.collect() };
        Ok(Some((frame, end)))
    }

    fn answer(&self, out: &mut Vec<u8>) {
        let opcode = match self.opcode {
            PING => PONG,
            PONG => return,
            other => other,
        };
        out.push(opcode | if self.fin { FIN } else { 0 });
        match self.payload.len() {
            length @ 0..126 => out.push(length as u8),
            length @ 126..65536 => {
                out.push(126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&self.payload);
    }
}

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FRAME_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests;
