//! How many tokens a prompt will be, before anybody has counted them: a quarter of the bytes of its
//! texts, as they are written in JSON. Of English that is about right, of other scripts too many, and
//! pictures count for nothing; whoever takes it mends it by what the provider counts. One scan, no
//! tree: to run a tokenizer over a prompt of 100 KiB costs more than all else that is done to it.

use crate::policy::rate_limit::tokens::Estimate;
use crate::proto::json_scan::{Found, Kind, Path, Scan};

/// Of a body of any of the known APIs. What is no JSON has none.
pub fn of(body: &[u8]) -> Estimate {
    let (mut bytes, mut output_max) = (0, None::<u64>);
    let mut take = |found: &Found<'_>| {
        if found.path < LIMITS {
            output_max = found.count().or(output_max);
        } else if found.path < WHOLES {
            bytes += found.end - found.start;
        } else if found.kind == Kind::Text {
            bytes += found.end - found.start - 2;
        }
    };
    let mut scan = Scan::new(PATHS);
    // What is wrong with it others have told already.
    let _ = scan.push(body, &mut take).and_then(|()| scan.end(&mut take));
    Estimate { input: (bytes as u64).div_ceil(BYTES_PER_TOKEN), output_max }
}

const BYTES_PER_TOKEN: u64 = 4;
/// The first that are not numbers, and the first that are texts.
const LIMITS: usize = 3;
const WHOLES: usize = 7;
const PATHS: &[Path] = &[
    &["max_tokens"],
    &["max_completion_tokens"],
    &["max_output_tokens"],
    &["tools"],
    &["messages", "[]", "tool_calls"],
    &["messages", "[]", "content", "[]", "input"],
    &["input", "[]", "arguments"],
    &["messages", "[]", "content"],
    &["messages", "[]", "content", "[]", "text"],
    &["messages", "[]", "content", "[]", "thinking"],
    &["messages", "[]", "content", "[]", "content"],
    &["messages", "[]", "content", "[]", "content", "[]", "text"],
    &["system"],
    &["system", "[]", "text"],
    &["instructions"],
    &["prompt"],
    &["input"],
    &["input", "[]"],
    &["input", "[]", "content"],
    &["input", "[]", "content", "[]", "text"],
    &["input", "[]", "output"],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bytes_of_text_are_a_token() {
        for (body, input, output_max) in [
            (r#"{"model":"m","messages":[{"role":"user","content":"12345678"}]}"#, 2, None),
            (r#"{"messages":[{"content":"1234"},{"content":"5"}],"max_tokens":7}"#, 2, Some(7)),
            (
                r#"{"messages":[{"content":[{"type":"text","text":"1234"},
               {"type":"image","source":{"data":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}]}],
               "system":"1234"}"#,
                2,
                None,
            ),
            (r#"{"system":[{"text":"1234"}],"tools":[{"a":1}]}"#, 4, None),
            (r#"{"input":"1234","instructions":"5678","max_output_tokens":9}"#, 2, Some(9)),
            (r#"{"input":["1234","5678"]}"#, 2, None),
            (
                r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"1234"}]}]}"#,
                1,
                None,
            ),
            (
                r#"{"messages":[{"content":"5"}],"max_tokens":null,"max_completion_tokens":3}"#,
                1,
                Some(3),
            ),
            ("[]", 0, None),
            ("no JSON", 0, None),
        ] {
            assert_eq!(of(body.as_bytes()), Estimate { input, output_max }, "{body}");
        }
    }
}
