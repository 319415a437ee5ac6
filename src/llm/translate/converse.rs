//! Bedrock's Converse.
//!
//! # What is lost
//!
//! Of a caller's request, told to another dialect:
//!
//! | field | what happens |
//! |---|---|
//! | `guardrailConfig`, `promptVariables`, `systemTool`, media in S3 | refused: Bedrock alone has them |
//! | `searchResult`, `toolAddition`, `toolRemoval` | refused |
//! | `guardContent`, `citationsContent` | their text |
//! | `json` of a tool's result | text |
//! | `performanceConfig`, `additionalModelResponseFieldPaths`, `context` and `citations` of documents | dropped |
//! | `additionalModelRequestFields` | what is known of it (thinking, `reasoning_effort`, `top_k`, `seed`); the rest is dropped |
//!
//! Of another caller's request, told to Converse:
//!
//! | what | what happens |
//! |---|---|
//! | addresses of media, files kept by a provider | refused: Bedrock fetches none |
//! | types of media that Bedrock does not list | refused |
//! | words of the system amid the conversation | go to its begin |
//! | a temperature above 1 | 1 |
//! | names of tools and ids of calls of other characters, or of more than 64 | made to fit; names are mapped back |
//! | tool choice `none` | the tools are told, so that the history makes sense, and no choice |
//! | reasoning with a tool that must be called | no reasoning: Anthropic's models refuse the two together |
//! | `seed`, penalties, log probabilities, verbosity, user, parallel calls | dropped |
//! | thoughts that are not signed; signatures of calls | dropped |
//! | metadata that is no text | dropped |
//!
//! Of an answer told to a caller: its id and model, for which there is no place; the stop sequence
//! that was met; log probabilities. A refusal is text.

mod blob;
pub mod fault;
pub mod generation;
mod media;
pub mod prompt;
pub mod stream;
