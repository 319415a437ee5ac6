//! Which names of models there are, and what each stands for. An exact name wins over a pattern,
//! and of patterns the one with the most letters.

use std::collections::HashMap;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The place of the provider; `None`: any of them, by weight.
    pub backend: Option<u32>,
    pub sent: Sent,
}

/// What the provider is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// What the client said.
    Same,
    /// Another name: as it is, and as a text of JSON.
    Name(Box<str>, Box<[u8]>),
    /// The same without this at its begin.
    Without(Box<[u8]>),
}

#[derive(Clone, Debug, Default)]
pub struct Models {
    exact: HashMap<Box<[u8]>, Model>,
    patterns: Vec<Pattern>,
}

/// A name with a `*` in it.
#[derive(Clone, Debug)]
struct Pattern {
    front: Box<[u8]>,
    back: Box<[u8]>,
    model: Model,
}

impl Pattern {
    fn letters(&self) -> usize {
        self.front.len() + self.back.len()
    }

    fn fits(&self, name: &[u8]) -> bool {
        name.len() >= self.letters() && name.starts_with(&self.front) && name.ends_with(&self.back)
    }
}

impl Sent {
    /// What the provider is told where the client said `name`.
    pub fn of<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Same => name,
            Self::Name(own, _) => own.as_bytes(),
            Self::Without(prefix) => name.strip_prefix(&**prefix).unwrap_or(name),
        }
    }

    pub fn name(name: &str) -> Self {
        let quoted = serde_json::Value::from(name).to_string();
        Self::Name(name.into(), quoted.into_bytes().into())
    }
}

impl Models {
    /// Names with one `*` at the most. Of two that are alike the first counts.
    pub fn compile(models: impl IntoIterator<Item = (String, Model)>) -> Self {
        let mut compiled = Self::default();
        for (name, model) in models {
            match name.split_once('*') {
                None => {
                    compiled.exact.entry(name.into_bytes().into()).or_insert(model);
                }
                Some((front, back)) => {
                    let (front, back) = (front.as_bytes().into(), back.as_bytes().into());
                    compiled.patterns.push(Pattern { front, back, model });
                }
            }
        }
        compiled.patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.letters()));
        compiled
    }

    pub fn find(&self, name: &[u8]) -> Option<&Model> {
        if let Some(model) = self.exact.get(name) {
            return Some(model);
        }
        self.patterns.iter().find(|pattern| pattern.fits(name)).map(|pattern| &pattern.model)
    }

    /// What every name stands for.
    pub fn any(&self) -> Option<&Model> {
        let last = self.patterns.last()?;
        (last.letters() == 0).then_some(&last.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_letters_win() {
        let names = ["*", "gpt-*", "gpt-6", "*-mini", "gpt-*-mini", "anthropic/*"];
        let model = |place| Model { backend: Some(place), sent: Sent::Same };
        let models = names.iter().zip(0..).map(|(name, place)| ((*name).to_owned(), model(place)));
        let models = Models::compile(models);
        for (name, expected) in [
            ("gpt-6", "gpt-6"),
            ("gpt-7", "gpt-*"),
            ("gpt-", "gpt-*"),
            ("gpt-7-mini", "gpt-*-mini"),
            ("gpt-mini", "*-mini"),
            ("o9-mini", "*-mini"),
            ("anthropic/claude-5", "anthropic/*"),
            ("", "*"),
        ] {
            let found = models.find(name.as_bytes()).unwrap().backend.unwrap();
            assert_eq!(names[found as usize], expected, "{name}");
        }
        assert_eq!(models.any().unwrap().backend, Some(0));
        let few = Models::compile([("a*".to_owned(), model(0))]);
        assert!(few.any().is_none() && few.find(b"b").is_none());
    }

    #[test]
    fn a_name_is_quoted_once() {
        assert_eq!(Sent::name("a\"b"), Sent::Name("a\"b".into(), b"\"a\\\"b\""[..].into()));
    }
}
