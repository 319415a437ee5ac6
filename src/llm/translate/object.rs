//! `Object` and `List`: JSON that is written as it is said, straight to its place. What is begun is
//! ended: an object lasts as long as the function that fills it.

use serde_json::Value;

/// An object under way.
pub(super) struct Object<'a> {
    pub(super) out: &'a mut Vec<u8>,
    is_empty: bool,
}

/// A list under way.
pub(super) struct List<'a> {
    pub(super) out: &'a mut Vec<u8>,
    is_empty: bool,
}

/// Appends an object.
pub(super) fn object<R>(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>) -> R) -> R {
    out.push(b'{');
    let result = fill(&mut Object { out, is_empty: true });
    out.push(b'}');
    result
}

/// Appends a text.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(&mut *out, text).expect("a text can be written to memory");
}

fn list<R>(out: &mut Vec<u8>, fill: impl FnOnce(&mut List<'_>) -> R) -> R {
    out.push(b'[');
    let result = fill(&mut List { out, is_empty: true });
    out.push(b']');
    result
}

fn value(out: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(&mut *out, value).expect("a value can be written to memory");
}

impl Object<'_> {
    /// Names are ours: they need no escapes.
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        text(self.name(name), value);
    }

    /// A text whose name is not ours.
    pub(super) fn entry(&mut self, name: &str, value: &str) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        text(self.out, name);
        self.out.push(b':');
        text(self.out, value);
    }

    /// A text of ours, in parts, which needs no escapes.
    pub(super) fn word(&mut self, name: &str, parts: &[&str]) {
        let out = self.name(name);
        out.push(b'"');
        parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        out.push(b'"');
    }

    pub(super) fn count(&mut self, name: &str, value: u64) {
        let out = self.name(name);
        serde_json::to_writer(out, &value).expect("a number can be written to memory");
    }

    pub(super) fn number(&mut self, name: &str, value: f64) {
        let out = self.name(name);
        serde_json::to_writer(out, &value).expect("a number can be written to memory");
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    pub(super) fn null(&mut self, name: &str) {
        self.raw(name, "null");
    }

    /// JSON as it is.
    pub(super) fn raw(&mut self, name: &str, json: &str) {
        self.name(name).extend_from_slice(json.as_bytes());
    }

    pub(super) fn value(&mut self, name: &str, json: &Value) {
        value(self.name(name), json);
    }

    pub(super) fn object<R>(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>) -> R) -> R {
        object(self.name(name), fill)
    }

    pub(super) fn list<R>(&mut self, name: &str, fill: impl FnOnce(&mut List<'_>) -> R) -> R {
        list(self.name(name), fill)
    }

    pub(super) fn texts<'t>(&mut self, name: &str, texts: impl IntoIterator<Item = &'t String>) {
        self.list(name, |list| texts.into_iter().for_each(|text| list.text(text)));
    }
}

impl List<'_> {
    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        self.out
    }

    pub(super) fn text(&mut self, value: &str) {
        text(self.next(), value);
    }

    /// Items as they are, with commas between them.
    pub(super) fn raw(&mut self, json: &[u8]) {
        if !json.is_empty() {
            self.next().extend_from_slice(json);
        }
    }

    pub(super) fn object<R>(&mut self, fill: impl FnOnce(&mut Object<'_>) -> R) -> R {
        object(self.next(), fill)
    }
}
