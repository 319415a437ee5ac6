//! `Listing`: what `/v1/models` tells, all of it and each by itself. Answers that are ready, as
//! OpenAI, Anthropic and Google have them.

use std::collections::HashMap;

use super::error::Error;
use crate::http::reply::Shape;
use crate::route::target::FixedReply;

#[derive(Clone, Debug)]
pub struct Listing {
    pub names: Vec<String>,
    pub lists: [FixedReply; SHAPES.len()],
    pub each: HashMap<Box<[u8]>, [FixedReply; SHAPES.len()]>,
    /// There are no other models; else a provider may know more.
    pub is_whole: bool,
}

impl Listing {
    pub fn all(&self, shape: Shape) -> &FixedReply {
        &self.lists[place(shape)]
    }

    /// The model that a path asks for, of those that who asks may; `None`: it asks for none, or for
    /// one that is not ours to tell of.
    ///
    /// # Errors
    /// There is no such model.
    pub fn one(
        &self,
        path: &[u8],
        shape: Shape,
        may_ask: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<&FixedReply>, Error> {
        let Some(at) = memchr::memmem::rfind(path, FRONT) else { return Ok(None) };
        let name = decoded(&path[at + FRONT.len()..]);
        match self.each.get(&*name) {
            _ if !may_ask(&name) => Err(Error::UnknownModel),
            Some(replies) => Ok(Some(&replies[place(shape)])),
            None if self.is_whole => Err(Error::UnknownModel),
            None => Ok(None),
        }
    }
}

/// In the order of their places.
pub const SHAPES: [Shape; 3] = [Shape::OpenAi, Shape::Anthropic, Shape::Google];

fn place(shape: Shape) -> usize {
    SHAPES.iter().position(|known| *known == shape).unwrap_or(0)
}

/// Names have slashes in them, which some libraries write as they are and others do not.
fn decoded(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| str::from_utf8(digits).ok());
        let byte = byte.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &behind[2..];
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

const FRONT: &[u8] = b"/v1/models/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_by_its_path() {
        let reply = |body: &[u8]| FixedReply::compile(200, &[], body).unwrap();
        let all = || [reply(b"openai"), reply(b"anthropic"), reply(b"google")];
        let each = [(b"local/a b"[..].into(), all())].into();
        let mut listing = Listing { names: Vec::new(), lists: all(), each, is_whole: true };
        for path in ["/v1/models/local/a%20b", "/x/v1/models/local%2fa%20b"] {
            let told =
                |shape| listing.one(path.as_bytes(), shape, |_| true).unwrap().unwrap().body();
            let bodies = [&b"openai"[..], b"anthropic", b"google"];
            assert_eq!(SHAPES.map(told), bodies);
        }
        for path in ["/v1/models/", "/v1/models/local", "/v1/models/%", "/v1/models/%zz"] {
            let told = listing.one(path.as_bytes(), Shape::OpenAi, |_| true);
            assert_eq!(told.unwrap_err(), Error::UnknownModel, "{path}");
        }
        assert!(listing.one(b"/v1/models", Shape::OpenAi, |_| true).unwrap().is_none());
        listing.is_whole = false;
        assert!(listing.one(b"/v1/models/other", Shape::OpenAi, |_| true).unwrap().is_none());
        let told = listing.one(b"/v1/models/local/a%20b", Shape::OpenAi, |_| false);
        assert_eq!(told.unwrap_err(), Error::UnknownModel, "it is not for this key");
    }
}
