//! WebSockets: one upgrade a connection, then messages, each of which must be answered by one.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::core::Ticket;
use super::dial::dial;
use super::exam::Exam;
use super::lane::{Lane, Talk};
use super::site::Ask;
use super::stream::Stream;
use crate::outcome::Fault;
use crate::plan::{Check, Statuses};
use crate::wire::frame::{self, Frame, Kind};
use crate::wire::response::{Familiar, Reader, Sink, field};

pub(super) struct WebSocket;

impl Talk for WebSocket {
    async fn open(lane: &mut Lane, target: usize) -> Result<(), Fault> {
        lane.upgraded(target).await
    }

    async fn exchange(lane: &mut Lane, ticket: &Ticket) -> Result<(), Fault> {
        lane.message(ticket).await
    }
}

impl Lane {
    async fn upgraded(&mut self, target: usize) -> Result<(), Fault> {
        let core = Rc::clone(&self.core);
        let ask = &core.site.asks[target];
        let mut stream = Box::pin(dial(&core, self.slot, &core.site.places[ask.place])).await?;
        let deadline = std::time::Instant::now() + core.site.plan.connect_timeout;
        core.watch.arm(self.slot, stream.fd(), deadline);
        let upgraded = Box::pin(self.upgrade(ask, &mut stream)).await;
        let late = core.watch.disarm(self.slot);
        upgraded.map_err(|fault| if late { Fault::ConnectTimeout } else { fault })?;
        self.stream = Some((target, stream));
        self.served = 0;
        Ok(())
    }

    async fn upgrade(&mut self, ask: &Ask, stream: &mut Stream) -> Result<(), Fault> {
        let key = base64(&self.core.fill(|filler| {
            let (high, low) = (filler.random().to_be_bytes(), filler.random().to_be_bytes());
            [high, low].concat()
        }));
        let request = self.core.fill(|filler| {
            let mut text = b"GET ".to_vec();
            ask.path.fill(filler, &mut text);
            let host = ask.url.authority();
            text.extend_from_slice(format!(" HTTP/1.1\r\nHost: {host}\r\n").as_bytes());
            for (name, value) in &ask.headers {
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b": ");
                value.fill(filler, &mut text);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
            text.extend_from_slice(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
            text.extend_from_slice(key.as_bytes());
            text.extend_from_slice(b"\r\n\r\n");
            Bytes::from(text)
        });
        stream.send(request).await.map_err(|error| Fault::io(&error))?;
        let check =
            Check { statuses: Statuses::parse("101").unwrap_or_default(), ..Check::default() };
        let mut sink = Upgrade { exam: Exam::new(&check, None), accept: None };
        let (mut reader, mut familiar) = (Reader::new(true), Familiar::default());
        self.buffer.clear();
        let mut any_byte = false;
        loop {
            if self.read(stream).await? == 0 {
                reader.finish(any_byte)?;
            }
            any_byte = true;
            let step = reader.push(&self.buffer, &mut familiar, &mut sink)?;
            self.buffer.drain(..step.used);
            if step.done {
                break;
            }
        }
        let Upgrade { exam, accept } = sink;
        exam.finish(&self.core)?;
        let sum = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let expected = base64(digest(&SHA1_FOR_LEGACY_USE_ONLY, sum.as_bytes()).as_ref());
        if accept.as_deref() != Some(expected.as_bytes()) {
            return Err(Fault::Header("sec-websocket-accept".to_owned()));
        }
        Ok(())
    }

    async fn message(&mut self, ticket: &Ticket) -> Result<(), Fault> {
        let core = Rc::clone(&self.core);
        let ask = core.ask(ticket);
        let fits = |&(target, _): &(usize, Stream)| target == ticket.target;
        if !self.stream.as_ref().is_some_and(fits) {
            self.stream = None;
            self.upgraded(ticket.target).await?;
        }
        let (target, mut stream) = self.stream.take().expect("it was opened just above");
        core.watch.arm(self.slot, stream.fd(), core.answer_deadline());
        let out = core.fill(|filler| {
            let payload = ask.message(filler);
            let opcode =
                if std::str::from_utf8(&payload).is_ok() { frame::TEXT } else { frame::BINARY };
            let mask = (filler.random() as u32).to_ne_bytes();
            let mut out = BytesMut::new();
            frame::write(&mut out, opcode, mask, &payload);
            out.freeze()
        });
        core.book.borrow_mut().sent_bytes += out.len() as u64;
        stream.send(out).await.map_err(|error| Fault::io(&error))?;
        let mut exam = Exam::new(&ask.check, None);
        self.read_message(&mut stream, &mut exam).await?;
        // A message that is wrong leaves the connection as good as it was, and is rare.
        exam.finish(&core)?;
        self.stream = Some((target, stream));
        Ok(())
    }

    async fn read_message(
        &mut self,
        stream: &mut Stream,
        exam: &mut Exam<'_>,
    ) -> Result<(), Fault> {
        loop {
            let frame = frame::parse(&self.buffer).map_err(|what| Fault::Protocol(what.into()))?;
            let Some(frame) = frame else {
                self.need_more(stream).await?;
                continue;
            };
            self.buffer.drain(..frame.start);
            let payload = self.read_payload(stream, frame, exam).await?;
            match frame.kind {
                Kind::Message if frame.last => return Ok(()),
                Kind::Message | Kind::Pong => (),
                Kind::Close => return Err(Fault::ClosedUnanswered),
                Kind::Ping => {
                    let mut pong = BytesMut::new();
                    frame::write(&mut pong, frame::PONG, [0; 4], &payload);
                    let sent = stream.send(pong.freeze()).await;
                    sent.map_err(|error| Fault::io(&error))?;
                }
            }
        }
    }

    /// Messages are looked at as they pass; what a control frame has is returned.
    async fn read_payload(
        &mut self,
        stream: &mut Stream,
        frame: Frame,
        exam: &mut Exam<'_>,
    ) -> Result<Vec<u8>, Fault> {
        let mut payload = Vec::new();
        let mut left = frame.length;
        while left > 0 {
            if self.buffer.is_empty() {
                self.need_more(stream).await?;
            }
            let part = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if frame.kind == Kind::Message {
                exam.body_part(&self.buffer[..part]);
            } else {
                payload.extend_from_slice(&self.buffer[..part]);
            }
            self.buffer.drain(..part);
            left -= part as u64;
        }
        Ok(payload)
    }

    async fn need_more(&mut self, stream: &mut Stream) -> Result<(), Fault> {
        match self.read(stream).await? {
            0 => Err(Fault::ClosedMidway),
            _ => Ok(()),
        }
    }
}

/// Looks at the head of the answer to an upgrade.
struct Upgrade<'a> {
    exam: Exam<'a>,
    accept: Option<Vec<u8>>,
}

impl Sink for Upgrade<'_> {
    fn head(&mut self, status: u16, head: &[u8]) {
        self.exam.status(status);
        self.accept = field(head, "sec-websocket-accept").map(<[u8]>::to_vec);
    }

    fn body(&mut self, _part: &[u8]) {}
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index)) as usize & 63] as char;
            out.push(if index <= three.len() { letter } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_of_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
