//! Errors of many houses, in the shape of either side.

use super::super::fault::Trouble;
use super::*;

#[test]
fn errors_are_understood_whoever_says_them() {
    for (status, body, message, code) in [
        (
            429,
            r#"{"error":{"message":"Rate limit","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            "Rate limit",
            Some("rate_limit_exceeded"),
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "Overloaded",
            None,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"of Google","status":"X"}}]"#,
            "of Google",
            Some("400"),
        ),
        (400, r#"{"message":"of AWS"}"#, "of AWS", None),
        (422, r#"{"detail":"of FastAPI"}"#, "of FastAPI", None),
        (422, r#"{"detail":[{"loc":["body"]}]}"#, r#"[{"loc":["body"]}]"#, None),
        (404, r#"{"error":"of Ollama"}"#, "of Ollama", None),
        (500, "upstream broke", "upstream broke", None),
        (502, "<html>Bad gateway</html>", "the provider answered with an error (500)", None),
        (503, "", "the provider answered with an error (529)", None),
        (400, "{}", "the provider answered with an error (400)", None),
    ] {
        for fault in [
            completions::fault::read(status, None, body.as_bytes()),
            messages::fault::read(status, None, body.as_bytes()),
        ] {
            assert_eq!(fault.message, message, "{body}");
            assert_eq!(fault.code.as_deref(), code, "{body}");
            assert_eq!(fault.trouble, Trouble::of_status(status), "{body}");
        }
    }
    let body = br#"{"message":"slow down"}"#;
    let kind = Some("ThrottlingException:http://internal.amazon.com/coral/");
    let fault = messages::fault::read(429, kind, body);
    assert_eq!(fault.code.as_deref(), Some("ThrottlingException"));
    let giant = completions::fault::read(400, None, "ü".repeat(1_000_000).as_bytes());
    assert!(giant.message.len() < 5000);
}

#[test]
fn errors_are_told_in_each_shape() {
    for (status, openai, anthropic) in [
        (400, "invalid_request_error", "invalid_request_error"),
        (401, "authentication_error", "authentication_error"),
        (402, "insufficient_quota", "billing_error"),
        (403, "permission_error", "permission_error"),
        (404, "invalid_request_error", "not_found_error"),
        (413, "invalid_request_error", "request_too_large"),
        (429, "rate_limit_error", "rate_limit_error"),
        (500, "server_error", "api_error"),
        (504, "server_error", "timeout_error"),
        (529, "server_error", "overloaded_error"),
    ] {
        let body = br#"{"error":{"message":"a \"b\"","code":"c","param":"d"}}"#;
        let fault = completions::fault::read(status, None, body);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        completions::fault::write(&fault, &mut one);
        messages::fault::write(&fault, &mut other);
        let error = json!({"message": "a \"b\"", "type": openai, "param": "d", "code": "c"});
        assert_eq!(String::from_utf8(one).unwrap(), json!({"error": error}).to_string());
        let error = json!({"type": anthropic, "message": "a \"b\""});
        let whole = json!({"type": "error", "error": error}).to_string();
        assert_eq!(String::from_utf8(other).unwrap(), whole);
    }
}
