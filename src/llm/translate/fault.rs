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
