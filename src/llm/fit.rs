//! What the body of a request has to be for a provider that speaks an API with a word of its own:
//! Claude on Vertex has its version in the body and no model; a guardrail of Bedrock is a member of
//! Converse. Spliced in, all else stays as it was written.

use std::ops::Range;

use super::api::Api;
use super::error::Error;
use super::provider::Fits;
use crate::proto::json_scan::{Found, Kind, Path, Scan};

/// The body as the provider takes it; `None`: as it is. `path` is where it goes.
///
/// # Errors
/// It says twice what stands in it once.
pub fn fitted(
    fits: &Fits,
    (api, path): (Api, &[u8]),
    body: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    match fits {
        Fits::Nothing => Ok(None),
        Fits::Vertex => {
            let is_messages = match api {
                Api::Messages | Api::CountTokens => true,
                Api::Other => memchr::memmem::find(path, b"/publishers/anthropic/").is_some(),
                _ => false,
            };
            // A count has the model in its body: its path names none.
            let counts = memchr::memmem::find(path, b"/count-tokens:").is_some();
            let counts = counts || api == Api::CountTokens;
            if is_messages { vertex(body, counts) } else { Ok(None) }
        }
        Fits::Guarded(member) => {
            let end = memchr::memchr(b'?', path).unwrap_or(path.len());
            let converses = [&b"/converse"[..], b"/converse-stream"];
            let is_converse = converses.iter().any(|known| path[..end].ends_with(known));
            if is_converse { guarded(member, body) } else { Ok(None) }
        }
    }
}

fn vertex(body: &[u8], counts: bool) -> Result<Option<Vec<u8>>, Error> {
    let seen = Seen::of(body)?;
    let drop = seen.model.filter(|_| !counts).map(|value| member(body, &value));
    let version = (!seen.has_version).then_some(VERSION);
    Ok(spliced(body, seen.inside, (version, seen.is_empty), drop))
}

fn guarded(config: &[u8], body: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let seen = Seen::of(body)?;
    // What the operator wants stands in the place of what the client says.
    let drop = seen.guardrail.map(|value| member(body, &value));
    Ok(spliced(body, seen.inside, (Some(config), seen.is_empty), drop))
}

/// What is looked for.
#[derive(Default)]
struct Seen {
    /// Behind the brace that opens the body.
    inside: usize,
    is_empty: bool,
    model: Option<Range<usize>>,
    guardrail: Option<Range<usize>>,
    has_version: bool,
    twice: bool,
}

impl Seen {
    fn of(body: &[u8]) -> Result<Self, Error> {
        let mut seen = Self::default();
        let mut take = |found: &Found<'_>| match (found.path, found.kind) {
            (0, Kind::Object(is_empty)) => {
                (seen.inside, seen.is_empty) = (found.start + 1, is_empty);
            }
            (1, _) => seen.twice |= seen.model.replace(found.start..found.end).is_some(),
            (2, _) => seen.has_version = true,
            (3, _) => seen.twice |= seen.guardrail.replace(found.start..found.end).is_some(),
            _ => (),
        };
        let mut scan = Scan::new(PATHS);
        let read = scan.push(body, &mut take).and_then(|()| scan.end(&mut take));
        match read {
            Err(_) => Err(Error::NotJson),
            Ok(()) if seen.inside == 0 => Err(Error::NotAnObject),
            Ok(()) if seen.twice => Err(Error::Duplicate),
            Ok(()) => Ok(seen),
        }
    }
}

/// A member whose value stands there, with its name and one comma beside it.
fn member(body: &[u8], value: &Range<usize>) -> Range<usize> {
    let back = |mut at: usize| {
        while at > 0 && body[at - 1].is_ascii_whitespace() {
            at -= 1;
        }
        at
    };
    // In front of the value: a colon, and a name, in which no quote can be.
    let colon = back(value.start).saturating_sub(1);
    let close = back(colon).saturating_sub(1);
    let open = memchr::memrchr(b'"', &body[..close]).unwrap_or(close);
    let behind = &body[value.end..];
    let spaces = behind.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if behind.get(spaces) == Some(&b',') {
        return open..value.end + spaces + 1;
    }
    let front = back(open);
    let comma = front > 0 && body[front - 1] == b',';
    (if comma { front - 1 } else { open })..value.end
}

/// The body with a member more in front, and one less.
fn spliced(
    body: &[u8],
    inside: usize,
    (first, is_empty): (Option<&[u8]>, bool),
    drop: Option<Range<usize>>,
) -> Option<Vec<u8>> {
    if first.is_none() && drop.is_none() {
        return None;
    }
    let drop = drop.unwrap_or(inside..inside);
    let mut out = Vec::with_capacity(body.len() + first.map_or(0, <[u8]>::len));
    out.extend_from_slice(&body[..inside]);
    out.extend_from_slice(first.unwrap_or_default());
    let (front, behind) = (&body[inside..drop.start], &body[drop.end..]);
    let nothing = |part: &[u8]| part.trim_ascii().is_empty();
    if first.is_some() && (is_empty || (nothing(front) && behind.trim_ascii() == b"}")) {
        // Its comma has nothing behind it.
        out.pop();
    }
    out.extend_from_slice(front);
    out.extend_from_slice(behind);
    Some(out)
}

const PATHS: &[Path] = &[&[], &["model"], &["anthropic_version"], &["guardrailConfig"]];
const VERSION: &[u8] = b"\"anthropic_version\":\"vertex-2023-10-16\",";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fits: &Fits, (api, path): (Api, &str), body: &str, expected: Option<&str>) {
        let fitted = fitted(fits, (api, path.as_bytes()), body.as_bytes()).unwrap();
        let fitted = fitted.map(|body| String::from_utf8(body).unwrap());
        assert_eq!(fitted.as_deref(), expected, "{body}");
        if let Some(fitted) = fitted {
            serde_json::from_str::<serde_json::Value>(&fitted).unwrap();
        }
    }

    #[test]
    fn claude_on_vertex_has_a_version_and_no_model() {
        let v = r#""anthropic_version":"vertex-2023-10-16""#;
        let messages = (Api::Messages, "/x");
        for (body, expected) in [
            (r#"{"model":"m","a":1}"#, format!(r#"{{{v},"a":1}}"#)),
            (r#"{ "a" : 1 , "model" : "m" }"#, format!(r#"{{{v}, "a" : 1  }}"#)),
            (r#"{"a":1,"mod\u0065l":"m","b":2}"#, format!(r#"{{{v},"a":1,"b":2}}"#)),
            (r#"{"model":"m"}"#, format!("{{{v}}}")),
            ("{}", format!("{{{v}}}")),
            (r#"{"a":{"model":"x"}}"#, format!(r#"{{{v},"a":{{"model":"x"}}}}"#)),
            (r#"{"anthropic_version":"z","model":"m"}"#, r#"{"anthropic_version":"z"}"#.to_owned()),
        ] {
            check(&Fits::Vertex, messages, body, Some(&expected));
        }
        check(&Fits::Vertex, messages, r#"{"anthropic_version":"z"}"#, None);
        let wrong = |body: &[u8]| fitted(&Fits::Vertex, (Api::Messages, b"/x"), body).unwrap_err();
        assert_eq!((wrong(b"[]"), wrong(b"{")), (Error::NotAnObject, Error::NotJson));
        let counted = format!(r#"{{{v},"model":"m"}}"#);
        check(&Fits::Vertex, (Api::CountTokens, "/x"), r#"{"model":"m"}"#, Some(&counted));
        check(&Fits::Vertex, (Api::Completions, "/x"), r#"{"model":"m"}"#, None);
        check(&Fits::Nothing, messages, r#"{"model":"m"}"#, None);
    }

    #[test]
    fn the_guardrail_is_the_operators() {
        let guarded = Fits::Guarded(br#""guardrailConfig":{"i":1},"#[..].into());
        let converse = (Api::Other, "/model/m/converse?x=1");
        let config = r#""guardrailConfig":{"i":1}"#;
        for (body, expected) in [
            (r#"{"messages":[]}"#, format!(r#"{{{config},"messages":[]}}"#)),
            (
                r#"{"messages":[],"guardrailConfig":{"i":2}}"#,
                format!(r#"{{{config},"messages":[]}}"#),
            ),
            (r#"{"guardrailConfig":null}"#, format!("{{{config}}}")),
            ("{ }", format!("{{{config} }}")),
        ] {
            check(&guarded, converse, body, Some(&expected));
        }
        check(
            &guarded,
            (Api::Other, "/model/m/converse-stream"),
            "{}",
            Some(&format!("{{{config}}}")),
        );
        check(&guarded, (Api::Other, "/model/m/invoke"), "{}", None);
        let twice = br#"{"guardrailConfig":{},"guardrailConfi\u0067":{}}"#;
        let refused = fitted(&guarded, (Api::Other, b"/model/m/converse"), twice);
        assert_eq!(refused, Err(Error::Duplicate));
    }
}
