//! Anthropic's Messages.
//!
//! What is read of a request, and what of it is lost:
//!
//! | field | rule |
//! |---|---|
//! | `mcp_servers`, `container`, `inference_geo` | refused: Anthropic alone has them |
//! | tools that Anthropic runs or has taught (`web_search_*`, `bash_*`, `computer_*`, ...) | refused |
//! | `tool_search_tool_*`, `defer_loading` | dropped: all tools are told |
//! | blocks of such tools in turns before | dropped |
//! | `container_upload` | refused |
//! | `search_result`, documents of blocks | a document of their text |
//! | `citations`, `context`, top-level `cache_control`, `context_management`, `speed`, `diagnostics` | dropped |
//! | `thinking.adaptive`, `between_tools` | the effort that is told, else high |
//!
//! What cannot be written of a request:
//!
//! | what | rule |
//! |---|---|
//! | seed, penalties, log probabilities, verbosity, store, `metadata` but the user | dropped |
//! | temperature above 1 | 1 |
//! | temperature, `top_p`, `top_k` to models from 4.7 on, or where it thinks | dropped (`top_p` of 0.95 may stay) |
//! | both temperature and `top_p` to models from 4.1 on | `top_p` is dropped |
//! | the user, on Bedrock; a tier of service, on Vertex and Bedrock | dropped |
//! | a limit that is not told | the provider's |
//! | effort | from 4.6 on as it is, adaptive; before as a budget, halved limit at most, 1024 at least, else dropped |
//! | thinking where a tool is forced, or (before 4.6) where calls came without signed thoughts | dropped |
//! | thoughts without a signature, blank texts, blank stops | dropped |
//! | system words amid a conversation, to models before 5 | go to the system |
//! | a conversation of system words alone | the user says them |
//! | one that the assistant begins | the user says `.` first |
//! | a JSON object; a schema, to models before 4.5 and on Vertex | asked for in the system |
//! | a schema | objects are closed, what Anthropic does not take is told in descriptions |
//! | calls without tools | the tools are made up, and none may be called |
//! | audio, video, other images than jpeg, png, gif, webp, other documents than PDF and text | refused |
//! | addresses, on Vertex and Bedrock; files by another's id | refused |
//! | tool names and ids with other characters | told as what they hash to |
//!
//! Of an answer: refusals are texts; log probabilities are dropped; a filter is `refusal`; the
//! signature of a call goes as the end of its id. Usage: what was cached stands beside the input.
//! Where nobody knows the input (the start of a stream), it is estimated.

pub(super) mod cache;
pub mod fault;
pub mod generation;
pub mod prompt;
mod stop;
pub mod stream;
mod usage;
