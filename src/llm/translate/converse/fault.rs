//! Errors of Bedrock's Converse. What kind it is stands in the head (`x-amzn-errortype`); clients
//! take it from the body as well, where it has `__type`.

use serde_json::Value;

use super::super::Fault;
use super::super::fault::Trouble;
use super::super::object::object;
use super::super::responses::fault::bare;

/// Reads the body of an answer that is an error, whatever it is. `kind`: what a head says of it
/// (`x-amzn-errortype`).
pub fn read(status: u16, kind: Option<&str>, body: &[u8]) -> Fault {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let kind = kind.or_else(|| text("__type")).or_else(|| text("code")).map(bare_kind);
    let message = text("message").or_else(|| text("Message"));
    let trouble = kind.and_then(trouble).unwrap_or_else(|| Trouble::of_status(status));
    Fault {
        trouble,
        message: message.map_or_else(|| bare(status, body), str::to_owned),
        code: kind.filter(|kind| !kind.is_empty()).map(str::to_owned),
        param: None,
    }
}

/// `com.amazon.coral.validate#ValidationException:http://...` is a `ValidationException`.
fn bare_kind(kind: &str) -> &str {
    let kind = kind.split(':').next().unwrap_or_default();
    kind.rsplit('#').next().unwrap_or_default().trim()
}

/// Also of the types of exceptions in a stream, which begin in lower case.
pub(super) fn trouble(kind: &str) -> Option<Trouble> {
    let known = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind));
    known.map(|(_, trouble)| *trouble)
}

/// The type of an error, for the head that tells it.
pub fn kind(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Invalid | Trouble::TooLarge => "ValidationException",
        Trouble::Unauthenticated => "UnrecognizedClientException",
        Trouble::Billing | Trouble::Forbidden => "AccessDeniedException",
        Trouble::NotFound => "ResourceNotFoundException",
        Trouble::RateLimited => "ThrottlingException",
        Trouble::Internal => "InternalServerException",
        Trouble::Timeout => "ModelTimeoutException",
        Trouble::Overloaded => "ServiceUnavailableException",
    }
}

/// Appends the body of an answer that is an error.
pub fn write(fault: &Fault, out: &mut Vec<u8>) {
    object(out, |body| {
        body.text("__type", kind(fault.trouble));
        body.text("message", &fault.message);
    });
}

const KINDS: [(&str, Trouble); 15] = [
    ("ValidationException", Trouble::Invalid),
    ("UnrecognizedClientException", Trouble::Unauthenticated),
    ("InvalidSignatureException", Trouble::Unauthenticated),
    ("ExpiredTokenException", Trouble::Unauthenticated),
    ("IncompleteSignatureException", Trouble::Unauthenticated),
    ("AccessDeniedException", Trouble::Forbidden),
    ("ResourceNotFoundException", Trouble::NotFound),
    ("ThrottlingException", Trouble::RateLimited),
    ("ServiceQuotaExceededException", Trouble::RateLimited),
    ("InternalServerException", Trouble::Internal),
    ("ModelErrorException", Trouble::Internal),
    ("ModelStreamErrorException", Trouble::Internal),
    ("ModelTimeoutException", Trouble::Timeout),
    ("ModelNotReadyException", Trouble::Overloaded),
    ("ServiceUnavailableException", Trouble::Overloaded),
];
