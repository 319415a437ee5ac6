//! Google's generateContent, of AI Studio and Vertex.
//!
//! A request says its model and whether it streams in the path, a stream is a row of whole
//! answers, and a call comes in one piece. Names of fields are read as `camelCase` and as
//! `snake_case`, as Google does.
//!
//! Who includes what: the prompt has what was read from a cache in it, the candidates have not what
//! was thought. What a tool of Google's own put into the prompt is told beside it.
//!
//! | of a request to Gemini | becomes |
//! |---|---|
//! | system words amid the conversation | part of the system instruction |
//! | system words and nothing else | what the user says |
//! | thoughts of the past, signed or sealed | dropped: whoever signed them, it was not Gemini |
//! | a refusal of the past | text |
//! | a call's signature | `thoughtSignature` |
//! | the first call of a turn, unsigned, for Gemini 3 and later | signed by Google's own dummy |
//! | ids of calls | kept; on Vertex dropped, which refuses them: calls and results go by order |
//! | the result of a tool | its JSON object, or `{"output": text}`, or `{"error": text}` |
//! | media of a result | inside of it for Gemini 3 and later, else behind all results |
//! | a file kept under an id | refused |
//! | names of tools that Google does not take | renamed, and named back in the answer |
//! | JSON Schema | what `super::schema` leaves of it |
//! | more than five stop sequences | refused |
//! | effort, budget | a level for Gemini 3 and later, tokens for 2.5, nothing before |
//! | parallel calls, cache marks, user, metadata, service tier | dropped |
//! | verbosity, whether it is stored, `strict`, `detail`, names of media and of schemas | dropped |
//!
//! | of a request of Gemini's | becomes |
//! |---|---|
//! | `candidateCount` above one | refused |
//! | `cachedContent` | refused: only who keeps it has it |
//! | tools that Google runs, code that it ran | refused |
//! | answers that are sounds or pictures, `text/x.enum` | refused |
//! | `allowedFunctionNames`: several | the other tools are not offered |
//! | `safetySettings`, `labels`, titles of schemas and what else is unknown | dropped |
//! | calls without an id | numbered, and results find them by name and order |
//!
//! | of an answer to a caller of Gemini's | becomes |
//! |---|---|
//! | signatures and sealed thoughts | `thoughtSignature`, wrapped, so that they come back whole |
//! | a filter, a refusal | `SAFETY`; the words of a refusal are text |
//! | a stop sequence that was met, a pause | `STOP` |

pub mod count;
pub mod fault;
mod finish;
pub mod generation;
mod logprobs;
mod model;
mod place;
pub mod prompt;
mod seal;
pub mod stream;
mod usage;
mod wire;

#[cfg(test)]
mod tests;
