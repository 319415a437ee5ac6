//! OpenAI's chat completions.
//!
//! What is read of a request, and what of it is lost:
//!
//! | field | rule |
//! |---|---|
//! | `n` above 1, `modalities` with audio, `audio`, `web_search_options`, `moderation` | refused: it would be another answer |
//! | tools that are no functions, calls of them | refused |
//! | `messages[].audio` | refused: OpenAI alone has kept it |
//! | `tool_choice.allowed_tools` | the other tools are left out |
//! | `function_call`, `functions`, role `function` | as tools; the id is the name |
//! | `logit_bias`, `prediction`, `prompt_cache_*`, `name` of a speaker | dropped |
//! | `messages[].reasoning_content`, `reasoning`, LiteLLM's `thinking_blocks` | thoughts; with blocks, signed ones |
//! | `cache_control` (LiteLLM's, OpenRouter's) | a mark, where the target has them |
//! | `arguments` that are no JSON object | an empty one |
//!
//! What cannot be written of a request:
//!
//! | what | rule |
//! |---|---|
//! | thoughts of turns before | dropped; to models that think aloud (`THINKING_ALOUD`) they go with their calls |
//! | cache marks, `top_k` | dropped |
//! | `metadata` | only with `store`, as OpenAI takes it |
//! | what a tool shows (images, documents) | the user shows it, in the message after |
//! | a result that is an error | its text begins with `Error: ` |
//! | more than 4 stops (OpenAI alone) | refused |
//! | documents and audio by address, files by another's id, video (OpenAI) | refused |
//! | tool names, ids of calls, `user` that are longer than OpenAI takes | told as what they hash to |
//! | effort | the nearest that the model knows; none for those before reasoning |
//! | temperature, `top_p`, penalties to models of OpenAI that think | dropped |
//! | `verbosity`, `store`, `metadata`, `service_tier` to others than OpenAI | dropped |
//!
//! Of an answer: `created`, where nobody tells it, is when it was asked; citations and what
//! Anthropic's own tools did are dropped; thoughts go as `reasoning_content`, and if they are signed
//! as LiteLLM's `thinking_blocks`, too; the signature of a call goes as the end of its id; a filter
//! and a refusal without words are `content_filter`. Usage: the prompt has what was cached in it.

pub mod fault;
pub mod generation;
pub mod prompt;
mod said;
pub mod stream;
mod thoughts;
mod usage;
