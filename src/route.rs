//! Where a request goes: a table compiled at load, immutable, shared by all workers. It knows
//! routes by id alone, never what stands behind one; owns no state.
//!
//! # Which route
//!
//! Hosts first, from the most specific hostname that takes the request's to the least: the exact
//! name, wildcards from the longest, routes without a hostname. The first of them with a match
//! decides; if none of a host's routes matches, the next hostname gets its turn. Within one
//! hostname Gateway API's precedence holds:
//!
//! 1. an exact path, then a prefix, then a regular expression (which Gateway API leaves open:
//!    agentgateway puts it last, so that a catch-all prefix hides it);
//! 2. the longest path, by its characters;
//! 3. a match with a method;
//! 4. the most header fields, 5. the most query parameters, 6. the most that is asked of the
//!    client's certificate (ours);
//! 7. the place in the file, of the route and then of the match.
//!
//! # What it costs
//!
//! A hash for the host, one for each segment of the path that the tree knows, and no list of
//! routes anywhere: only matches of one hostname and one path that differ in method, headers or
//! query are tried one after the other. Regular expressions are tried when nothing else matched,
//! and only those whose first segments are the path's, in groups behind a gate. Nothing is
//! allocated.

pub mod field;
pub mod host;
pub mod rewrite;
pub mod split;
pub mod target;

mod compile;
mod index;
mod path;
mod predicate;
mod query;

use std::ops::Range;

use regex::bytes::{Regex, RegexSet};

pub use compile::{CompileError, Place, Reason};

use crate::base::id::RouteId;
use crate::net::tls::Identity;
use host::HostMap;
use path::{Forest, Walk};
use predicate::Predicate;

/// What a request shows of itself.
pub trait Subject {
    fn method(&self) -> &[u8];

    /// The host that is asked for, in any case and without its port.
    fn host(&self) -> &[u8];

    /// The host with its port, as it was sent.
    fn authority(&self) -> &[u8] {
        self.host()
    }

    /// The path in its normal form, which is the one that is forwarded.
    fn path(&self) -> &[u8];

    /// What is behind `?`.
    fn query(&self) -> Option<&[u8]>;

    /// The first value of a field; `name` is in lower case and never a pseudo header.
    fn header(&self, name: &[u8]) -> Option<&[u8]>;

    /// Who the client is by its certificate.
    fn identity(&self) -> Option<&Identity> {
        None
    }
}

/// A route as the configuration has it.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    /// None means any host.
    pub hostnames: Vec<String>,
    /// None means any request.
    pub matches: Vec<MatchSpec>,
    pub id: RouteId,
    /// The place in the file.
    pub order: u32,
}

/// All of it must hold.
#[derive(Clone, Debug, Default)]
pub struct MatchSpec {
    /// None means the prefix `/`.
    pub path: Option<PathSpec>,
    pub method: Option<String>,
    /// Names are those of fields, or `:method`, `:path` (with its query), `:authority`.
    pub headers: Vec<(String, ValueSpec)>,
    /// Names and values are compared decoded.
    pub query: Vec<(String, ValueSpec)>,
    /// Of the client's certificate: without one nothing of it holds.
    pub source: Vec<(SourcePart, ValueSpec)>,
}

/// What a client's certificate says, as far as routes look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePart {
    /// The SPIFFE id.
    Identity,
    Subject,
    SubjectCn,
    Issuer,
    /// One of the names: hosts, URIs, mail addresses.
    SubjectAltName,
}

#[derive(Clone, Debug)]
pub enum PathSpec {
    Exact(String),
    /// By whole segments: `/a` is a prefix of `/a`, `/a/` and `/a/b`, not of `/ab`. A `/` at the
    /// end makes no difference.
    Prefix(String),
    /// Of the whole path.
    Regex(String),
}

#[derive(Clone, Debug)]
pub enum ValueSpec {
    Exact(String),
    /// Of the whole value.
    Regex(String),
}

/// The routes of one listener.
#[derive(Debug)]
pub struct Table {
    /// The root of each hostname's tree.
    hosts: HostMap<u32>,
    forest: Forest,
    entries: Box<[Entry]>,
    gates: Box<[Gate]>,
    predicates: Box<[Predicate]>,
}

/// The answer of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub route: RouteId,
    /// How much of the path the match spoke of, for rewrites of the prefix: without the `/` at a
    /// prefix's end, and all of the path when it was matched exactly or by an expression.
    pub prefix_len: usize,
}

impl Table {
    pub fn compile(specs: &[RouteSpec]) -> Result<Self, CompileError> {
        compile::compile(specs)
    }

    #[inline]
    pub fn find<S: Subject>(&self, subject: &S) -> Option<Found> {
        self.hosts.levels(subject.host()).find_map(|&root| self.find_in(root, subject))
    }

    fn find_in<S: Subject>(&self, root: u32, subject: &S) -> Option<Found> {
        let path = subject.path();
        let walk = self.forest.walk(root, path);
        if let Some(range) = self.forest.exact(walk)
            && let Some(route) = self.first_of(range, subject)
        {
            return Some(Found { route, prefix_len: path.len() });
        }
        for (range, prefix_len) in self.forest.prefixes(walk) {
            if let Some(route) = self.first_of(range, subject) {
                return Some(Found { route, prefix_len });
            }
        }
        let route = self.first_expression(walk, subject)?;
        Some(Found { route, prefix_len: path.len() })
    }

    #[inline]
    fn first_of<S: Subject>(&self, range: Range<u32>, subject: &S) -> Option<RouteId> {
        let entries = &self.entries[range.start as usize..range.end as usize];
        entries.iter().find(|entry| self.holds(entry, subject)).map(|entry| entry.route)
    }

    /// The match of the highest rank: each place of the tree has its gates in order, and is left
    /// as soon as what follows there ranks behind what was found elsewhere.
    fn first_expression<S: Subject>(&self, walk: Walk, subject: &S) -> Option<RouteId> {
        let path = subject.path();
        let mut best: Option<&Expression> = None;
        for range in self.forest.gates(walk) {
            let hit = self.gates[range.start as usize..range.end as usize]
                .iter()
                .filter(|gate| gate.may_match(path))
                .flat_map(|gate| &gate.expressions)
                .take_while(|one| best.is_none_or(|best| one.rank < best.rank))
                .find(|one| one.regex.is_match(path) && self.holds(&one.entry, subject));
            best = hit.or(best);
        }
        best.map(|best| best.entry.route)
    }

    #[inline]
    fn holds<S: Subject>(&self, entry: &Entry, subject: &S) -> bool {
        let range = entry.predicates.start as usize..entry.predicates.end as usize;
        self.predicates[range].iter().all(|predicate| predicate.holds(subject))
    }
}

/// Some path expressions in order of precedence, and one that says whether any of them can match.
#[derive(Debug)]
struct Gate {
    any: Option<RegexSet>,
    expressions: Box<[Expression]>,
}

impl Gate {
    fn may_match(&self, path: &[u8]) -> bool {
        self.any.as_ref().is_none_or(|any| any.is_match(path))
    }
}

#[derive(Clone, Debug)]
struct Expression {
    /// Among all expressions of its hostname; 0 goes first.
    rank: u32,
    regex: Regex,
    entry: Entry,
}

/// One match of a route, its path apart.
#[derive(Clone, Debug)]
struct Entry {
    route: RouteId,
    predicates: Range<u32>,
}

#[cfg(test)]
mod tests;
