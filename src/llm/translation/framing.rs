//! `Framing`: whole events out of the bytes of a provider's stream, whatever the pieces that they
//! come in. One that lies within a piece is not copied; one that does not is held until it is whole,
//! and no more of it than `TRANSLATED_EVENT_BYTES_MAX`, or a frame's own bound.

use std::borrow::Cow;

use super::super::answer::Form;
use super::super::translate::Broken;
use crate::limits::TRANSLATED_EVENT_BYTES_MAX;
use crate::proto::aws_event_stream::Decoder;
use crate::proto::event_stream::{Piece, Splitter};

/// By the type of the body.
#[derive(Debug)]
pub(super) enum Framing {
    Events(Events),
    Frames(Decoder),
}

/// Server-Sent Events: WHATWG HTML, section 9.2.6.
#[derive(Debug, Default)]
pub(super) struct Events {
    splitter: Splitter,
    held: Vec<u8>,
}

impl Framing {
    /// None: it is no stream.
    pub(super) fn of(form: Form) -> Option<Self> {
        match form {
            Form::Events => Some(Self::Events(Events::default())),
            Form::Frames => Some(Self::Frames(Decoder::default())),
            Form::Json | Form::Other => None,
        }
    }

    /// Tells `each` the name and the data of every event that is whole now.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8], &[u8]) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        match self {
            Self::Events(events) => events.push(bytes, each),
            Self::Frames(decoder) => {
                let mut bytes = bytes;
                while let Some(frame) = decoder.next(&mut bytes).map_err(|_| Broken)? {
                    each(frame.name, frame.data)?;
                }
                Ok(())
            }
        }
    }

    /// The body is over. What is held of an event without an empty line behind it is told, too: some
    /// providers leave out the last one.
    pub(super) fn end(
        &mut self,
        each: &mut impl FnMut(&[u8], &[u8]) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        match self {
            Self::Events(events) => tell(&std::mem::take(&mut events.held), each),
            Self::Frames(decoder) if decoder.is_between() => Ok(()),
            Self::Frames(_) => Err(Broken),
        }
    }
}

impl Events {
    fn push(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8], &[u8]) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let (mut at, mut begun) = (0, 0);
        while at < bytes.len() {
            let (piece, count) = self.splitter.next(&bytes[at..]);
            at += count;
            if piece != Piece::End {
                continue;
            }
            let event = &bytes[std::mem::replace(&mut begun, at)..at];
            if self.held.is_empty() {
                tell(event, each)?;
                continue;
            }
            self.hold(event)?;
            let told = tell(&self.held, each);
            self.held.clear();
            told?;
        }
        self.hold(&bytes[begun..])
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if self.held.len() + bytes.len() > TRANSLATED_EVENT_BYTES_MAX {
            self.held = Vec::new();
            return Err(Broken);
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }
}

/// Tells of one event. Without data it is a comment, or nothing at all.
fn tell(
    event: &[u8],
    each: &mut impl FnMut(&[u8], &[u8]) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let event = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
    let mut name: &[u8] = b"";
    let mut data: Option<Cow<'_, [u8]>> = None;
    for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
        if let Some(value) = value_of(line, b"data") {
            match &mut data {
                None => data = Some(Cow::Borrowed(value)),
                Some(data) => {
                    let data = data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            }
        } else if let Some(value) = value_of(line, b"event") {
            name = value;
        }
    }
    data.map_or(Ok(()), |data| each(name, &data))
}

/// What the line says of the field, if it is of it.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest.split_first() {
        None => Some(rest),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::aws_event_stream::{self, Kind};

    type Told = Vec<(Vec<u8>, Vec<u8>)>;

    fn told(form: Form, pieces: &[&[u8]]) -> (Told, Result<(), Broken>) {
        let mut framing = Framing::of(form).unwrap();
        let mut told = Vec::new();
        let mut each = |name: &[u8], data: &[u8]| {
            told.push((name.to_vec(), data.to_vec()));
            Ok(())
        };
        let pushed = pieces.iter().try_for_each(|piece| framing.push(piece, &mut each));
        let ended = pushed.and_then(|()| framing.end(&mut each));
        (told, ended)
    }

    fn at_every_split(form: Form, stream: &[u8]) -> Told {
        let whole = told(form, &[stream]);
        assert_eq!(whole.1, Ok(()));
        for at in 0..=stream.len() {
            let (front, back) = stream.split_at(at);
            assert_eq!(told(form, &[front, back]), whole, "{at}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(told(form, &bytes), whole);
        whole.0
    }

    fn of(names: &[(&str, &str)]) -> Told {
        names
            .iter()
            .map(|(name, data)| (name.as_bytes().to_vec(), data.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn events_are_the_same_at_every_split_and_with_every_line_end() {
        let stream = ": hello\n\nevent: a\ndata: 1\n\ndata:2\ndata: 3\nid: x\n\n\n\ndatum: 4\ndata\n\nevent:b\ndata:  5 \n\n";
        let wanted = of(&[("a", "1"), ("", "2\n3"), ("", ""), ("b", " 5 ")]);
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = stream.replace('\n', line_end);
            assert_eq!(at_every_split(Form::Events, stream.as_bytes()), wanted, "{line_end:?}");
        }
        let marked = [b"\xEF\xBB\xBF", stream.as_bytes()].concat();
        assert_eq!(at_every_split(Form::Events, &marked), wanted);
        assert_eq!(
            at_every_split(Form::Events, b"data: 1\n\ndata: 2"),
            of(&[("", "1"), ("", "2")])
        );
    }

    #[test]
    fn frames_are_the_same_at_every_split() {
        let mut stream = Vec::new();
        for (name, payload) in [("messageStart", "{}"), ("messageStop", "{\"a\":1}")] {
            aws_event_stream::write(&mut stream, Kind::Event, name, |out| {
                out.extend_from_slice(payload.as_bytes());
            });
        }
        let wanted = of(&[("messageStart", "{}"), ("messageStop", "{\"a\":1}")]);
        assert_eq!(at_every_split(Form::Frames, &stream), wanted);
        let (some, ended) = told(Form::Frames, &[&stream[..stream.len() - 1]]);
        assert_eq!((some.len(), ended), (1, Err(Broken)), "a frame that is cut is none");
        *stream.last_mut().unwrap() ^= 1;
        let (some, ended) = told(Form::Frames, &[&stream]);
        assert_eq!((some.len(), ended), (1, Err(Broken)), "nor is one with a wrong sum");
    }

    #[test]
    fn an_event_has_a_bound() {
        let piece = [b'x'; 1 << 20];
        let mut framing = Framing::of(Form::Events).unwrap();
        let mut none = |_: &[u8], _: &[u8]| panic!("no event is told");
        framing.push(b"data: ", &mut none).unwrap();
        let count = (0..100).take_while(|_| framing.push(&piece, &mut none).is_ok()).count();
        assert_eq!(count, TRANSLATED_EVENT_BYTES_MAX / piece.len() - 1);
    }
}
