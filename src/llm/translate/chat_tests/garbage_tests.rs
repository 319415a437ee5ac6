//! Whatever comes, nobody panics, and what is refused is told by name.

use super::chat_checks::chat;
use super::*;

#[test]
fn what_is_wrong_is_named() {
    for (dialect, body, named) in [
        ("completions", json!({}), "messages"),
        ("completions", json!({"messages": "hi"}), "messages"),
        (
            "completions",
            json!({"messages": [{"role": "user", "content": 5}]}),
            "messages[0].content",
        ),
        (
            "completions",
            json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            "messages[0].content[0]",
        ),
        ("completions", json!({"messages": [{"role": "robot"}]}), "messages[0].role"),
        ("completions", json!({"messages": [{"role": "tool", "content": "x"}]}), "tool_call_id"),
        ("completions", json!({"messages": [], "temperature": "hot"}), "temperature"),
        ("completions", json!({"messages": [], "max_tokens": -1}), "max_tokens"),
        ("completions", json!({"messages": [], "stream": "yes"}), "stream"),
        ("completions", json!({"messages": [], "n": 2}), "n: "),
        ("completions", json!({"messages": [], "tools": [{"type": "function"}]}), "tools[0]"),
        ("completions", json!({"messages": [], "tool_choice": "maybe"}), "tool_choice"),
        ("completions", json!({"messages": [], "modalities": ["audio"]}), "modalities"),
        ("completions", json!({"messages": [], "web_search_options": {}}), "web_search_options"),
        ("completions", json!({"messages": [], "reasoning_effort": "very"}), "reasoning_effort"),
        (
            "completions",
            json!({"messages": [], "tools": [{"type": "custom", "custom": {"name": "a"}}]}),
            "tools[0].type: custom",
        ),
        (
            "completions",
            json!({"messages": [], "response_format": {"type": "json_schema"}}),
            "response_format.json_schema.schema",
        ),
        ("messages", json!({}), "messages"),
        ("messages", json!({"messages": [{"role": "user"}]}), "messages[0]"),
        (
            "messages",
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}),
            "messages[0].content[0].text",
        ),
        (
            "messages",
            json!({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}),
            "messages[0].content[0]",
        ),
        ("messages", json!({"messages": [], "max_tokens": "many"}), "max_tokens"),
        ("messages", json!({"messages": [], "tool_choice": {"type": "tool"}}), "tool_choice"),
        (
            "messages",
            json!({"messages": [], "tools": [{"type": "web_search_20250305", "name": "w"}]}),
            "tools[0].type: web_search_20250305",
        ),
        ("messages", json!({"messages": [], "tools": [{"name": "w"}]}), "tools[0].input_schema"),
        ("messages", json!({"messages": [], "mcp_servers": [{}]}), "mcp_servers"),
        ("messages", json!({"messages": [], "container": "c"}), "container"),
        ("messages", json!({"messages": [], "thinking": {"type": "deep"}}), "thinking.type"),
    ] {
        let Refused(why) = read_prompt(dialect, body.to_string().as_bytes()).unwrap_err();
        assert!(why.contains(named), "{dialect} {body}: {why}");
    }
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = format!("{{\"messages\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let twice = br#"{"model":"a","model":"b","messages":[]}"#.as_slice();
    let invalid = b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}".as_slice();
    let longer = br#"{"messages":[]} {}"#.as_slice();
    for body in [deep.as_bytes(), twice, invalid, longer, b"", b"[", b"null", b"<html>", b"\"a\""] {
        for dialect in ["completions", "messages"] {
            assert!(read_prompt(dialect, body).is_err(), "{:?}", String::from_utf8_lossy(body));
            assert!(read_generation(dialect, body).is_err());
        }
    }
}

#[test]
fn what_no_provider_takes_is_refused() {
    let said = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    let audio =
        said(json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}));
    let file = said(json!({"type": "file", "file": {"file_id": "file-1"}}));
    let tiff =
        said(json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}));
    let nothing = json!({"messages": []});
    for body in [audio, file, tiff, nothing] {
        let prompt = read_prompt("completions", body.to_string().as_bytes()).unwrap();
        let provider = Provider { model: "claude", host: Host::Own, output_tokens: 1 };
        let refused = write_prompt("messages", &prompt, &provider, &mut Caller::default());
        assert!(refused.is_err(), "{body}");
    }
    let url = json!({"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}});
    let kept = json!({"type": "image", "source": {"type": "file", "file_id": "file_1"}});
    for part in [url, kept] {
        let prompt = read_prompt("messages", said(part).to_string().as_bytes()).unwrap();
        let provider = Provider { model: "gpt", host: Host::Own, output_tokens: 1 };
        let refused = write_prompt("completions", &prompt, &provider, &mut Caller::default());
        assert!(refused.is_err());
    }
}

/// Bodies and streams of the cases, with pieces cut out, doubled, and put where they do not belong.
#[test]
fn nothing_panics() {
    let mut texts: Vec<String> = Vec::new();
    for (_, case) in cases("requests").into_iter().chain(cases("answers")) {
        texts.push(case["in"].to_string());
    }
    for path in files("streams") {
        let case = fs::read_to_string(path).unwrap();
        let lines = case.lines().filter_map(|line| line.strip_prefix("data:"));
        texts.push(lines.collect::<Vec<_>>().join("\n"));
    }
    let mut seed = 0x5eed_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below.max(1) as u64).unwrap()
    };
    let tokens =
        ["null", "\"\"", "[]", "{}", "-1", "1e400", "{", "]", "\\", "\n", "\u{1F600}", "\""];
    for text in &texts {
        chat(text.as_bytes());
        for _ in 0..25 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                let end = (at + random(12)).min(bytes.len());
                let token = tokens[random(tokens.len())];
                bytes.splice(at..end, token.bytes());
            }
            chat(&bytes);
        }
    }
}
