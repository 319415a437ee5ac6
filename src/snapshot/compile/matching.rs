//! What a route matches, as its table wants it.

use crate::config::route::{PathMatch, RouteMatch, SourceMatch, ValueMatch};
use crate::route::{MatchSpec, PathSpec, SourcePart, ValueSpec};

pub(super) fn match_spec(raw: &RouteMatch) -> MatchSpec {
    MatchSpec {
        path: Some(match &raw.path {
            PathMatch::Exact(path) => PathSpec::Exact(path.clone()),
            PathMatch::PathPrefix(path) => PathSpec::Prefix(path.clone()),
            PathMatch::Regex(regex) => PathSpec::Regex(regex.clone()),
        }),
        method: raw.method.clone(),
        headers: raw
            .headers
            .iter()
            .map(|header| (header.name.as_str().to_owned(), value_spec(&header.value)))
            .collect(),
        query: raw
            .query
            .iter()
            .map(|query| (query.name.clone(), value_spec(&query.value)))
            .collect(),
        source: raw.source.as_ref().map(source_spec).unwrap_or_default(),
    }
}

fn source_spec(raw: &SourceMatch) -> Vec<(SourcePart, ValueSpec)> {
    let parts = [
        (SourcePart::Identity, &raw.identity),
        (SourcePart::Subject, &raw.subject),
        (SourcePart::SubjectCn, &raw.subject_cn),
        (SourcePart::Issuer, &raw.issuer),
        (SourcePart::SubjectAltName, &raw.subject_alt_name),
    ];
    let written = parts.into_iter().filter_map(|(part, value)| Some((part, value.as_ref()?)));
    written.map(|(part, value)| (part, value_spec(value))).collect()
}

fn value_spec(raw: &ValueMatch) -> ValueSpec {
    match raw {
        ValueMatch::Exact(value) => ValueSpec::Exact(value.clone()),
        ValueMatch::Regex(regex) => ValueSpec::Regex(regex.clone()),
    }
}
