//! `Named`: what is known by names, some of which have one `*`. An exact name wins over a pattern, and
//! of patterns the one with the most letters.

use std::collections::HashMap;

#[derive(Clone, Debug)]
pub struct Named<T> {
    exact: HashMap<Box<[u8]>, T>,
    patterns: Vec<(Pattern, T)>,
}

/// A name with a `*` in it.
#[derive(Clone, Debug)]
struct Pattern {
    front: Box<[u8]>,
    back: Box<[u8]>,
}

impl<T> Named<T> {
    pub fn compile(all: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut named = Self::default();
        for (name, value) in all {
            match name.split_once('*') {
                None => drop(named.exact.insert(name.into_bytes().into(), value)),
                Some((front, back)) => {
                    let (front, back) = (front.as_bytes().into(), back.as_bytes().into());
                    named.patterns.push((Pattern { front, back }, value));
                }
            }
        }
        named.patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.letters()));
        named
    }

    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }

    pub fn find(&self, name: &[u8]) -> Option<&T> {
        self.exact(name).or_else(|| self.like(name).next())
    }

    pub fn exact(&self, name: &[u8]) -> Option<&T> {
        self.exact.get(name)
    }

    /// Those whose patterns fit, the most letters first.
    pub fn like(&self, name: &[u8]) -> impl Iterator<Item = &T> {
        self.patterns.iter().filter(move |(of, _)| of.fits(name)).map(|(_, value)| value)
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), patterns: Vec::new() }
    }
}

impl Pattern {
    fn letters(&self) -> usize {
        self.front.len() + self.back.len()
    }

    fn fits(&self, name: &[u8]) -> bool {
        name.len() >= self.letters() && name.starts_with(&self.front) && name.ends_with(&self.back)
    }
}
