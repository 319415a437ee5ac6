//! A YAML document as a tree whose every value knows its place. The core schema of YAML 1.2 says
//! what a plain scalar is; aliases are resolved within a limit; tags other than `!!str` and its
//! like, merge keys and second documents are refused. It does not know the dialect.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::limits;

#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins, in characters of the filled text.
    pub at: usize,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub at: usize,
    pub node: Node,
}

#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: String,
    /// In quotes, or a block: text whatever it looks like.
    quoted: bool,
}

/// What a scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool(bool),
    Integer(i128),
    Float,
    Text,
}

pub struct Document {
    pub root: Node,
    /// Where scalars stand: what is outside of all of them is punctuation or a comment.
    scalars: Vec<(usize, usize)>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    pub at: usize,
    pub message: String,
}

impl Scalar {
    pub fn kind(&self) -> Kind {
        if self.quoted {
            return Kind::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" => Kind::Bool(true),
            "false" | "False" | "FALSE" => Kind::Bool(false),
            text => number(text),
        }
    }
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.kind() == Kind::Null)
    }

    /// Its name in a message.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Scalar(scalar) => match scalar.kind() {
                Kind::Null => "nothing",
                Kind::Bool(_) => "true or false",
                Kind::Integer(_) | Kind::Float => "a number",
                Kind::Text => "text",
            },
        }
    }
}

impl Document {
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > limits::CONFIG_BYTES_MAX {
            let message = format!("longer than {} bytes", limits::CONFIG_BYTES_MAX);
            return Err(Error { at: 0, message });
        }
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| Error {
                at: error.marker().index(),
                message: format!("not YAML: {}", error.info()),
            })?;
            builder.take(event, span)?;
        }
        let null = || Value::Scalar(Scalar { text: String::new(), quoted: false });
        let root = builder.root.unwrap_or_else(|| Node { at: 0, value: null() });
        Ok(Self { root, scalars: builder.scalars })
    }

    pub fn is_in_a_scalar(&self, at: usize) -> bool {
        let behind = self.scalars.partition_point(|(start, _)| *start <= at);
        behind > 0 && at < self.scalars[behind - 1].1
    }
}

/// Puts the tree together, from events. Never recurses, so that depth costs no stack here.
#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    scalars: Vec<(usize, usize)>,
    values: usize,
    documents: usize,
}

struct Open {
    at: usize,
    anchor: usize,
    /// How many values there were when it began.
    values: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Table { entries: Vec<Entry>, key: Option<(String, usize)> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Error> {
        let at = span.start.index();
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return fail(at, "a second document: one file is one configuration");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                self.scalars.push((at, span.end.index()));
                let quoted =
                    style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                let value = Value::Scalar(Scalar { text: text.into_owned(), quoted });
                self.put(Node { at, value }, anchor, 1)?;
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                self.open(at, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                self.open(at, anchor, Content::Table { entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => {
                let Some((node, values)) = self.anchors.get(&anchor).cloned() else {
                    return fail(at, "an alias of a value that contains it");
                };
                self.put(node, 0, values)?;
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => (),
        }
        Ok(())
    }

    fn open(&mut self, at: usize, anchor: usize, content: Content) -> Result<(), Error> {
        if self.open.len() == limits::CONFIG_DEPTH_MAX {
            return fail(at, "nested too deeply");
        }
        self.open.push(Open { at, anchor, values: self.values, content });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let open = self.open.pop().expect("the parser pairs starts and ends");
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Table { entries, .. } => Value::Table(entries),
        };
        let values = self.values - open.values + 1;
        self.values = open.values;
        self.put(Node { at: open.at, value }, open.anchor, values)
    }

    /// Puts a finished value, itself and all in it `values` many, where it belongs.
    fn put(&mut self, node: Node, anchor: usize, values: usize) -> Result<(), Error> {
        self.values += values;
        if self.values > limits::CONFIG_VALUES_MAX {
            return fail(node.at, "too many values, aliases resolved");
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), values));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Table { entries, key }) => match key.take() {
                Some((key, at)) => entries.push(Entry { key, at, node }),
                None => *key = Some(key_of(node)?),
            },
        }
        Ok(())
    }
}

fn key_of(node: Node) -> Result<(String, usize), Error> {
    match node.value {
        Value::Scalar(scalar) => Ok((scalar.text, node.at)),
        Value::List(_) | Value::Table(_) => fail(node.at, "a key has to be text"),
    }
}

fn refuse_tag(tag: Option<&Tag>, at: usize) -> Result<(), Error> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => {
            fail(at, &format!("no tags here, such as {tag}"))
        }
        _ => Ok(()),
    }
}

fn fail<T>(at: usize, message: &str) -> Result<T, Error> {
    Err(Error { at, message: message.to_owned() })
}

/// YAML 1.2 section 10.3.2. A number too large for an `i128` is a float.
fn number(text: &str) -> Kind {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let based = [("0x", 16), ("0o", 8)];
    for (prefix, base) in based {
        if let Some(digits) = text.strip_prefix(prefix) {
            let signed = digits.starts_with(['-', '+']);
            let value = i128::from_str_radix(digits, base).ok().filter(|_| !signed);
            return value.map_or(Kind::Text, Kind::Integer);
        }
    }
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_or(Kind::Float, Kind::Integer);
    }
    let named = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&digits);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match named || (begins && digits.parse::<f64>().is_ok()) {
        true => Kind::Float,
        false => Kind::Text,
    }
}

#[cfg(test)]
mod tests;
