//! Server-Sent Events out of the bytes of a body, as far as a load needs them: when an event is
//! complete, whether it carries a token, and what the stream says of its own number of tokens.
//! Keeps one line's beginning, cut where only its end would matter.

/// Owns the state of one stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    /// Whether the event under way has any data, and whether that is a token.
    data: bool,
    token: bool,
    after_return: bool,
    /// As the last usage object of the stream has it.
    reported_tokens: Option<u64>,
}

impl Events {
    /// How many events with a token end in this part.
    pub(crate) fn push(&mut self, part: &[u8]) -> u64 {
        let mut tokens = 0;
        for piece in part.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match piece.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                _ => (piece, None),
            };
            // A line feed right after a carriage return ends no second line.
            if self.after_return && text.is_empty() && end == Some(b'\n') {
                self.after_return = false;
                continue;
            }
            self.after_return = end == Some(b'\r');
            let room = LINE_BYTES_MAX - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if end.is_some() {
                tokens += u64::from(self.take_line());
            }
        }
        tokens
    }

    /// The number of tokens that the stream reported of itself, if it did.
    pub(crate) fn reported_tokens(&self) -> Option<u64> {
        self.reported_tokens
    }

    /// Whether it ends an event that carries a token.
    fn take_line(&mut self) -> bool {
        if self.line.is_empty() {
            let token = self.data && self.token;
            (self.data, self.token) = (false, false);
            return token;
        }
        if let Some(data) = self.line.strip_prefix(b"data:") {
            let data = data.trim_ascii();
            self.data = true;
            self.token |= is_token(data);
            if let Some(tokens) = usage(data) {
                self.reported_tokens = Some(tokens);
            }
        }
        self.line.clear();
        false
    }
}

/// Of the dialects of language models: the events that frame a message carry none. Of any other
/// stream each event counts.
fn is_token(data: &[u8]) -> bool {
    if data == b"[DONE]" || data.is_empty() {
        return false;
    }
    let has = |text: &[u8]| memchr::memmem::find(data, text).is_some();
    let typed = has(b"\"type\"") && !has(b"\"choices\"");
    !typed || has(b"delta\"") && !has(b"\"message_delta\"") || has(b"\"type\":\"token\"")
}

fn usage(data: &[u8]) -> Option<u64> {
    const KEYS: [&[u8]; 4] = [
        b"\"completion_tokens\":",
        b"\"output_tokens\":",
        b"\"candidatesTokenCount\":",
        b"\"outputTokens\":",
    ];
    let after = |key: &[u8]| memchr::memmem::find(data, key).map(|at| &data[at + key.len()..]);
    let rest = KEYS.iter().find_map(|key| after(key))?.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

const LINE_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
