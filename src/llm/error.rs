//! What is wrong with a request for a model, or with the answer to one. What the caller is told of
//! it stands in the table of `proxy::failure`.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The body is no JSON, or no UTF-8.
    NotJson,
    TooDeep,
    NotAnObject,
    NoModel,
    /// The name is no text, or longer than any model's.
    BadModel,
    BadStream,
    /// A field that we act on stands twice: which one counts depends on who reads.
    Duplicate,
    UnknownModel,
    /// Whoever has it has too much to do, for so many seconds; 0: nobody says how long.
    Limited(u32),
    /// The key that was shown is not for it.
    ModelRefused,
    /// It would take a translation.
    NotSpoken,
    /// It says what the provider's dialect has no words for; which, the exchange knows.
    Refused,
    /// The path is not for this method.
    BadMethod,
    /// The provider sent what is no answer of its API: a page for people.
    BadAnswer,
}
