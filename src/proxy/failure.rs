//! `Failure`: every way in which an exchange can fail, and what the client is told. One table:
//! nothing else turns an error into a status.

use crate::http::Broke;
use crate::llm;
use crate::policy::api_key::Fault;
use crate::policy::rate_limit::Exceeded;
use crate::proto::http1::ParseError;
use crate::telemetry::value::{Limit, Reason, Timeout};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What the client sent is no request.
    Malformed(ParseError),
    /// The head did not arrive in time.
    HeadSlow,
    /// The body stopped coming.
    BodySlow,
    /// The body is more than a policy may hold of it.
    BodyTooLarge,
    /// The client left before its answer was complete.
    ClientGone,
    /// The client takes no bytes.
    ClientStuck,
    /// CONNECT, to a gateway that tunnels for nobody.
    ConnectRefused,
    NoListener,
    NoRoute,
    /// The connection was accepted for another listener: RFC 9110 section 15.5.20.
    Misdirected,
    /// The route points to nothing that could answer.
    NoBackend,
    /// It has endpoints, and none of them is well.
    NoHealthyEndpoint,
    /// Its names stand for no address.
    Unresolved,
    /// The endpoint refused the connection, or cannot be reached.
    ConnectFailed,
    ConnectSlow,
    /// The endpoint was reached, and there is no TLS session with it.
    TlsFailed,
    /// Too many requests wait for a stream to the endpoint.
    StreamsFull,
    /// The limits of the cluster let no more in.
    CircuitOpen,
    /// The endpoint took no stream, however often it was asked.
    StreamsRefused,
    /// The endpoint closed before its answer was complete.
    UpstreamClosed,
    UpstreamMalformed(ParseError),
    /// The cloud that gives the credential of this backend out gave none yet, or none that holds.
    NoCredential,
    /// The same of the response's.
    ResponseTooLarge,
    /// The endpoint switched protocols without being asked.
    UpstreamSwitched,
    /// The whole request took too long; one attempt of it did.
    RequestSlow,
    AttemptSlow,
    /// No token of a stream came in time.
    FirstTokenSlow,
    /// The endpoint stopped sending or taking bytes in the middle of a message.
    UpstreamStuck,
    /// The answer was left unsent, and somebody else is asked: nobody is told of it.
    Turned,
    /// What is asked of a model, or what it answers, is not what its API has.
    Llm(llm::Error),
    /// A rate limit of the route has no token left.
    RateLimited(Exceeded),
    /// The process has as much to do as it may have.
    Overload(Overloaded),
    /// Nobody knows who asks.
    Unidentified(Fault),
    /// A budget is used up; the seconds until there is another, if there will be.
    OverBudget(Option<u32>),
    /// What was used of a budget cannot be written down, and that is wanted.
    BudgetsLost,
    /// The route's rules do not let the request in.
    Unauthorized,
    /// It comes from a page of another origin.
    CsrfRefused,
    /// The configuration no longer has the bind or route.
    Removed,
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overloaded {
    Buffers,
    Memory,
    Requests,
    /// With the backend, more than it answers in time.
    Concurrency,
}

impl Overloaded {
    const fn text(self) -> &'static str {
        match self {
            Self::Buffers => "overloaded: buffers are full",
            Self::Memory => "overloaded: memory is used up",
            Self::Requests => "overloaded: too many requests",
            Self::Concurrency => "overloaded: the backend has too many requests",
        }
    }

    const fn limit(self) -> Limit {
        match self {
            Self::Buffers => Limit::BufferedBytes,
            Self::Memory => Limit::Memory,
            Self::Requests => Limit::Requests,
            Self::Concurrency => Limit::Concurrency,
        }
    }
}

/// What is known of a failure.
pub struct Row {
    /// 499 is for the log: nobody is there to be told.
    pub status: u16,
    pub reason: Reason,
    pub text: &'static str,
    /// Whose fault: the flag that operators know from Envoy.
    pub flag: &'static str,
}

impl Failure {
    pub const fn row(self) -> Row {
        let (status, reason, text, flag) = match self {
            Self::Malformed(error) => return malformed(error),
            Self::HeadSlow => (408, Reason::Timeout, "request head timeout", "DT"),
            Self::BodySlow => (408, Reason::Timeout, "request body timeout", "DT"),
            Self::BodyTooLarge => (413, Reason::InvalidRequest, "request body too large", "DPE"),
            Self::ClientGone => (499, Reason::Internal, "client closed the connection", "DC"),
            Self::ClientStuck => (499, Reason::Timeout, "client takes no bytes", "DT"),
            Self::ConnectRefused => (405, Reason::InvalidRequest, "CONNECT is not allowed", "DPE"),
            Self::NoListener => (404, Reason::NotFound, "listener not found", "NR"),
            Self::NoRoute => (404, Reason::NotFound, "route not found", "NR"),
            Self::Misdirected => (421, Reason::NotFound, "misdirected request", "NR"),
            Self::NoBackend => (500, Reason::NoHealthyBackend, "no valid backends", "UH"),
            Self::NoHealthyEndpoint => (503, Reason::NoHealthyBackend, "no healthy backends", "UH"),
            Self::Unresolved => {
                let text = "backends required DNS resolution which failed";
                (503, Reason::NoHealthyBackend, text, "UH")
            }
            Self::ConnectFailed => {
                (503, Reason::UpstreamFailure, "upstream call failed: connect", "UF")
            }
            Self::TlsFailed => (503, Reason::UpstreamFailure, "upstream call failed: TLS", "UF"),
            Self::ConnectSlow => (504, Reason::Timeout, "upstream call timeout: connect", "UF"),
            Self::StreamsFull => {
                (503, Reason::UpstreamFailure, "upstream overloaded: too many streams", "UO")
            }
            Self::NoCredential => {
                (503, Reason::UpstreamFailure, "no credential for the backend yet", "UAEX")
            }
            Self::CircuitOpen => {
                (503, Reason::UpstreamFailure, "upstream overloaded: circuit open", "UO")
            }
            Self::StreamsRefused => {
                (503, Reason::UpstreamFailure, "upstream call failed: stream refused", "UR")
            }
            Self::UpstreamClosed => {
                (502, Reason::UpstreamFailure, "upstream call failed: connection closed", "UC")
            }
            Self::UpstreamMalformed(_) => {
                (502, Reason::UpstreamFailure, "upstream call failed: malformed response", "UPE")
            }
            Self::ResponseTooLarge => {
                (502, Reason::UpstreamFailure, "upstream response too large", "UPE")
            }
            Self::UpstreamSwitched => {
                (502, Reason::UpstreamFailure, "upstream call failed: protocol switch", "UPE")
            }
            Self::RequestSlow => (504, Reason::Timeout, "request timeout", "UT"),
            Self::AttemptSlow | Self::UpstreamStuck => {
                (504, Reason::Timeout, "upstream call timeout", "UT")
            }
            Self::Turned => (502, Reason::UpstreamFailure, "upstream call failed: status", "UF"),
            Self::FirstTokenSlow => {
                (504, Reason::Timeout, "upstream call timeout: first token", "UT")
            }
            Self::Llm(error) => return of_model(error),
            Self::RateLimited(_) => (429, Reason::RateLimit, "rate limit exceeded", "RL"),
            Self::Overload(what) => (503, Reason::Internal, what.text(), "OM"),
            Self::Unidentified(fault) => (401, Reason::ApiKeyAuth, unidentified(fault), "UAEX"),
            Self::OverBudget(_) => (429, Reason::RateLimit, "budget exceeded", "RL"),
            Self::BudgetsLost => (503, Reason::Internal, "budgets cannot be kept", "RLSE"),
            Self::Unauthorized => (403, Reason::Authorization, "authorization failed", "UAEX"),
            Self::CsrfRefused => (403, Reason::Authorization, "CSRF validation failed", "UAEX"),
            Self::Removed => (503, Reason::NotFound, "bind not found", "NR"),
        };
        Row { status, reason, text, flag }
    }

    /// Whether the connection can carry no further request.
    pub const fn closes(self) -> bool {
        !matches!(
            self,
            Self::NoListener
                | Self::NoRoute
                | Self::NoBackend
                | Self::NoHealthyEndpoint
                | Self::Unresolved
                | Self::ConnectFailed
                | Self::ConnectSlow
                | Self::TlsFailed
                | Self::Misdirected
                | Self::StreamsFull
                | Self::CircuitOpen
                | Self::NoCredential
                | Self::StreamsRefused
                | Self::UpstreamClosed
                | Self::UpstreamMalformed(_)
                | Self::UpstreamSwitched
                | Self::ResponseTooLarge
                | Self::RequestSlow
                | Self::AttemptSlow
                | Self::FirstTokenSlow
                | Self::UpstreamStuck
                | Self::RateLimited(_)
                | Self::Turned
                | Self::Llm(_)
                | Self::Overload(Overloaded::Concurrency)
                | Self::Unidentified(_)
                | Self::OverBudget(_)
                | Self::BudgetsLost
                | Self::Unauthorized
                | Self::CsrfRefused
        )
    }

    /// It speaks against the endpoint.
    pub const fn is_endpoints(self) -> bool {
        matches!(
            self,
            Self::ConnectFailed
                | Self::ConnectSlow
                | Self::TlsFailed
                | Self::StreamsRefused
                | Self::UpstreamClosed
                | Self::UpstreamMalformed(_)
                | Self::UpstreamSwitched
                | Self::AttemptSlow
                | Self::FirstTokenSlow
                | Self::RequestSlow
                | Self::UpstreamStuck
        )
    }

    /// The client can be told nothing.
    pub const fn is_silent(self) -> bool {
        matches!(self, Self::ClientGone | Self::ClientStuck)
    }

    pub const fn timeout(self) -> Option<Timeout> {
        match self {
            Self::HeadSlow => Some(Timeout::Head),
            Self::BodySlow | Self::UpstreamStuck => Some(Timeout::Body),
            Self::ClientStuck => Some(Timeout::Write),
            Self::ConnectSlow => Some(Timeout::Connect),
            Self::RequestSlow => Some(Timeout::Request),
            Self::AttemptSlow | Self::FirstTokenSlow => Some(Timeout::Attempt),
            _ => None,
        }
    }

    pub const fn limit(self) -> Option<Limit> {
        match self {
            Self::Malformed(ParseError::HeadTooLarge) => Some(Limit::HeadBytes),
            Self::Malformed(ParseError::TooManyFields) => Some(Limit::Fields),
            Self::Malformed(ParseError::TargetTooLong) => Some(Limit::TargetBytes),
            Self::Malformed(ParseError::TrailerTooLarge) => Some(Limit::TrailerBytes),
            Self::BodyTooLarge | Self::ResponseTooLarge => Some(Limit::BodyBytes),
            Self::Overload(what) => Some(what.limit()),
            Self::StreamsFull => Some(Limit::UpstreamStreamsWaiting),
            Self::CircuitOpen => Some(Limit::Circuit),
            _ => None,
        }
    }

    /// A body from the client to the endpoint broke.
    pub const fn of_upload(broke: Broke) -> Self {
        match broke {
            Broke::Malformed(error) => Self::Malformed(error),
            Broke::ReadClosed => Self::ClientGone,
            Broke::ReadSlow => Self::BodySlow,
            Broke::WriteClosed => Self::UpstreamClosed,
            Broke::WriteSlow => Self::UpstreamStuck,
        }
    }

    /// A response from the endpoint to the client broke.
    pub const fn of_download(broke: Broke) -> Self {
        match broke {
            Broke::Malformed(error) => Self::UpstreamMalformed(error),
            Broke::ReadClosed => Self::UpstreamClosed,
            Broke::ReadSlow => Self::UpstreamStuck,
            Broke::WriteClosed => Self::ClientGone,
            Broke::WriteSlow => Self::ClientStuck,
        }
    }
}

/// RFC 9110 section 15.5 and RFC 6585 have a status for some kinds of bad request.
const fn malformed(error: ParseError) -> Row {
    let (status, text) = match error {
        ParseError::HeadTooLarge | ParseError::TooManyFields | ParseError::TrailerTooLarge => {
            (431, "request head too large")
        }
        ParseError::TargetTooLong => (414, "request target too long"),
        ParseError::UnknownTransferCoding => (501, "transfer coding not supported"),
        ParseError::VersionUnsupported => (505, "HTTP version not supported"),
        ParseError::BadExpect => (417, "expectation not supported"),
        _ => (400, "malformed request"),
    };
    Row { status, reason: Reason::InvalidRequest, text, flag: "DPE" }
}

impl From<llm::Error> for Failure {
    fn from(error: llm::Error) -> Self {
        Self::Llm(error)
    }
}

impl Failure {
    /// OpenAI's word for it.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Llm(llm::Error::UnknownModel) => Some("model_not_found"),
            Self::Llm(llm::Error::ModelRefused) => Some("model_not_allowed"),
            Self::RateLimited(_) | Self::Llm(llm::Error::Limited(_)) => Some("rate_limit_exceeded"),
            Self::OverBudget(_) => Some("budget_exceeded"),
            Self::Unidentified(_) => Some("invalid_api_key"),
            _ => None,
        }
    }
}

/// agentgateway's words.
const fn unidentified(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing => "api key authentication failure: no API Key found",
        Fault::Unknown => "api key authentication failure: invalid credentials",
        Fault::Expired => "api key authentication failure: the key has expired",
    }
}

const fn of_model(error: llm::Error) -> Row {
    use llm::Error;
    let (status, text) = match error {
        Error::NotJson => (400, "the request body is not JSON"),
        Error::TooDeep => (400, "the request body has too many levels"),
        Error::NotAnObject => (400, "the request body is not a JSON object"),
        Error::NoModel => (400, "model is missing"),
        Error::BadModel => (400, "model is not the name of a model"),
        Error::BadStream => (400, "stream is not a boolean"),
        Error::Duplicate => (400, "a field of the request body stands twice"),
        Error::NotSpoken => (400, "the provider of this model does not speak this API"),
        Error::Refused => (400, "the provider of this model cannot be told this"),
        Error::UnknownModel => (404, "no such model"),
        Error::BadMethod => (405, "method not allowed"),
        Error::Limited(_) => {
            let text = "whoever has this model is at its limit";
            return Row { status: 429, reason: Reason::RateLimit, text, flag: "UO" };
        }
        Error::ModelRefused => (403, "this key may not ask this model"),
        Error::BadAnswer => {
            let text = "upstream call failed: not an answer of a model";
            return Row { status: 502, reason: Reason::UpstreamFailure, text, flag: "UPE" };
        }
    };
    let reason = match error {
        Error::UnknownModel => Reason::NotFound,
        Error::ModelRefused => Reason::Authorization,
        _ => Reason::InvalidRequest,
    };
    Row { status, reason, text, flag: "DPE" }
}

#[cfg(test)]
mod tests;
