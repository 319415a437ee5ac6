//! Bedrock's Converse.
//!
//! # What is lost
//!
//! Of a caller's request, told to another dialect:
//!
//! | field | what happens |
//! |---|---|
//! | `guardrailConfig`, `promptVariables`, `systemTool` | refused: Bedrock alone has them |
//! | media in S3 | refused: Bedrock alone reads them |
//! | `searchResult`, `toolAddition`, `toolRemoval` | refused |
//! | `guardContent`, `citationsContent` | their text |
//! | `json` of a tool's result | text |
//! | `performanceConfig`, `additionalModelResponseFieldPaths` | dropped |
//! | `context` and `citations` of documents | dropped |
//! | `thinking`, `reasoning_effort`, `top_k`, `seed` of a model's own fields | told |
//! | the rest of `additionalModelRequestFields` | dropped |
//!
//! Of another caller's request, told to Converse:
//!
//! | what | what happens |
//! |---|---|
//! | addresses of media, files kept by a provider | refused: Bedrock fetches none |
//! | types of media that Bedrock does not list | refused |
//! | words of the system amid the conversation | go to its begin |
//! | a temperature above 1 | 1 |
//! | names of tools of other characters, or of more than 64 | made to fit, and mapped back |
//! | such ids of calls | made to fit |
//! | tool choice `none` | no choice; the tools are told, for the history's sake |
//! | reasoning with a tool that must be called | no reasoning: Anthropic's models refuse the two |
//! | `temperature`, `top_p`, `top_k` with reasoning | dropped, of Anthropic's models |
//! | reasoning and `top_k`, of models that are not known to take them | dropped |
//! | `seed`, penalties, log probabilities, verbosity, user, parallel calls | dropped |
//! | thoughts that are not signed; signatures of calls | dropped |
//! | metadata that is no text | dropped |
//!
//! Of an answer told to a caller: its id and model, for which there is no place; log probabilities.
//! A refusal is text.

mod blob;
pub mod fault;
pub mod generation;
mod media;
pub mod prompt;
pub mod stream;
