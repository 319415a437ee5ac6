//! What the line of a request says, in APIs that have the model in the path and not in the body; and
//! how a model is written into a path.

use super::api::Api;
use super::error::Error;
use crate::limits::JSON_TEXT_BYTES_MAX;

/// A model, and how it is to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InPath {
    pub model: Vec<u8>,
    pub streams: bool,
}

/// `None`: it is in the body.
///
/// # Errors
/// What stands in its place is no name of a model.
pub fn read(api: Api, path: &[u8]) -> Result<Option<InPath>, Error> {
    let found = match api {
        Api::Generate | Api::GenerateCount | Api::Messages => verb(path),
        Api::Converse => of_bedrock(path),
        _ => None,
    };
    let Some((model, streams)) = found else {
        let is_needed = matches!(api, Api::Generate | Api::Converse);
        return if is_needed { Err(Error::NoModel) } else { Ok(None) };
    };
    let model = decoded(model).ok_or(Error::BadModel)?;
    let fits = !model.is_empty() && model.len() <= JSON_TEXT_BYTES_MAX;
    match fits && str::from_utf8(&model).is_ok_and(|name| !name.chars().any(char::is_control)) {
        true => Ok(Some(InPath { model, streams })),
        false => Err(Error::BadModel),
    }
}

/// `.../models/<model>:<verb>`, as Google has it.
fn verb(path: &[u8]) -> Option<(&[u8], bool)> {
    let start = memchr::memrchr(b'/', path)? + 1;
    let (model, verb) = path[start..].split_at(memchr::memrchr(b':', &path[start..])?);
    match verb {
        b":generateContent" | b":countTokens" | b":rawPredict" => Some((model, false)),
        b":streamGenerateContent" | b":streamRawPredict" => Some((model, true)),
        _ => None,
    }
}

/// `/model/<model>/converse`. A model may be an ARN, whose slashes are escaped, or are not.
fn of_bedrock(path: &[u8]) -> Option<(&[u8], bool)> {
    let (front, streams) = match path.strip_suffix(b"/converse-stream") {
        Some(front) => (front, true),
        None => (path.strip_suffix(b"/converse")?, false),
    };
    let at = memchr::memmem::find(front, BEFORE_MODEL)?;
    Some((&front[at + BEFORE_MODEL.len()..], streams))
}

/// Without escapes. None: there is half of one.
pub fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let mut digit = || char::from(*rest.next()?).to_digit(16);
        out.push((digit()? * 16 + digit()?) as u8);
    }
    Some(out)
}

/// Appends a model as a segment of a path. Nothing in it can end the segment, or be taken for a
/// step up.
///
/// # Returns
/// False, and nothing is written, where it is no name that a path can have.
#[must_use]
pub fn put_segment(out: &mut Vec<u8>, model: &[u8]) -> bool {
    if model.is_empty() || model.iter().all(|byte| *byte == b'.') {
        return false;
    }
    for byte in model {
        match byte {
            byte if byte.is_ascii_alphanumeric() => out.push(*byte),
            b'-' | b'_' | b'.' | b'~' | b'@' => out.push(*byte),
            byte => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'%', high, low]);
            }
        }
    }
    true
}

const BEFORE_MODEL: &[u8] = b"/model/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_model() {
        let streams = |model: &str| Some((model.to_owned(), true));
        let whole = |model: &str| Some((model.to_owned(), false));
        for (api, path, wanted) in [
            (Api::Generate, "/v1beta/models/gemini-4:generateContent", whole("gemini-4")),
            (Api::Generate, "/x/models/g:streamGenerateContent", streams("g")),
            (Api::GenerateCount, "/v1/models/g:countTokens", whole("g")),
            (Api::Messages, "/v1/publishers/anthropic/models/c@1:streamRawPredict", streams("c@1")),
            (Api::Messages, "/v1/messages", None),
            (Api::Converse, "/model/a.b-v2%3A0/converse", whole("a.b-v2:0")),
            (Api::Converse, "/model/a.b-v2:0/converse-stream", streams("a.b-v2:0")),
            (Api::Converse, "/team/model/arn:x%2Fy/converse", whole("arn:x/y")),
            (Api::Completions, "/v1/chat/completions", None),
        ] {
            let found = read(api, path.as_bytes()).unwrap();
            let found = found.map(|at| (String::from_utf8(at.model).unwrap(), at.streams));
            assert_eq!(found, wanted, "{path}");
        }
        for (api, path, error) in [
            (Api::Generate, "/v1beta/models/g", Error::NoModel),
            (Api::Generate, "/models/:generateContent", Error::BadModel),
            (Api::Converse, "/model/%2/converse", Error::BadModel),
            (Api::Converse, "/model/%ff/converse", Error::BadModel),
            (Api::Converse, "/converse", Error::NoModel),
        ] {
            assert_eq!(read(api, path.as_bytes()), Err(error), "{path}");
        }
        let long = format!("/model/{}/converse", "m".repeat(JSON_TEXT_BYTES_MAX + 1));
        assert_eq!(read(Api::Converse, long.as_bytes()), Err(Error::BadModel));
    }

    #[test]
    fn a_model_cannot_leave_its_segment() {
        let put = |model: &str| {
            let mut out = Vec::new();
            put_segment(&mut out, model.as_bytes()).then(|| String::from_utf8(out).unwrap())
        };
        assert_eq!(put("gemini-4.5_pro").as_deref(), Some("gemini-4.5_pro"));
        assert_eq!(put("a:0/../b?c#d% é").as_deref(), Some("a%3A0%2F..%2Fb%3Fc%23d%25%20%C3%A9"));
        assert_eq!((put(".."), put("."), put("")), (None, None, None));
    }
}
