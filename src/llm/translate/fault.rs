//! `Fault`: an error that a provider answers with, in no dialect's words.

/// What the caller is told in its own shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub trouble: Trouble,
    pub message: String,
    /// The provider's own word for it, where it has one.
    pub code: Option<String>,
    /// Which field of the request, where it is told.
    pub param: Option<String>,
}

/// What kind of error it is: Anthropic's list, which is the finest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Invalid,
    Unauthenticated,
    Billing,
    Forbidden,
    NotFound,
    TooLarge,
    RateLimited,
    Internal,
    Timeout,
    Overloaded,
}

impl Fault {
    /// A word that covers several statuses says less than the status itself: OpenAI says
    /// `invalid_request_error` of much, and AWS has one word for who is not known and who may not.
    pub const fn heed(&mut self, status: u16) {
        let vague = matches!(self.trouble, Trouble::Invalid | Trouble::Forbidden);
        if vague && matches!(status, 401..=404 | 413 | 429) {
            self.trouble = Trouble::of_status(status);
        }
    }
}

impl Trouble {
    /// By the status of an answer.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            402 => Self::Billing,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::Invalid,
            _ => Self::Internal,
        }
    }

    /// What an error amid a stream would have had for a status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Billing => 402,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::Timeout => 504,
            Self::Overloaded => 529,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::*;

    #[test]
    fn a_vague_word_gives_way_to_the_status() {
        let openai = br#"{"error":{"message":"no","type":"invalid_request_error"}}"#;
        let aws = br#"{"message":"no"}"#;
        let denied = Some("AccessDeniedException");
        let cases = [
            (Dialect::Responses, 403, None, &openai[..], Trouble::Forbidden),
            (Dialect::Completions, 429, None, openai, Trouble::RateLimited),
            (Dialect::Completions, 400, None, openai, Trouble::Invalid),
            (Dialect::Completions, 422, None, openai, Trouble::Invalid),
            (Dialect::Converse, 401, denied, aws, Trouble::Unauthenticated),
            (Dialect::Converse, 403, denied, aws, Trouble::Forbidden),
        ];
        for (theirs, status, kind, body, trouble) in cases {
            let fault = theirs.read_fault(status, kind, body);
            assert_eq!(fault.trouble, trouble, "{theirs:?} {status}");
        }
    }
}
