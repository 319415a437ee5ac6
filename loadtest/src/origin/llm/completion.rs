//! An answer before it has a dialect: its pieces, how it ends, what it costs.

use super::Llm;
use super::asked::Asked;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) model: String,
    pub(super) digest: u64,
    pub(super) blocks: Vec<Block>,
    pub(super) finish: Finish,
    pub(super) usage: Usage,
}

/// Each of its pieces is a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Thinking(Vec<String>),
    Text(Vec<String>),
    Call { id: String, name: String, pieces: Vec<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    Calls,
}

/// With everything included: of the prompt what was cached, of the answer what was thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: u32,
    pub(super) cached: u32,
    pub(super) output: u32,
    pub(super) thinking: u32,
}

impl Completion {
    pub(super) fn of(llm: &Llm, asked: &Asked) -> Self {
        let mut blocks = Vec::new();
        let thinking = if asked.thinks { llm.thinking_tokens } else { 0 };
        if thinking > 0 {
            blocks.push(Block::Thinking(words(thinking, &THOUGHTS)));
        }
        let echo = asked.echo.as_deref().map(split_words);
        let told = echo.as_ref().map(|words| u32::try_from(words.len()).unwrap_or(TOKENS_MAX));
        let wanted = told.or(asked.tokens).unwrap_or(llm.tokens).min(TOKENS_MAX);
        let tokens = asked.tokens_max.map_or(wanted, |most| wanted.min(most));
        let finish = if !asked.calls.is_empty() {
            let calls = (0u32..).zip(&asked.calls).map(|(number, (name, arguments))| Block::Call {
                id: format!("call_{:016x}_{number}", asked.digest),
                name: name.clone(),
                pieces: split(arguments),
            });
            blocks.extend(calls);
            Finish::Calls
        } else {
            blocks.push(Block::Text(match echo {
                Some(mut words) => {
                    words.truncate(tokens as usize);
                    words
                }
                None => words(tokens, &WORDS),
            }));
            if tokens < wanted { Finish::Length } else { Finish::Stop }
        };
        let output = blocks.iter().map(|block| block.pieces().len()).sum::<usize>();
        let usage = Usage {
            input: asked.input_tokens,
            cached: llm.cached_tokens.min(asked.input_tokens),
            output: u32::try_from(output).unwrap_or(u32::MAX),
            thinking,
        };
        Self { model: asked.model.clone(), digest: asked.digest, blocks, finish, usage }
    }
}

impl Block {
    pub(super) fn pieces(&self) -> &[String] {
        match self {
            Self::Thinking(pieces) | Self::Text(pieces) | Self::Call { pieces, .. } => pieces,
        }
    }

    pub(super) fn text(&self) -> String {
        self.pieces().concat()
    }
}

fn words(count: u32, of: &[&str]) -> Vec<String> {
    let word = |at: usize| {
        let space = if at == 0 { "" } else { " " };
        format!("{space}{}", of[at % of.len()])
    };
    (0..count as usize).map(word).collect()
}

/// Each with the space before it.
fn split_words(text: &str) -> Vec<String> {
    let word =
        |(at, word): (usize, &str)| if at == 0 { word.to_owned() } else { format!(" {word}") };
    text.split(' ').enumerate().map(word).collect()
}

/// Of ASCII; a piece has a few bytes.
fn split(arguments: &str) -> Vec<String> {
    let symbols: Vec<char> = arguments.chars().collect();
    symbols.chunks(PIECE_CHARS).map(|piece| piece.iter().collect()).collect()
}

/// Some need quotes and escapes in JSON, and some are not ASCII.
const WORDS: [&str; 16] = [
    "The", "ring", "road", "goes", "round", "the", "\"old\"", "town,", "naïve", "traffic", "keeps",
    "moving;", "日本", "stays", "put.", "Next\n",
];
const THOUGHTS: [&str; 4] = ["Consider", "the", "shortest", "way."];
const PIECE_CHARS: usize = 6;
/// An answer is made before it is sent.
const TOKENS_MAX: u32 = 1_000_000;

/// 2023-11-14, for ever: an answer depends on its request alone.
pub(super) const CREATED: u64 = 1_700_000_000;
