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
    Google,
    /// Whose libraries find the kind of an error in a field of the head.
    Aws,
}

impl Shape {
    /// Writes the fields of the head that tell of the body of an error.
    pub fn put_fields(self, out: &mut Buffer, status: u16) {
        out.put(match self {
            Self::Plain => b"Content-Type: text/plain\r\n",
            _ => b"Content-Type: application/json\r\n",
        });
        if self == Self::Aws {
            out.put(b"x-amzn-ErrorType: ");
            out.put(aws_type(status).as_bytes());
            out.put(b"\r\n");
        }
    }

    /// Writes the body of an error. `code` is OpenAI's word for this very error, in which nothing is
    /// to be escaped.
    pub fn put(self, out: &mut Buffer, status: u16, text: &str, code: Option<&str>) {
        let (front, end): ([&str; 3], [&str; 5]) = match (self, code) {
            (Self::Plain, _) => return out.put(text.as_bytes()),
            (Self::OpenAi, Some(code)) => {
                let kind = match code {
                    // LiteLLM's word, which its users look for.
                    "budget_exceeded" => code,
                    _ => openai_type(status),
                };
                let end = ["\",\"type\":\"", kind, "\",\"param\":null,\"code\":\"", code, "\"}}"];
                (["{\"error\":{\"message\":\"", "", ""], end)
            }
            (Self::OpenAi, None) => {
                let end = "\",\"param\":null,\"code\":null}}";
                let end = ["\",\"type\":\"", openai_type(status), end, "", ""];
                (["{\"error\":{\"message\":\"", "", ""], end)
            }
            (Self::Anthropic, _) => {
                let front = "{\"type\":\"error\",\"error\":{\"type\":\"";
                ([front, anthropic_type(status), "\",\"message\":\""], ["\"}}", "", "", "", ""])
            }
            (Self::Google, _) => {
                let code = google_code(status);
                let front = ["{\"error\":{\"code\":", code, ",\"message\":\""];
                (front, ["\",\"status\":\"", google_status(status), "\"}}", "", ""])
            }
            (Self::Aws, _) => (["{\"message\":\"", "", ""], ["\"}", "", "", "", ""]),
        };
        front.iter().for_each(|part| out.put(part.as_bytes()));
        put_escaped(out, text);
        end.iter().for_each(|part| out.put(part.as_bytes()));
    }
}

/// As it stands within a text of JSON.
fn put_escaped(out: &mut Buffer, text: &str) {
    for piece in text.split_inclusive(|c: char| matches!(c, '"' | '\\') || c < ' ') {
        match piece.as_bytes() {
            [front @ .., last @ (b'"' | b'\\')] => {
                out.put(front);
                out.put(&[b'\\', *last]);
            }
            [front @ .., last] if *last < b' ' => {
                out.put(front);
                out.put(b" ");
            }
            piece => out.put(piece),
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

/// The status as a number of JSON: those that we answer with.
const fn google_code(status: u16) -> &'static str {
    match status {
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        413 => "413",
        429 => "429",
        502 => "502",
        503 => "503",
        504 => "504",
        _ => "500",
    }
}

const fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        502 | 503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

const fn aws_type(status: u16) -> &'static str {
    match status {
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 | 504 => "ModelTimeoutException",
        429 => "ThrottlingException",
        502 | 503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
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
            let google = json(text(Shape::Google, status, None));
            assert_eq!(google["error"]["code"], status);
            assert_eq!(google["error"]["message"], "no such thing");
            assert!(google["error"]["status"].is_string());
            assert_eq!(json(text(Shape::Aws, status, None))["message"], "no such thing");
        }
    }

    #[test]
    fn whatever_a_text_has_in_it_is_json() {
        let said = "a \"b\" \\ c\nd\u{1}é";
        for shape in [Shape::OpenAi, Shape::Anthropic, Shape::Google, Shape::Aws] {
            let mut out = Buffer::with_capacity(16);
            shape.put(&mut out, 400, said, None);
            let value: Value = serde_json::from_slice(out.filled()).unwrap();
            let told =
                if shape == Shape::Aws { &value["message"] } else { &value["error"]["message"] };
            assert_eq!(told, "a \"b\" \\ c d é", "{shape:?}");
        }
    }

    #[test]
    fn aws_finds_the_kind_in_the_head() {
        let mut out = Buffer::with_capacity(16);
        Shape::Aws.put_fields(&mut out, 429);
        let head = str::from_utf8(out.filled()).unwrap();
        assert!(
            head.contains("application/json") && head.contains("ThrottlingException"),
            "{head}"
        );
    }
}
