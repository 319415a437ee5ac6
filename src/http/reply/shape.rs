//! `Shape`: how a caller reads an error. A library that speaks an API of models looks for the
//! message in a place of its own, and shows nothing of any other.

use crate::base::buffer::Buffer;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// For people.
    #[default]
    Plain,
    OpenAi,
    Anthropic,
}

impl Shape {
    pub const fn content_type(self) -> &'static [u8] {
        match self {
            Self::Plain => b"Content-Type: text/plain\r\n",
            Self::OpenAi | Self::Anthropic => b"Content-Type: application/json\r\n",
        }
    }

    /// Writes the body of an error. `text` has nothing in it that JSON would escape, nor has `code`,
    /// which is OpenAI's word for this very error.
    pub fn put(self, out: &mut Buffer, status: u16, text: &str, code: Option<&str>) {
        debug_assert!(!text.contains(['"', '\\']) && text.is_ascii(), "{text}");
        let parts: [&str; 7] = match (self, code) {
            (Self::Plain, _) => [text, "", "", "", "", "", ""],
            (Self::OpenAi, Some(code)) => {
                let kind = match code {
                    // LiteLLM's word, which its users look for.
                    "budget_exceeded" => code,
                    _ => openai_type(status),
                };
                let front = "{\"error\":{\"message\":\"";
                [front, text, "\",\"type\":\"", kind, "\",\"param\":null,\"code\":\"", code, "\"}}"]
            }
            (Self::OpenAi, None) => {
                let (front, kind) = ("{\"error\":{\"message\":\"", openai_type(status));
                let end = "\",\"param\":null,\"code\":null}}";
                [front, text, "\",\"type\":\"", kind, end, "", ""]
            }
            (Self::Anthropic, _) => {
                let front = "{\"type\":\"error\",\"error\":{\"type\":\"";
                [front, anthropic_type(status), "\",\"message\":\"", text, "\"}}", "", ""]
            }
        };
        for part in parts {
            out.put(part.as_bytes());
        }
    }
}

const fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn each_shape_is_json_of_its_own() {
        let text = |shape: Shape, status, code| {
            let mut out = Buffer::with_capacity(16);
            shape.put(&mut out, status, "no such thing", code);
            String::from_utf8(out.filled().to_vec()).unwrap()
        };
        assert_eq!(text(Shape::Plain, 404, Some("x")), "no such thing");
        let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        for status in [400, 401, 403, 404, 413, 429, 500, 502, 503, 504] {
            let openai = json(text(Shape::OpenAi, status, None));
            assert_eq!(openai["error"]["message"], "no such thing");
            assert!(openai["error"]["type"].is_string() && openai["error"]["code"].is_null());
            let coded = json(text(Shape::OpenAi, status, Some("model_not_found")));
            assert_eq!(coded["error"]["code"], "model_not_found");
            let anthropic = json(text(Shape::Anthropic, status, None));
            assert_eq!(anthropic["type"], "error");
            assert_eq!(anthropic["error"]["message"], "no such thing");
            assert!(anthropic["error"]["type"].is_string());
        }
    }
}
