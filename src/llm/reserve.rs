//! What a request may use, before it is known: the bytes of it, and the tokens that its body lets
//! the answer have. Made only where a budget is for it; it looks through the body once more.

use crate::limits::{BUDGET_ANSWER_TOKENS, BUDGET_BYTES_PER_TOKEN};
use crate::proto::json_scan::{Found, Path, Scan};

/// Tokens of the question and of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserve {
    pub input: u64,
    pub output: u64,
}

impl Reserve {
    /// Of a body that was understood before.
    pub fn of(body: &[u8]) -> Self {
        let (mut most, mut answers) = (None, 1);
        let mut scan = Scan::new(PATHS);
        let mut take = |found: &Found<'_>| match (found.path, found.count()) {
            (_, None) => (),
            (ANSWERS, Some(count)) => answers = count.max(answers),
            (_, Some(count)) => most = most.max(Some(count)),
        };
        // What is wrong with it was told by who read it first.
        let _ = scan.push(body, &mut take).and_then(|()| scan.end(&mut take));
        let output = most.unwrap_or(BUDGET_ANSWER_TOKENS).saturating_mul(answers);
        Self { output, ..Self::of_bytes(body.len() as u64) }
    }

    /// Of one that nobody looks into.
    pub fn of_bytes(bytes: u64) -> Self {
        let input = bytes.div_ceil(BUDGET_BYTES_PER_TOKEN);
        Self { input, output: BUDGET_ANSWER_TOKENS }
    }

    pub fn tokens(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

const PATHS: &[Path] = &[
    &["n"],
    &["max_tokens"],
    &["max_completion_tokens"],
    &["max_output_tokens"],
    &["generationConfig", "maxOutputTokens"],
    &["inferenceConfig", "maxTokens"],
];
const ANSWERS: usize = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_says_how_long_an_answer_may_be() {
        let output = |body: &str| Reserve::of(body.as_bytes()).output;
        for (body, tokens) in [
            ("{}", BUDGET_ANSWER_TOKENS),
            ("{\"max_tokens\": 7}", 7),
            ("{\"max_tokens\": 7, \"max_completion_tokens\": 9}", 9),
            ("{\"max_output_tokens\":5,\"n\":3}", 15),
            ("{\"generationConfig\":{\"maxOutputTokens\":11}}", 11),
            ("{\"inferenceConfig\":{\"maxTokens\":12}}", 12),
            ("{\"max_tokens\":null,\"n\":0}", BUDGET_ANSWER_TOKENS),
            ("{\"max_tokens\":-4}", BUDGET_ANSWER_TOKENS),
            ("{\"max_tokens\":\"7\"}", BUDGET_ANSWER_TOKENS),
            ("{\"messages\":[{\"max_tokens\":1}]}", BUDGET_ANSWER_TOKENS),
            ("{\"max_tokens\":18446744073709551615,\"n\":9}", u64::MAX),
        ] {
            assert_eq!(output(body), tokens, "{body}");
        }
        let whole = Reserve::of(b"{\"max_tokens\": 7}");
        assert_eq!((whole.input, whole.tokens()), (6, 13));
        assert_eq!(Reserve::of_bytes(0), Reserve { input: 0, output: BUDGET_ANSWER_TOKENS });
        assert_eq!(Reserve { input: u64::MAX, output: 1 }.tokens(), u64::MAX);
    }
}
