//! Content codings, RFC 9110 section 8.4: which one a client takes, bytes into it and out of it.
//!
//! Codes step by step into room that the caller has, so that nothing grows with a body. Refuses
//! `deflate`, which two kinds of clients read in two ways, and `compress`. An encoder is the one
//! thing here that is large (a megabyte or so): who has many bounds them (`http::coders`).

pub mod accept;
pub mod decode;
pub mod encoder;

pub use accept::quality;
pub use decode::{DecodeError, decode, undo};
pub use encoder::{Encoder, Step, Then};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// As the registry of RFC 9110 section 18.6 has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Of a `Content-Encoding`; `x-gzip` is the same as `gzip`, RFC 9110 section 8.4.1.3.
    pub fn parse(name: &[u8]) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|coding| is(coding.name()))
    }
}
