//! Messages between their two forms: HTTP/2 field lists, RFC 9113 section 8, and HTTP/1.1 heads.
//!
//! What comes in field lists is checked here, all rules of it, before it is written as text that a
//! strict HTTP/1.1 parser reads again. What goes out in field lists was written by our own encoder,
//! and is not checked a second time; bytes of no sense are left out or refused, never a panic.
//! Owns no state. Bodies are the caller's: a shape says how they stand in the text.

mod request;
mod response;
mod rules;
mod text;
mod trailer;

pub use request::{request_fields, request_text};
pub use response::{response_fields, response_text};
pub use text::head_end;
pub use trailer::{trailer_fields, trailer_text};

use crate::proto::http1::Method;

macro_rules! malformed {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A field list that is no message: a stream error of type PROTOCOL_ERROR, RFC 9113
        /// section 8.1.1.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Malformed { $($(#[$doc])* $variant,)* }

        impl Malformed {
            /// Every variant, for tables that are keyed by it.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// For metrics and logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

malformed! {
    // Section 8.2: fields.
    /// Empty, in upper case, or with a byte that is not of a token.
    BadName = "bad_name",
    /// A control character, or white space at an end.
    BadValue = "bad_value",
    /// `connection` and its like, or a `te` that is not `trailers`.
    ConnectionSpecific = "connection_specific",

    // Section 8.3: pseudo-header fields.
    UnknownPseudo = "unknown_pseudo",
    RepeatedPseudo = "repeated_pseudo",
    /// Behind a field, or in a trailer section.
    MisplacedPseudo = "misplaced_pseudo",
    MissingPseudo = "missing_pseudo",
    /// One that does not go with the method.
    SuperfluousPseudo = "superfluous_pseudo",
    BadMethod = "bad_method",
    BadScheme = "bad_scheme",
    BadAuthority = "bad_authority",
    BadPath = "bad_path",
    BadStatus = "bad_status",

    TwoHosts = "two_hosts",
    /// `host` names another host than `:authority`.
    HostDiffers = "host_differs",
    /// Neither `:authority` nor `host`.
    NoHost = "no_host",

    BadContentLength = "bad_content_length",
    /// Two that differ.
    TwoLengths = "two_lengths",
    /// A length that the end of the stream belies, or of a message that has no body.
    LengthDiffers = "length_differs",
    /// An interim response ends the stream.
    InterimEnds = "interim_ends",
}

/// Text that our own encoder cannot have written. Nothing was encoded: the table of the
/// connection is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadHead;

/// How a body stands behind the text of its head.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Body {
    /// There is none. DATA frames without bytes may still come on the stream.
    #[default]
    None,
    /// So many bytes as they are, perhaps zero. Trailers have no place behind them.
    Length(u64),
    /// In chunks, with trailers.
    Chunked,
    /// HTTP is over: bytes as they are, both ways, until either side ends.
    Tunnel,
    /// Only the end of the text tells: our own server writes this to nobody.
    UntilClose,
}

/// What kind of request it is, as far as its answer and its stream differ.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum RequestKind {
    #[default]
    Plain,
    Connect,
    /// An extended CONNECT, RFC 8441; in text a GET that asks for an upgrade.
    WebSocket,
    /// An extended CONNECT with another protocol: well-formed, and for a 501. There is no text.
    UnknownProtocol,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestShape {
    /// Of the HTTP/1.1 form: GET for a WebSocket.
    pub method: Method,
    pub kind: RequestKind,
    pub body: Body,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResponseShape {
    /// As it was sent on.
    pub status: u16,
    /// Another response follows on the stream.
    pub interim: bool,
    pub body: Body,
    /// The text came with `Connection: close`.
    pub closes: bool,
}

impl RequestShape {
    /// What the status says of the body, whatever the fields are: RFC 9112 section 6.3.
    fn answer(&self, status: u16) -> Answer {
        let succeeded = matches!(status, 200..300);
        match (self.kind, status) {
            (_, 100..200) => Answer::Interim,
            (RequestKind::Connect | RequestKind::WebSocket, _) if succeeded => Answer::Tunnel,
            (_, 204) => Answer::Empty,
            (_, 304) => Answer::Described,
            _ if self.method == Method::Head => Answer::Described,
            _ => Answer::WithBody,
        }
    }
}

/// What a response may have behind its head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Interim,
    Tunnel,
    /// No body, and no word about one.
    Empty,
    /// No body, but the length that it would have.
    Described,
    WithBody,
}

impl Answer {
    const fn has_length(self) -> bool {
        matches!(self, Self::Described | Self::WithBody)
    }
}

#[cfg(test)]
mod tests;
