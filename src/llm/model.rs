//! Which names of models there are, and what each stands for. An exact name wins over a pattern,
//! and of patterns the one with the most letters.

use std::collections::HashMap;

use super::plan::Plan;
use crate::base::pattern::Pattern as Value;

/// What a name stands for.
#[derive(Clone, Debug)]
pub struct Model {
    pub plan: Plan,
    /// Clients may name it.
    pub is_public: bool,
    /// One of these has to hold, if there are any.
    pub matches: Box<[Fields]>,
}

/// Fields of a head, each by its name in lower case and its value: all of them.
#[derive(Clone, Debug)]
pub struct Fields(pub Box<[(Box<[u8]>, Value)]>);

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
    exact: HashMap<Box<[u8]>, Vec<Model>>,
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

impl Model {
    /// Of any request.
    pub fn new(plan: Plan) -> Self {
        Self { plan, is_public: true, matches: Box::default() }
    }

    fn fits<'a>(&self, field: &dyn Fn(&[u8]) -> Option<&'a [u8]>) -> bool {
        let holds = |(name, pattern): &(Box<[u8]>, Value)| {
            field(name).is_some_and(|value| pattern.matches(value))
        };
        self.matches.is_empty() || self.matches.iter().any(|fields| fields.0.iter().all(holds))
    }
}

impl Models {
    /// Names with one `*` at the most. Of two that are alike the first counts that a request fits.
    pub fn compile(models: impl IntoIterator<Item = (String, Model)>) -> Self {
        let mut compiled = Self::default();
        for (name, model) in models {
            match name.split_once('*') {
                None => {
                    compiled.exact.entry(name.into_bytes().into()).or_default().push(model);
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

    /// The model that clients name so. `field` tells a field of the request's head.
    pub fn find<'a>(
        &self,
        name: &[u8],
        field: &dyn Fn(&[u8]) -> Option<&'a [u8]>,
    ) -> Option<&Model> {
        let fits = |model: &&Model| model.is_public && model.fits(field);
        let exact = self.exact.get(name).into_iter().flatten();
        let patterns = self.patterns.iter().filter(|pattern| pattern.fits(name));
        exact.chain(patterns.map(|pattern| &pattern.model)).find(fits)
    }

    /// Whether a condition of any plan looks into the body of a request.
    pub fn reads_body(&self) -> bool {
        let patterns = self.patterns.iter().map(|pattern| &pattern.model);
        self.exact.values().flatten().chain(patterns).any(|model| model.plan.reads_body())
    }

    /// What every name stands for.
    pub fn any(&self) -> Option<&Model> {
        let last = self.patterns.last()?;
        let is_any = last.letters() == 0 && last.model.is_public && last.model.matches.is_empty();
        is_any.then_some(&last.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_letters_win() {
        let names = ["*", "gpt-*", "gpt-6", "*-mini", "gpt-*-mini", "anthropic/*"];
        let model = |place| Model::new(Plan::one(place, Sent::Same));
        let place = |model: &Model| model.plan.candidates()[0].place;
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
            let found = place(models.find(name.as_bytes(), &|_| None).unwrap());
            assert_eq!(names[found as usize], expected, "{name}");
        }
        assert_eq!(models.any().map(place), Some(0));
        let few = Models::compile([("a*".to_owned(), model(0))]);
        assert!(few.any().is_none() && few.find(b"b", &|_| None).is_none());
    }

    #[test]
    fn fields_decide_between_models_of_one_name() {
        let value = Value::exact("gold");
        let fields = Fields(Box::new([(b"x-tier"[..].into(), value)]));
        let gold = Model { matches: Box::new([fields]), ..Model::new(Plan::one(1, Sent::Same)) };
        let inner = Model { is_public: false, ..Model::new(Plan::one(3, Sent::Same)) };
        let all = Model::new(Plan::one(2, Sent::Same));
        let named = [("a", gold.clone()), ("a", all), ("b", gold), ("c", inner)];
        let models = Models::compile(named.map(|(name, model)| (name.to_owned(), model)));
        let place = |name: &[u8], tier: Option<&'static [u8]>| {
            let found = models.find(name, &|_| tier);
            found.map(|model| model.plan.candidates()[0].place)
        };
        assert_eq!(place(b"a", Some(b"gold")), Some(1));
        assert_eq!((place(b"a", Some(b"silver")), place(b"a", None)), (Some(2), Some(2)));
        assert_eq!((place(b"b", Some(b"gold")), place(b"b", None)), (Some(1), None));
        assert_eq!(place(b"c", None), None);
    }

    #[test]
    fn a_name_is_quoted_once() {
        assert_eq!(Sent::name("a\"b"), Sent::Name("a\"b".into(), b"\"a\\\"b\""[..].into()));
    }
}
