//! WebSockets of models: passed through in both directions, and what responses use is counted.

use super::*;

matrix! {
    a_conversation_is_passed_through_and_counted,
}

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn frame(text: &str) -> Vec<u8> {
    let len = u16::try_from(text.len()).unwrap();
    let mut frame = vec![0x81];
    match u8::try_from(len) {
        Ok(len @ 0..126) => frame.push(len),
        _ => {
            frame.push(126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
    }
    [frame, text.as_bytes().to_vec()].concat()
}

fn done(input: u64, output: u64) -> Vec<u8> {
    let usage = json!({
        "total_tokens": input + output, "input_tokens": input, "output_tokens": output,
        "input_token_details": { "cached_tokens": 2 },
    });
    frame(&json!({ "type": "response.done", "response": { "usage": usage } }).to_string())
}

fn a_conversation_is_passed_through_and_counted(cell: Cell) {
    let origin = Origin::script(|visit| {
        let head = visit.head()?;
        visit.note(head, Vec::new(), Vec::new());
        visit.wire.send(SWITCH)?;
        visit
            .wire
            .send(frame("{\"type\":\"session.created\",\"session\":{\"model\":\"rt-1\"}}"))?;
        for turn in 0..3u64 {
            // Whatever the caller says is answered.
            visit.wire.exactly(8)?;
            let done = done(10 + turn, 5);
            // In two pieces.
            let (front, back) = done.split_at(30);
            visit.wire.send(front)?;
            visit.wire.send(back)?;
        }
        visit.until_closed();
        Ok(())
    });
    let policies = json!({ "ai": { "modelAliases": { "talk": "rt" } } });
    let route = json!({ "backends": [ai("openAI", origin.address())], "policies": policies });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    client.send(
        "GET /v1/realtime?model=talk&x=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert_eq!(client.head().status().unwrap(), 101);
    let first = frame("{\"type\":\"session.created\",\"session\":{\"model\":\"rt-1\"}}");
    assert_eq!(client.wire.exactly(first.len()).unwrap(), first);
    for turn in 0..3 {
        client.send([0x81, 0x82, 1, 2, 3, 4, 5, 6]);
        let wanted = done(10 + turn, 5);
        assert_eq!(client.wire.exactly(wanted.len()).unwrap(), wanted);
    }
    let asked = origin.last().head;
    assert_eq!(asked.first_line, "GET /v1/realtime?model=rt&x=1 HTTP/1.1");
    assert_eq!(asked.field("sec-websocket-extensions"), None);
    drop(client);
    tokens(&proxy, "input", 33.0);
    tokens(&proxy, "output", 15.0);
    tokens(&proxy, "input_cache_read", 6.0);
    let labels = [
        ("gen_ai_operation_name", "realtime"),
        ("gen_ai_request_model", "talk"),
        ("gen_ai_response_model", "rt-1"),
    ];
    proxy.await_metric(DURATION, &labels, 1.0);
}
