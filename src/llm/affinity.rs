//! What a conversation begins with, as a number: the system's words and the first of the user's. All
//! turns of one have the same, and so have conversations that begin alike: the endpoint that saw one
//! has it in its cache. Only texts are looked at, in the words of Completions, Messages, Responses.

use crate::base::hash::hash_with;
use crate::proto::json_scan::{Found, Kind, Path, Scan};

/// Of a body, from no more than `bytes_max` of its texts; `None`: it says nothing.
pub fn prefix_hash(body: &[u8], bytes_max: usize) -> Option<u64> {
    let mut begin = Begin { body, left: bytes_max, ..Begin::default() };
    let mut scan = Scan::new(PATHS);
    let read = scan.push(body, &mut |found| begin.take(found));
    read.and_then(|()| scan.end(&mut |found| begin.take(found))).ok()?;
    begin.is_known.then(|| begin.system.wrapping_mul(SPREAD) ^ begin.messages)
}

#[derive(Default)]
struct Begin<'a> {
    body: &'a [u8],
    /// Bytes that still count.
    left: usize,
    is_known: bool,
    system: u64,
    messages: u64,
    /// Messages so far, and which of them is the first that is not the system's.
    count: u32,
    first: Option<u32>,
    is_system: bool,
}

impl Begin<'_> {
    fn take(&mut self, found: &Found<'_>) {
        let is_text = found.kind == Kind::Text;
        match found.path {
            MESSAGE | ITEM => {
                self.count += 1;
                self.is_system = false;
            }
            ROLE | ITEM_ROLE if is_text => {
                self.is_system = matches!(found.text, b"system" | b"developer");
            }
            INPUT.. if is_text => self.said(found),
            SYSTEM..MESSAGE if is_text => self.system = self.counted(found, self.system),
            _ => (),
        }
    }

    /// A text of the message that is under way.
    fn said(&mut self, found: &Found<'_>) {
        if !self.is_system {
            self.first.get_or_insert(self.count);
        }
        let is_begin = match self.is_system {
            true => self.first.is_none(),
            false => self.first == Some(self.count),
        };
        if is_begin {
            self.messages = self.counted(found, self.messages);
        }
    }

    fn counted(&mut self, found: &Found<'_>, before: u64) -> u64 {
        let text = self.body.get(found.start..found.end).unwrap_or_default();
        let text = &text[..text.len().min(self.left)];
        if text.is_empty() {
            return before;
        }
        self.left -= text.len();
        self.is_known = true;
        hash_with(text, before)
    }
}

const PATHS: &[Path] = &[
    &["system"],
    &["system", "[]", "text"],
    &["instructions"],
    &["messages", "[]"],
    &["input", "[]"],
    &["messages", "[]", "role"],
    &["input", "[]", "role"],
    &["input"],
    &["messages", "[]", "content"],
    &["messages", "[]", "content", "[]", "text"],
    &["input", "[]", "content"],
    &["input", "[]", "content", "[]", "text"],
];
const SYSTEM: usize = 0;
const MESSAGE: usize = 3;
const ITEM: usize = 4;
const ROLE: usize = 5;
const ITEM_ROLE: usize = 6;
/// From here on it is what was said.
const INPUT: usize = 7;
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"role":"system","content":"be kind"},{"role":"user","content":"hi"}"#;

    fn of(body: &str) -> Option<u64> {
        prefix_hash(body.as_bytes(), 1024)
    }

    fn chat(messages: &str) -> Option<u64> {
        of(&format!(r#"{{"model":"m","messages":[{messages}]}}"#))
    }

    #[test]
    fn every_turn_of_a_conversation_is_the_same() {
        let first = chat(FIRST).unwrap();
        let next = r#",{"role":"assistant","content":"hello"},{"role":"user","content":"bye"}"#;
        assert_eq!(chat(&format!("{FIRST}{next}")), Some(first));
        assert_ne!(chat(&FIRST.replace("hi", "ho")), Some(first));
        assert_ne!(chat(&FIRST.replace("kind", "rude")), Some(first));
        // What is not said does not count, nor does how it is written.
        let other = FIRST.replace(':', " : ");
        assert_eq!(of(&format!(r#"{{"messages":[{other}],"temperature":1}}"#)), Some(first));
        assert_eq!(chat(""), None);
        assert_eq!(of("{}"), None);
        assert_eq!(of("hello"), None);
    }

    #[test]
    fn each_dialect_has_its_places() {
        let messages = |system: &str, said: &str| {
            of(&format!(r#"{{"system":{system},"messages":[{{"role":"user","content":{said}}}]}}"#))
        };
        let parts = |text: &str| format!(r#"[{{"type":"text","text":"{text}"}}]"#);
        let one = messages("\"a\"", "\"b\"").unwrap();
        assert_eq!(messages(&parts("a"), &parts("b")), Some(one));
        assert_ne!(messages("\"x\"", "\"b\""), Some(one));
        assert_ne!(messages("\"b\"", "\"a\""), Some(one));
        let input = |input: &str| of(&format!(r#"{{"instructions":"a","input":{input}}}"#));
        assert_eq!(input("\"b\""), input(r#"[{"role":"user","content":"b"}]"#));
        assert_ne!(input("\"b\""), input("\"c\""));
    }

    #[test]
    fn no_more_is_looked_at_than_is_asked_for() {
        let long = |end: &str| {
            let text = format!("{}{end}", "x".repeat(100));
            let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
            (prefix_hash(body.as_bytes(), 64), prefix_hash(body.as_bytes(), 1024))
        };
        assert_eq!(long("a").0, long("b").0);
        assert_ne!(long("a").1, long("b").1);
        assert_eq!(prefix_hash(b"{\"input\":\"a\"}", 0), None);
    }
}
