//! What a prompt costs, by estimate: for who must be told before anybody knows, and of providers
//! that cannot count.
//!
//! A token for every four bytes of all texts, names, schemas and inputs of calls, rounded up; a few
//! for each turn and tool; for an image, a page or a sound what providers ask on the average.

use super::Prompt;
use super::prompt::{MediaKind, Part, Source};

/// Of what stands around a turn, or a tool.
const FRAME_TOKENS: u64 = 4;
const IMAGE_TOKENS: u64 = 1_500;
/// Of a document that is no text, for every so many bytes of its base64.
const BASE64_BYTES_PER_TOKEN: u64 = 64;
const BYTES_PER_TOKEN: u64 = 4;

impl Prompt {
    /// Tokens of the prompt, about.
    pub fn estimate(&self) -> u64 {
        let mut sum = Sum::default();
        sum.parts(&self.system);
        for turn in &self.turns {
            sum.tokens += FRAME_TOKENS;
            sum.parts(&turn.parts);
        }
        for tool in &self.tools {
            sum.tokens += FRAME_TOKENS;
            sum.text(&tool.name);
            sum.text(tool.description.as_deref().unwrap_or_default());
            sum.json(&tool.schema);
        }
        sum.tokens.saturating_add(sum.bytes.div_ceil(BYTES_PER_TOKEN))
    }
}

#[derive(Default)]
struct Sum {
    bytes: u64,
    tokens: u64,
}

impl Sum {
    fn text(&mut self, text: &str) {
        self.bytes += text.len() as u64;
    }

    fn json(&mut self, value: &serde_json::Value) {
        struct Count<'a>(&'a mut u64);
        impl std::io::Write for Count<'_> {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                *self.0 += bytes.len() as u64;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        // It writes to nothing that could fail.
        let _ = serde_json::to_writer(Count(&mut self.bytes), value);
    }

    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            self.part(part);
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text { text, .. } => self.text(text),
            Part::Media { media, .. } => match (&media.source, media.kind) {
                (Source::Text(text), _) => self.text(text),
                (_, MediaKind::Image) => self.tokens += IMAGE_TOKENS,
                (Source::Data(data), _) => {
                    self.tokens += data.len() as u64 / BASE64_BYTES_PER_TOKEN
                }
                (Source::Url(_) | Source::File(_), _) => self.tokens += IMAGE_TOKENS,
            },
            Part::Thinking(thinking) => self.text(&thinking.text),
            Part::Call(call) => {
                self.text(&call.name);
                self.json(&call.input);
            }
            Part::Result { parts, .. } => self.parts(parts),
            Part::Refusal(text) => self.text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::prompt::Role;
    use super::*;

    #[test]
    fn four_bytes_are_a_token() {
        let mut prompt = Prompt::default();
        assert_eq!(prompt.estimate(), 0);
        prompt.say(Role::User, Part::text("12345678"));
        assert_eq!(prompt.estimate(), FRAME_TOKENS + 2);
        prompt.say(Role::Assistant, Part::text("9"));
        assert_eq!(prompt.estimate(), 2 * FRAME_TOKENS + 3);
        prompt.system.push(Part::text("x".repeat(400)));
        assert_eq!(prompt.estimate(), 2 * FRAME_TOKENS + 103);
    }
}
