//! Gemini's stream for who did not ask for events: one JSON array, an item for each event.

/// How far the array is.
#[derive(Debug, Default)]
pub(super) struct Array {
    begun: bool,
}

impl Array {
    /// Makes items of the events that were written from `from` on.
    pub(super) fn rewrite(&mut self, out: &mut Vec<u8>, from: usize) {
        let events = out.split_off(from);
        for line in events.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let Some(item) = line.strip_prefix(b"data: ") else { continue };
            let before: &[u8] =
                if std::mem::replace(&mut self.begun, true) { b",\r\n" } else { b"[" };
            out.extend_from_slice(before);
            out.extend_from_slice(item);
        }
    }

    /// That was all.
    pub(super) fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.begun { b"]" } else { b"[]" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_items() {
        let mut array = Array::default();
        let mut out = b"sent".to_vec();
        out.extend_from_slice(b"data: {\"a\":1}\r\n\r\n");
        array.rewrite(&mut out, 4);
        let from = out.len();
        out.extend_from_slice(b"data: {\"b\":2}\r\n\r\ndata: {}\r\n\r\n");
        array.rewrite(&mut out, from);
        array.end(&mut out);
        assert_eq!(out, b"sent[{\"a\":1},\r\n{\"b\":2},\r\n{}]");
        let mut none = Vec::new();
        Array::default().end(&mut none);
        assert_eq!(none, b"[]");
    }
}
