//! From what a user wrote to a `Table`. Takes everything that can be decided before a request:
//! order of precedence, trees of segments, regular expressions in groups.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;

use regex::bytes::{Regex, RegexSet, RegexSetBuilder};

use super::field::is_token;
use super::host::{HostMap, Hostname, HostnameError};
use super::path::Draft;
use super::predicate::{Predicate, Pseudo};
use super::{Entry, Expression, Gate, MatchSpec, PathSpec, RouteSpec, Table, ValueSpec};
use crate::base::id::RouteId;
use crate::base::pattern::{Pattern, PatternError, anchored, whole_regex};
use crate::limits::{GATE_PATTERNS_MAX, PATTERN_BYTES_MAX, ROUTE_MATCHES_MAX};

/// What is wrong with a route, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileError {
    pub route: RouteId,
    pub place: Place,
    pub reason: Reason,
}

/// Which part of a route, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Hostname(usize),
    Path(usize),
    Method(usize),
    Header { of_match: usize, at: usize },
    Query { of_match: usize, at: usize },
    Source(usize),
    Route,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Hostname(HostnameError),
    /// A path begins with `/` and is in normal form: no `?`, `#`, control, space, dot segment.
    BadPath,
    Pattern(PatternError),
    BadMethod,
    BadHeaderName,
    BadQueryName,
    /// More than `ROUTE_MATCHES_MAX` matches, each counted for each of its hostnames.
    TooManyMatches,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Hostname(at) => write!(f, "hostnames[{at}]: ")?,
            Place::Path(at) => write!(f, "matches[{at}].path: ")?,
            Place::Method(at) => write!(f, "matches[{at}].method: ")?,
            Place::Header { of_match, at } => write!(f, "matches[{of_match}].headers[{at}]: ")?,
            Place::Query { of_match, at } => write!(f, "matches[{of_match}].query[{at}]: ")?,
            Place::Source(at) => write!(f, "matches[{at}].source: ")?,
            Place::Route => (),
        }
        match self.reason {
            Reason::Hostname(error) => error.fmt(f),
            Reason::BadPath => f.write_str("not a path in normal form that begins with `/`"),
            Reason::Pattern(error) => error.fmt(f),
            Reason::BadMethod => f.write_str("not a method"),
            Reason::BadHeaderName => f.write_str("not a header name"),
            Reason::BadQueryName => f.write_str("a query parameter without a name"),
            Reason::TooManyMatches => write!(f, "more than {ROUTE_MATCHES_MAX} matches in all"),
        }
    }
}

impl Error for CompileError {}

/// See `Table::compile`.
pub(super) fn compile(specs: &[RouteSpec]) -> Result<Table, CompileError> {
    let mut predicates = Vec::new();
    let mut by_host: BTreeMap<Hostname, Vec<Match>> = BTreeMap::new();
    let mut count = 0;
    for spec in specs {
        let hostnames = hostnames(spec)?;
        let matches = compile_matches(spec, &mut predicates)?;
        count += hostnames.len() * matches.len();
        if count > ROUTE_MATCHES_MAX {
            return Err(error(spec, Place::Route, Reason::TooManyMatches));
        }
        for hostname in hostnames {
            by_host.entry(hostname).or_default().extend_from_slice(&matches);
        }
    }
    let mut forest = Draft::new();
    let hosts: Vec<(Hostname, u32)> = by_host
        .into_iter()
        .map(|(hostname, matches)| (hostname, place(matches, &mut forest)))
        .collect();
    let (forest, entries, gates) = forest.freeze();
    Ok(Table {
        hosts: HostMap::compile(hosts).expect("the keys of a map differ"),
        forest,
        entries: entries.into(),
        gates: gates.into(),
        predicates: predicates.into(),
    })
}

/// One match of one route. The order of the fields of `Precedence` is the rule itself.
#[derive(Clone, Debug)]
struct Match {
    precedence: Precedence,
    path: Path,
    entry: Entry,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Precedence {
    path_rank: Reverse<u8>,
    path_len: Reverse<usize>,
    has_method: Reverse<bool>,
    headers: Reverse<usize>,
    query: Reverse<usize>,
    source: Reverse<usize>,
    order: u32,
    at: usize,
}

#[derive(Clone, Debug)]
enum Path {
    Exact(Box<[u8]>),
    /// Without `/` at its end, so that `/` is empty.
    Prefix(Box<[u8]>),
    /// With its text.
    Regex(Regex, String),
}

fn hostnames(spec: &RouteSpec) -> Result<BTreeSet<Hostname>, CompileError> {
    if spec.hostnames.is_empty() {
        return Ok(BTreeSet::from([Hostname::Any]));
    }
    let parse = |(at, text): (usize, &String)| {
        Hostname::parse(text)
            .map_err(|reason| error(spec, Place::Hostname(at), Reason::Hostname(reason)))
    };
    spec.hostnames.iter().enumerate().map(parse).collect()
}

fn compile_matches(
    spec: &RouteSpec,
    predicates: &mut Vec<Predicate>,
) -> Result<Vec<Match>, CompileError> {
    let all = [MatchSpec::default()];
    let matches = if spec.matches.is_empty() { &all[..] } else { &spec.matches[..] };
    let compile_one = |(at, one): (usize, &MatchSpec)| {
        let path = compile_path(one).map_err(|reason| error(spec, Place::Path(at), reason))?;
        let start = predicates.len() as u32;
        push_predicates(one, at, predicates)
            .map_err(|(place, reason)| error(spec, place, reason))?;
        Ok(Match {
            precedence: precedence(spec.order, at, one),
            path,
            entry: Entry { route: spec.id, predicates: start..predicates.len() as u32 },
        })
    };
    matches.iter().enumerate().map(compile_one).collect()
}

/// Gateway API's order, with regular expressions, which it leaves open, behind prefixes as
/// agentgateway has them. A path's length is counted as it is written.
fn precedence(order: u32, at: usize, one: &MatchSpec) -> Precedence {
    let (path_rank, path_len) = match &one.path {
        Some(PathSpec::Exact(path)) => (3, path.len()),
        Some(PathSpec::Prefix(path)) => (2, path.len()),
        Some(PathSpec::Regex(expression)) => (1, expression.len()),
        None => (2, 1),
    };
    Precedence {
        path_rank: Reverse(path_rank),
        path_len: Reverse(path_len),
        has_method: Reverse(one.method.is_some()),
        headers: Reverse(one.headers.len()),
        query: Reverse(one.query.len()),
        source: Reverse(one.source.len()),
        order,
        at,
    }
}

fn compile_path(one: &MatchSpec) -> Result<Path, Reason> {
    match &one.path {
        None => Ok(Path::Prefix(Box::default())),
        Some(PathSpec::Exact(path)) if is_normal(path) => Ok(Path::Exact(path.as_bytes().into())),
        Some(PathSpec::Prefix(path)) if path.is_empty() || is_normal(path) => {
            Ok(Path::Prefix(path.trim_end_matches('/').as_bytes().into()))
        }
        Some(PathSpec::Regex(expression)) => {
            let regex = whole_regex(expression).map_err(Reason::Pattern)?;
            Ok(Path::Regex(regex, expression.clone()))
        }
        Some(_) => Err(Reason::BadPath),
    }
}

/// Requests are looked up by the normal form of their path: another one would never match.
fn is_normal(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte))
        && !path.split('/').any(|segment| segment == "." || segment == "..")
}

fn push_predicates(
    one: &MatchSpec,
    of_match: usize,
    predicates: &mut Vec<Predicate>,
) -> Result<(), (Place, Reason)> {
    if let Some(method) = &one.method {
        if !is_token(method) {
            return Err((Place::Method(of_match), Reason::BadMethod));
        }
        predicates.push(Predicate::Method(method.as_bytes().into()));
    }
    for (at, (name, value)) in one.headers.iter().enumerate() {
        let place = Place::Header { of_match, at };
        let pattern = compile_value(value).map_err(|reason| (place, reason))?;
        predicates.push(match Pseudo::parse(name) {
            Some(pseudo) => Predicate::Pseudo(pseudo, pattern),
            None if is_token(name) => {
                Predicate::Header(name.to_ascii_lowercase().into_bytes().into(), pattern)
            }
            None => return Err((place, Reason::BadHeaderName)),
        });
    }
    for (at, (name, value)) in one.query.iter().enumerate() {
        let place = Place::Query { of_match, at };
        let pattern = compile_value(value).map_err(|reason| (place, reason))?;
        if name.is_empty() {
            return Err((place, Reason::BadQueryName));
        }
        predicates.push(Predicate::Query(name.as_bytes().into(), pattern));
    }
    for (part, value) in &one.source {
        let pattern = compile_value(value).map_err(|reason| (Place::Source(of_match), reason))?;
        predicates.push(Predicate::Source(*part, pattern));
    }
    Ok(())
}

fn compile_value(value: &ValueSpec) -> Result<Pattern, Reason> {
    match value {
        ValueSpec::Exact(text) => Ok(Pattern::exact(text)),
        ValueSpec::Regex(expression) => Pattern::regex(expression).map_err(Reason::Pattern),
    }
}

/// Puts the matches of one host where a request will look for them; gives the root of its tree.
fn place(mut matches: Vec<Match>, forest: &mut Draft<Entry, Gate>) -> u32 {
    matches.sort_by(|left, right| left.precedence.cmp(&right.precedence));
    let root = forest.root();
    let mut expressions: BTreeMap<String, Vec<(Expression, String)>> = BTreeMap::new();
    for (one, rank) in matches.into_iter().zip(0..) {
        match one.path {
            Path::Exact(path) => forest.exact(root, &path).push(one.entry),
            Path::Prefix(path) => forest.prefix(root, &path).push(one.entry),
            Path::Regex(regex, text) => {
                let below = expressions.entry(literal_segments(&text).to_owned()).or_default();
                below.push((Expression { rank, regex, entry: one.entry }, text));
            }
        }
    }
    for (path, below) in expressions {
        let gates = below.chunks(GATE_PATTERNS_MAX).map(gate);
        forest.gates(root, path.as_bytes()).extend(gates);
    }
    root
}

/// The whole segments, without the `/` behind the last, that every path begins with which the
/// expression matches. It sees the plain characters at the start and nothing else; where it is not
/// sure, none.
fn literal_segments(expression: &str) -> &str {
    // Another branch may begin otherwise. One in a group behind the plain part may not, but to
    // tell them apart takes a parser.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte);
    let end = expression.bytes().position(|byte| !plain(byte)).unwrap_or(expression.len());
    if expression.contains('|') || !expression.starts_with('/') {
        return "";
    }
    // What is optional, or comes any number of times, is not relied upon.
    let optional = expression[end..].starts_with(['?', '*', '{']);
    let sure = &expression[..end - usize::from(optional)];
    sure.rfind('/').map_or("", |slash| &sure[..slash])
}

fn gate(expressions: &[(Expression, String)]) -> Gate {
    Gate {
        any: (expressions.len() > 1).then(|| any_of(expressions)).flatten(),
        expressions: expressions.iter().map(|(expression, _)| expression.clone()).collect(),
    }
}

/// A set too large to be built is done without: its expressions are then tried one by one.
fn any_of(expressions: &[(Expression, String)]) -> Option<RegexSet> {
    RegexSetBuilder::new(expressions.iter().map(|(_, text)| anchored(text)))
        .size_limit(PATTERN_BYTES_MAX * GATE_PATTERNS_MAX)
        .build()
        .ok()
}

fn error(spec: &RouteSpec, place: Place, reason: Reason) -> CompileError {
    CompileError { route: spec.id, place, reason }
}

#[cfg(test)]
mod tests;
