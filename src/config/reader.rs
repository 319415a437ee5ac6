//! A typed way over a parsed document: `Cursor` is one value and its path, `Table` a mapping whose
//! keys are asked for by name. Whatever does not fit becomes a problem and reading goes on, so that
//! one run finds them all. `Table::finish` reports what nobody asked for. It knows the shape of
//! values, not what they mean. The problems and the ledger of keys belong to the `Session`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::diagnostic::{Diagnostics, Place, Problem, nearest, visible};
use super::file::Written;
use super::ledger::Ledger;
use super::source::{Environment, Source};
use super::yaml::{Entry, Kind, Node, Value};

pub const UNSUPPORTED: &str = "known to agentgateway, not supported by Ringway yet";

/// What one run of the reader collects.
pub struct Session<'s> {
    source: &'s Source,
    environment: Environment<'s>,
    found: RefCell<Diagnostics>,
    ledger: RefCell<Ledger>,
    keys: Option<RefCell<Keys>>,
}

/// A value as a problem names it.
#[derive(Clone, Debug)]
pub struct Mark {
    pub path: String,
    pub place: Place,
}

/// The keys of the dialect, as in `binds[].listeners[].name`: the reader's own list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// What the tables that were read accept.
    pub accepted: BTreeSet<String>,
    /// What was written in them.
    pub written: BTreeSet<String>,
}

impl<'s> Session<'s> {
    pub fn new(origin: &str, source: &'s Source, environment: Environment<'s>) -> Self {
        Self {
            source,
            environment,
            found: RefCell::new(Diagnostics::new(origin)),
            ledger: RefCell::default(),
            keys: None,
        }
    }

    /// The same, and every key that is asked for is written down.
    pub fn with_keys(self) -> Self {
        Self { keys: Some(RefCell::default()), ..self }
    }

    pub fn finish(self) -> (Diagnostics, Keys) {
        (self.found.into_inner(), self.keys.map(RefCell::into_inner).unwrap_or_default())
    }

    pub fn root<'a>(&'a self, node: &'a Node) -> Cursor<'a> {
        Cursor { session: self, node, path: String::new() }
    }

    pub fn fail_at(&self, at: usize, path: &str, message: &str, hint: Option<String>) {
        let mark = Mark { path: path.to_owned(), place: self.source.place(at) };
        self.fail(&mark, message, hint);
    }

    pub fn fail(&self, mark: &Mark, message: &str, hint: Option<String>) {
        self.found.borrow_mut().push(Problem {
            place: mark.place,
            path: mark.path.clone(),
            message: visible(message),
            hint: hint.as_deref().map(visible),
        });
    }

    pub fn note(&self, write: impl FnOnce(&mut Ledger)) {
        write(&mut self.ledger.borrow_mut());
    }

    /// Complete once everything is read, and before the ledger is taken.
    pub fn written(&self) -> Written {
        let origin = self.found.borrow().origin().to_owned();
        Written { origin, files: self.ledger.borrow().files.clone() }
    }

    pub fn take_ledger(&self) -> Ledger {
        self.ledger.take()
    }

    /// A variable that overrides a key, read by `parse`, which says what is wrong with it.
    pub fn variable<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = (self.environment)(name)?;
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                self.fail(&environment_mark(name), &message, None);
                None
            }
        }
    }
}

pub fn environment_mark(name: &str) -> Mark {
    Mark { path: name.to_owned(), place: Place::Environment }
}

#[derive(Clone)]
pub struct Cursor<'a> {
    session: &'a Session<'a>,
    pub(super) node: &'a Node,
    path: String,
}

impl<'a> Cursor<'a> {
    pub const fn session(&self) -> &'a Session<'a> {
        self.session
    }

    pub fn mark(&self) -> Mark {
        Mark { path: self.path.clone(), place: self.session.source.place(self.node.at) }
    }

    pub fn fail(&self, message: &str) {
        self.session.fail_at(self.node.at, &self.path, message, None);
    }

    pub fn fail_hint(&self, message: &str, hint: &str) {
        self.session.fail_at(self.node.at, &self.path, message, Some(hint.to_owned()));
    }

    pub fn fail_unsupported(&self) {
        self.fail(UNSUPPORTED);
    }

    pub const fn value(&self) -> &'a Value {
        &self.node.value
    }

    pub fn is_text(&self) -> bool {
        matches!(&self.node.value, Value::Scalar(scalar) if scalar.kind() == Kind::Text)
    }

    pub const fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub fn table(&self) -> Table<'a> {
        let entries = match &self.node.value {
            Value::Table(entries) => Some(entries.as_slice()),
            other => {
                self.fail(&format!("expected a table, found {}", other.describe()));
                None
            }
        };
        Table { cursor: self.clone(), entries, accepted: Vec::new(), known: Vec::new() }
    }

    /// Each key of a table whose keys are the user's own names.
    pub fn named(&self) -> Vec<(&'a str, Mark, Self)> {
        let table = self.table();
        let entries = table.entries.unwrap_or_default();
        table.refuse_duplicates(entries);
        let named = entries.iter().map(|entry| {
            let path = join(&self.path, &entry.key);
            let place = self.session.source.place(entry.at);
            let cursor = Self { session: self.session, node: &entry.node, path: path.clone() };
            (entry.key.as_str(), Mark { path, place }, cursor)
        });
        named.collect()
    }

    pub fn list(&self) -> Vec<Self> {
        match &self.node.value {
            Value::List(items) => items.iter().enumerate().map(|at| self.item(at)).collect(),
            other => {
                self.fail(&format!("expected a list, found {}", other.describe()));
                Vec::new()
            }
        }
    }

    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar(scalar) if scalar.kind() == Kind::Text => Some(&scalar.text),
            Value::Scalar(scalar) if scalar.kind() != Kind::Null => {
                let hint = format!("write it in quotes: \"{}\"", scalar.text);
                self.fail_hint(
                    &format!("expected text, found {}", self.node.value.describe()),
                    &hint,
                );
                None
            }
            other => {
                self.fail(&format!("expected text, found {}", other.describe()));
                None
            }
        }
    }

    pub fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub fn flag(&self) -> Option<bool> {
        match &self.node.value {
            Value::Scalar(scalar) if matches!(scalar.kind(), Kind::Bool(_)) => {
                Some(scalar.kind() == Kind::Bool(true))
            }
            other => {
                self.fail(&format!("expected true or false, found {}", other.describe()));
                None
            }
        }
    }

    /// A whole number within bounds, which the problem names.
    pub fn integer<T: TryFrom<i128>>(&self, range: RangeInclusive<i128>) -> Option<T> {
        let value = self.any_integer()?;
        let fits = range.contains(&value).then_some(value);
        let fits = fits.and_then(|value| T::try_from(value).ok());
        if fits.is_none() {
            self.fail(&format!("{value} is not in {} to {}", range.start(), range.end()));
        }
        fits
    }

    /// A number, whole or not.
    pub fn number(&self) -> Option<f64> {
        match &self.node.value {
            Value::Scalar(of) if matches!(of.kind(), Kind::Integer(_) | Kind::Float) => {
                of.text.parse().ok()
            }
            other => {
                self.fail(&format!("expected a number, found {}", other.describe()));
                None
            }
        }
    }

    pub fn any_integer(&self) -> Option<i128> {
        match &self.node.value {
            Value::Scalar(scalar) => match scalar.kind() {
                Kind::Integer(value) => return Some(value),
                Kind::Float => self.fail("expected a whole number"),
                _ => self.fail(&format!("expected a number, found {}", self.node.value.describe())),
            },
            other => self.fail(&format!("expected a number, found {}", other.describe())),
        }
        None
    }

    /// Text that `parse` makes something of, or says why not.
    pub fn parsed<T>(&self, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.fail(&message);
                None
            }
        }
    }

    /// One word of a closed set; `unsupported` are the dialect's words that we do not serve.
    pub fn word<T: Clone>(&self, words: &[(&str, T)], unsupported: &[&str]) -> Option<T> {
        let written = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
            return Some(value.clone());
        }
        if unsupported.contains(&written) {
            self.fail(&format!("`{written}` is {UNSUPPORTED}"));
            return None;
        }
        let known = words.iter().map(|(word, _)| *word);
        let hint = match nearest(written, known.clone()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("one of {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.fail_hint(&format!("`{written}` is not a value of this key"), &hint);
        None
    }

    fn item(&self, (index, node): (usize, &'a Node)) -> Self {
        Self { session: self.session, node, path: format!("{}[{index}]", self.path) }
    }
}

/// A mapping that is being read. Keys that are null count as not written, as in agentgateway.
pub struct Table<'a> {
    cursor: Cursor<'a>,
    /// None when the value is no table, which was said: nothing further is said then.
    entries: Option<&'a [Entry]>,
    accepted: Vec<&'static str>,
    /// Keys that were told of in another way than by being read.
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub fn maybe<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> Option<T> {
        read(&self.value(key)?)
    }

    pub fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> T {
        self.maybe(key, read).unwrap_or(default)
    }

    pub fn must<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key);
        if value.is_none() {
            self.fail(&format!("`{key}` is missing"));
        }
        read(&value?)
    }

    pub fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Cursor<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.maybe(key, |cursor| Some(cursor.list().iter().filter_map(read).collect()))
    }

    /// A key that agentgateway takes under an older name too.
    pub fn renamed<T>(
        &mut self,
        key: &'static str,
        alias: &'static str,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> Option<T> {
        self.known.push(alias);
        if self.has(key) {
            self.refuse(alias, &format!("another name of `{key}`, which is written too"), None);
        }
        let value = self.value(key);
        let node = value.or_else(|| self.cursor_of(alias));
        read(&node?)
    }

    /// The value of a key, unless it is not written.
    pub fn value(&mut self, key: &'static str) -> Option<Cursor<'a>> {
        self.accepted.push(key);
        self.cursor_of(key)
    }

    /// Exactly one of these keys, and what it holds.
    pub fn one_of(&mut self, keys: &[&'static str]) -> Option<(&'static str, Cursor<'a>)> {
        let written = keys.iter().filter_map(|key| Some((*key, self.value(key)?)));
        let mut written: Vec<_> = written.collect();
        if written.len() == 1 {
            return written.pop();
        }
        if !self.known.iter().any(|key| self.has(key)) {
            let found = match written.is_empty() {
                true => "none is written".to_owned(),
                false => format!("{} of them are written", written.len()),
            };
            self.fail(&format!("exactly one of {} is needed, {found}", keys.join(", ")));
        }
        None
    }

    /// Keys of the dialect that Ringway does not serve yet. To be called before `one_of`.
    pub fn unsupported(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.known.push(key);
            if let Some(entry) = self.written(key) {
                self.fail_key(entry, UNSUPPORTED, None);
            }
        }
    }

    /// Keys that one may look for here and that stand elsewhere.
    pub fn elsewhere(&mut self, keys: &[(&'static str, &str)]) {
        for (key, place) in keys {
            self.known.push(key);
            if let Some(entry) = self.written(key) {
                self.fail_key(entry, "not a key of this table", Some(format!("it is `{place}`")));
            }
        }
    }

    /// A key that the rest of the table leaves no room for.
    pub fn refuse(&mut self, key: &'static str, message: &str, hint: Option<String>) {
        self.known.push(key);
        if let Some(entry) = self.written(key) {
            self.fail_key(entry, message, hint);
        }
    }

    pub fn fail(&self, message: &str) {
        if self.entries.is_some() {
            self.cursor.fail(message);
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.written(key).is_some()
    }

    /// Reports keys that nobody asked for, and keys written twice.
    pub fn finish(self) {
        let entries = self.entries.unwrap_or_default();
        self.write_down(entries);
        self.refuse_duplicates(entries);
        for entry in entries {
            let key = entry.key.as_str();
            if self.accepted.contains(&key) || self.known.contains(&key) {
                continue;
            }
            let known = self.accepted.iter().chain(&self.known).copied();
            let hint = nearest(key, known).map(|near| format!("did you mean `{near}`?"));
            self.fail_key(entry, "unknown key", hint);
        }
    }

    fn refuse_duplicates(&self, entries: &[Entry]) {
        let mut seen = BTreeSet::new();
        for entry in entries.iter().filter(|entry| !seen.insert(entry.key.as_str())) {
            self.fail_key(entry, "written twice", None);
        }
    }

    /// The problem of a key stands at the key, that of a value at the value.
    fn fail_key(&self, entry: &Entry, message: &str, hint: Option<String>) {
        let path = join(&self.cursor.path, &entry.key);
        self.cursor.session.fail_at(entry.at, &path, message, hint);
    }

    fn cursor_of(&self, key: &str) -> Option<Cursor<'a>> {
        let node = &self.written(key)?.node;
        Some(Cursor { session: self.cursor.session, node, path: join(&self.cursor.path, key) })
    }

    fn written(&self, key: &str) -> Option<&'a Entry> {
        let entries = self.entries?.iter();
        entries.filter(|entry| !entry.node.value.is_null()).find(|entry| entry.key == key)
    }

    fn write_down(&self, entries: &[Entry]) {
        let Some(keys) = &self.cursor.session.keys else { return };
        let mut keys = keys.borrow_mut();
        let table = shape(&self.cursor.path);
        for key in &self.accepted {
            keys.accepted.insert(join(&table, key));
        }
        for entry in entries {
            keys.written.insert(join(&table, &entry.key));
        }
    }
}

fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c != '.' && !c.is_control() && c != ' ');
    let key = if plain { key.to_owned() } else { format!("{key:?}") };
    match path.is_empty() {
        true => key,
        false => format!("{path}.{key}"),
    }
}

/// `binds[0].listeners[12]` is `binds[].listeners[]` in the list of keys, and a name that the user
/// gave is `*`.
fn shape(path: &str) -> String {
    let mut shape = String::new();
    for (depth, segment) in path.split('.').enumerate() {
        let (key, index) = segment.split_once('[').map_or((segment, ""), |(key, _)| (key, "[]"));
        let named = depth == 1 && shape == "gateways";
        shape = join(&shape, if named { "*" } else { key }) + index;
    }
    shape
}
