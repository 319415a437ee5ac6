//! Hosts to things: exact names, `*.suffix` wildcards, and what takes all the rest. Used by the
//! route table, and for the listener of a bind. Immutable once compiled; letters in any case.
//!
//! A wildcard stands for one label or more (Gateway API, `Hostname`): `*.example.com` takes
//! `a.example.com` and `a.b.example.com`, never `example.com`. One dot at the end of a host, the
//! root of the DNS, is ignored: `example.com.` is the same host.

use std::error::Error;
use std::fmt;

use memchr::memchr;

use super::index::{Index, hash_folded};
use crate::limits::HOSTNAME_BYTES_MAX;

/// A hostname as a configuration may give it, in lower case; made by `parse` alone, which checks
/// the lengths that a map relies upon.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hostname {
    Exact(Box<[u8]>),
    /// `*.` and this.
    Suffix(Box<[u8]>),
    Any,
}

impl Hostname {
    /// Nothing and `*` are any host. An IPv6 address stands in brackets, as it does in Host.
    pub fn parse(text: &str) -> Result<Self, HostnameError> {
        if text.is_empty() || text == "*" {
            return Ok(Self::Any);
        }
        let lower = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if lower.len() > HOSTNAME_BYTES_MAX {
            return Err(HostnameError::TooLong);
        }
        if let Some(suffix) = lower.strip_prefix("*.") {
            labels(suffix)?;
            return Ok(Self::Suffix(suffix.as_bytes().into()));
        }
        let address = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match address.map(str::parse::<std::net::Ipv6Addr>) {
            Some(Err(_)) => return Err(HostnameError::BadAddress),
            Some(Ok(_)) => (),
            None => labels(&lower)?,
        }
        Ok(Self::Exact(lower.into_bytes().into()))
    }
}

/// What is wrong with a hostname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostnameError {
    TooLong,
    EmptyLabel,
    LongLabel,
    BadCharacter,
    /// Only a whole first label may be `*`.
    BadWildcard,
    BadAddress,
}

impl fmt::Display for HostnameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a hostname of more than 253 characters",
            Self::EmptyLabel => "a hostname with an empty label",
            Self::LongLabel => "a hostname with a label of more than 63 characters",
            Self::BadCharacter => "a hostname with a character that no host has",
            Self::BadWildcard => "a hostname with `*` elsewhere than in `*.` at its start",
            Self::BadAddress => "brackets around something that is not an IPv6 address",
        })
    }
}

impl Error for HostnameError {}

/// Things by host.
#[derive(Debug)]
pub struct HostMap<T> {
    exact: Names<T>,
    suffixes: Names<T>,
    /// Which lengths the suffixes have, a bit each: most dots of a host need no look-up.
    suffix_lengths: [u64; 4],
    any: Option<T>,
}

impl<T> HostMap<T> {
    /// Gives a hostname back that stands in `entries` twice.
    pub fn compile(entries: impl IntoIterator<Item = (Hostname, T)>) -> Result<Self, Hostname> {
        let (mut exact, mut suffixes, mut any) = (Vec::new(), Vec::new(), None);
        let mut suffix_lengths = [0; 4];
        for (hostname, thing) in entries {
            match hostname {
                Hostname::Exact(name) => exact.push((name, thing)),
                Hostname::Suffix(name) => {
                    suffix_lengths[name.len() / 64] |= 1 << (name.len() % 64);
                    suffixes.push((name, thing));
                }
                Hostname::Any if any.is_some() => return Err(Hostname::Any),
                Hostname::Any => any = Some(thing),
            }
        }
        Ok(Self {
            exact: Names::compile(exact).map_err(Hostname::Exact)?,
            suffixes: Names::compile(suffixes).map_err(Hostname::Suffix)?,
            suffix_lengths,
            any,
        })
    }

    /// The thing of the most specific hostname that takes `host`, which comes without its port.
    #[inline]
    pub fn find(&self, host: &[u8]) -> Option<&T> {
        self.levels(host).next()
    }

    /// The things of all hostnames that take `host`, the most specific first.
    #[inline]
    pub fn levels<'t, 'h>(&'t self, host: &'h [u8]) -> Levels<'t, 'h, T> {
        let host = host.strip_suffix(b".").unwrap_or(host);
        let named = host.len() <= HOSTNAME_BYTES_MAX && !host.is_empty();
        let stage = match named {
            true if !self.exact.index.is_empty() => Stage::Exact,
            true if !self.suffixes.index.is_empty() => Stage::Suffix,
            _ => Stage::Any,
        };
        Levels { map: self, rest: host, stage }
    }

    fn has_suffix_of(&self, length: usize) -> bool {
        self.suffix_lengths[length / 64] >> (length % 64) & 1 == 1
    }
}

/// See `HostMap::levels`.
#[derive(Debug)]
pub struct Levels<'t, 'h, T> {
    map: &'t HostMap<T>,
    /// What of the host is still to be tried; its first label never is a suffix by itself.
    rest: &'h [u8],
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Exact,
    Suffix,
    Any,
    Done,
}

impl<'t, T> Levels<'t, '_, T> {
    fn next_suffix(&mut self) -> Option<&'t T> {
        // Something stands before the dot: `.example.com` is no host below `example.com`.
        while let Some(dot) = self.rest.get(1..).and_then(|rest| memchr(b'.', rest)) {
            self.rest = &self.rest[dot + 2..];
            if self.map.has_suffix_of(self.rest.len())
                && let Some(thing) = self.map.suffixes.find(self.rest)
            {
                return Some(thing);
            }
        }
        None
    }
}

impl<'t, T> Iterator for Levels<'t, '_, T> {
    type Item = &'t T;

    #[inline]
    fn next(&mut self) -> Option<&'t T> {
        if let Stage::Exact = self.stage {
            self.stage = Stage::Suffix;
            if let Some(thing) = self.map.exact.find(self.rest) {
                return Some(thing);
            }
        }
        if let Stage::Suffix = self.stage {
            if !self.map.suffixes.index.is_empty()
                && let Some(thing) = self.next_suffix()
            {
                return Some(thing);
            }
            self.stage = Stage::Any;
        }
        if let Stage::Any = self.stage {
            self.stage = Stage::Done;
            return self.map.any.as_ref();
        }
        None
    }
}

/// Things by lower-case name.
#[derive(Debug)]
struct Names<T> {
    index: Index,
    entries: Box<[(Box<[u8]>, T)]>,
}

impl<T> Names<T> {
    fn compile(mut entries: Vec<(Box<[u8]>, T)>) -> Result<Self, Box<[u8]>> {
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(pair[0].0.clone());
        }
        let pairs: Vec<(u64, u32)> =
            entries.iter().zip(0..).map(|((name, _), place)| (hash_folded(name), place)).collect();
        Ok(Self { index: Index::compile(&pairs), entries: entries.into() })
    }

    #[inline]
    fn find(&self, host: &[u8]) -> Option<&T> {
        let is_it = |place: u32| self.entries[place as usize].0.eq_ignore_ascii_case(host);
        let place = self.index.find(hash_folded(host), is_it)?;
        Some(&self.entries[place as usize].1)
    }
}

fn labels(name: &str) -> Result<(), HostnameError> {
    for label in name.split('.') {
        // An underscore is in no host of RFC 1123, and in many that are in use.
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        match label.len() {
            0 => return Err(HostnameError::EmptyLabel),
            1..=63 if label.bytes().all(good) => (),
            1..=63 if label.contains('*') => return Err(HostnameError::BadWildcard),
            1..=63 => return Err(HostnameError::BadCharacter),
            _ => return Err(HostnameError::LongLabel),
        }
    }
    Ok(())
}

const _: () = assert!(HOSTNAME_BYTES_MAX < 256);

#[cfg(test)]
mod tests;
