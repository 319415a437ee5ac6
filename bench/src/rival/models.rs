//! What is asked of a model, and what a provider says to it: a prompt and an answer of a KiB, and a
//! stream of fifty chunks. The same bytes every time, said by whoever stands for the provider.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::{io, thread};

use crate::load::Question;

/// Chat Completions, native.
pub(crate) const COMPLETIONS_PATH: &str = "/v1/chat/completions";
/// Anthropic's Messages, asked of a provider of Chat Completions.
pub(crate) const MESSAGES_PATH: &str = "/v1/messages";
/// Behind this stands a provider whose streams stay open after their first event.
pub(crate) const HELD_PATH: &str = "/held/v1/chat/completions";
/// Of a stream as the origin keeps it.
pub(crate) const STREAM_FILE: &str = "llm-stream";

/// How one asks: a model of either API, for a whole answer or a stream.
pub(crate) fn question(path: &'static str, streams: bool) -> Question {
    let text = "Tell me of rings, and of the way around them. ".repeat(22);
    let body = format!(
        "{{\"model\":\"gpt-6\",\"max_tokens\":512,\"stream\":{streams},\
         \"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}"
    );
    // The origin looks at no body.
    let wish = if streams { "X-Stream: 1\r\n" } else { "" };
    Question { path, fields: wish, body }
}

/// An answer of a KiB.
pub(super) fn completion() -> String {
    let text = "All of it goes around, and comes back as it was. ".repeat(15);
    format!(
        "{{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1764000000,\
         \"model\":\"gpt-6\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
         \"content\":\"{text}\",\"refusal\":null}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":256,\"completion_tokens\":192,\"total_tokens\":448}}}}"
    )
}

/// Fifty chunks, one that has the usage alone, and the end.
pub(super) fn stream() -> String {
    let chunk = |choices: &str, rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\
             \"created\":1764000000,\"model\":\"gpt-6\",\"choices\":[{choices}]{rest}}}\n\n"
        )
    };
    let mut text = chunk(DELTAS[0], "");
    text.extend((0..CHUNKS - 2).map(|_| chunk(DELTAS[1], "")));
    text += &chunk(DELTAS[2], "");
    text += &chunk("", USAGE);
    text + "data: [DONE]\n\n"
}

/// Starts a provider that says one event of a stream to each connection, and then keeps it open.
pub(super) fn hold() -> io::Result<SocketAddrV4> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        let held: Vec<TcpStream> = listener.incoming().filter_map(|one| begin(one).ok()).collect();
        drop(held);
    });
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

fn begin(stream: io::Result<TcpStream>) -> io::Result<TcpStream> {
    let mut stream = stream?;
    // A request comes in one piece: the proxy sends it in one write.
    let _ = stream.read(&mut [0; 16 * 1024])?;
    let event = stream_first();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{event}\r\n",
        event.len()
    )?;
    Ok(stream)
}

fn stream_first() -> String {
    let text = stream();
    let end = text.find("\n\n").map_or(text.len(), |end| end + 2);
    text[..end].to_owned()
}

const CHUNKS: usize = 50;
const DELTAS: [&str; 3] = [
    r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#,
    r#"{"index":0,"delta":{"content":" around the ring"},"logprobs":null,"finish_reason":null}"#,
    r#"{"index":0,"delta":{},"finish_reason":"stop"}"#,
];
const USAGE: &str = r#","usage":{"prompt_tokens":256,"completion_tokens":50,"total_tokens":306}"#;
