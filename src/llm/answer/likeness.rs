//! `Likeness`: the last event that was scanned, but for the text in it. Most events of a stream differ
//! from the one before in that text alone, and tell nothing else: to compare them takes a fraction of
//! what a scan does. Whatever is not alike to the byte is scanned.

use crate::limits::EVENT_LIKENESS_BYTES_MAX;
use crate::llm::usage::Event;

#[derive(Debug, Default)]
pub(super) struct Likeness {
    /// What stands before the text, its quote included, and what stands behind it from its quote on.
    around: Vec<u8>,
    /// How much of that stands before.
    front: usize,
    /// What such an event is; none while none is known.
    event: Option<Event>,
}

impl Likeness {
    /// What the event is whose data this is, if it is like the last one. A text with escapes in it is
    /// left to who scans.
    pub(super) fn find(&self, data: &[u8]) -> Option<Event> {
        let event = self.event?;
        let (front, back) = self.around.split_at(self.front);
        let text = data.strip_prefix(front)?.strip_suffix(back)?;
        let is_plain = !text.is_empty() && memchr::memchr2(b'"', b'\\', text).is_none();
        is_plain.then_some(event)
    }

    /// An event that was scanned, whose data came in one piece.
    pub(super) fn learn(&mut self, data: &[u8], event: Event) {
        self.event = None;
        let Some((start, end)) = event.text.filter(|_| event.has_token) else { return };
        let (Some(front), Some(back)) = (data.get(..=start), data.get(end - 1..)) else { return };
        if front.len() + back.len() > EVENT_LIKENESS_BYTES_MAX {
            return;
        }
        self.around.clear();
        self.around.extend_from_slice(front);
        self.around.extend_from_slice(back);
        self.front = front.len();
        self.event = Some(event);
    }

    /// The last event was another one.
    pub(super) fn forget(&mut self) {
        self.event = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(data: &str, text: &str) -> Likeness {
        let start = data.find(text).unwrap() - 1;
        let text = Some((start, start + text.len() + 2));
        let mut likeness = Likeness::default();
        likeness.learn(data.as_bytes(), Event { has_token: true, text, ..Event::default() });
        likeness
    }

    #[test]
    fn what_differs_in_its_text_alone_is_alike() {
        let likeness = learnt(r#"{"id":1,"content":"one","x":null}"#, "one");
        for (data, expected) in [
            (r#"{"id":1,"content":"two and a half","x":null}"#, true),
            (r#"{"id":1,"content":"\u0061","x":null}"#, false),
            (r#"{"id":1,"content":"a","x":null,"content":"b","x":null}"#, false),
            (r#"{"id":1,"content":"","x":null}"#, false),
            (r#"{"id":2,"content":"one","x":null}"#, false),
            (r#"{"id":1,"content":"one","x":true}"#, false),
            (r#"{"id":1,"content":"one","x":null"#, false),
            (r#"{"id":1,"content":"","#, false),
            ("", false),
        ] {
            assert_eq!(likeness.find(data.as_bytes()).is_some(), expected, "{data}");
        }
    }

    #[test]
    fn front_and_back_do_not_overlap() {
        let likeness = learnt(r#"["aa"]"#, "aa");
        assert_eq!(likeness.find(br#"["]"#), None);
        assert_eq!(likeness.find(br#"[""]"#), None);
        assert!(likeness.find(br#"["b"]"#).is_some());
    }

    #[test]
    fn it_is_forgotten() {
        let mut likeness = learnt(r#"["aa"]"#, "aa");
        likeness.learn(br#"{"usage":1}"#, Event::default());
        assert_eq!(likeness.find(br#"["b"]"#), None);
        let mut likeness = learnt(r#"["aa"]"#, "aa");
        likeness.forget();
        assert_eq!(likeness.find(br#"["b"]"#), None);
        let long = format!(r#"["{}","aa"]"#, "x".repeat(EVENT_LIKENESS_BYTES_MAX));
        assert_eq!(learnt(&long, "aa").find(long.as_bytes()), None);
    }
}
