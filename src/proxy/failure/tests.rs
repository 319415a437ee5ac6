use super::*;

const BAD: ParseError = ParseError::NoHost;
const BUFFERS: Overloaded = Overloaded::Buffers;
const TOO_MANY: Exceeded = Exceeded { limit: 1, wait_seconds: 1 };

/// Failure, status, reason, flag, text, whether it closes the client's connection.
type Case = (Failure, u16, Reason, &'static str, &'static str, bool);

/// Statuses, reasons and texts are agentgateway's where it has them.
const CASES: &[Case] = {
    use Failure as F;
    use Reason as R;
    &[
        (F::Malformed(BAD), 400, R::InvalidRequest, "DPE", "malformed request", true),
        (F::HeadSlow, 408, R::Timeout, "DT", "request head timeout", true),
        (F::BodySlow, 408, R::Timeout, "DT", "request body timeout", true),
        (F::ClientGone, 499, R::Internal, "DC", "client closed the connection", true),
        (F::ClientStuck, 499, R::Timeout, "DT", "client takes no bytes", true),
        (F::ConnectRefused, 405, R::InvalidRequest, "DPE", "CONNECT is not allowed", true),
        (F::NoListener, 404, R::NotFound, "NR", "listener not found", false),
        (F::NoRoute, 404, R::NotFound, "NR", "route not found", false),
        (F::NoBackend, 500, R::NoHealthyBackend, "UH", "no valid backends", false),
        (F::ConnectFailed, 503, R::UpstreamFailure, "UF", "upstream call failed: connect", false),
        (F::ConnectSlow, 504, R::Timeout, "UF", "upstream call timeout: connect", false),
        (
            F::UpstreamClosed,
            502,
            R::UpstreamFailure,
            "UC",
            "upstream call failed: connection closed",
            false,
        ),
        (
            F::UpstreamMalformed(BAD),
            502,
            R::UpstreamFailure,
            "UPE",
            "upstream call failed: malformed response",
            false,
        ),
        (
            F::UpstreamSwitched,
            502,
            R::UpstreamFailure,
            "UPE",
            "upstream call failed: protocol switch",
            false,
        ),
        (F::RequestSlow, 504, R::Timeout, "UT", "request timeout", false),
        (F::AttemptSlow, 504, R::Timeout, "UT", "upstream call timeout", false),
        (F::UpstreamStuck, 504, R::Timeout, "UT", "upstream call timeout", false),
        (F::Overload(BUFFERS), 503, R::Internal, "OM", "overloaded: buffers are full", true),
        (F::Removed, 503, R::NotFound, "NR", "bind not found", true),
        (F::Misdirected, 421, R::NotFound, "NR", "misdirected request", false),
        (F::TlsFailed, 503, R::UpstreamFailure, "UF", "upstream call failed: TLS", false),
        (
            F::StreamsFull,
            503,
            R::UpstreamFailure,
            "UO",
            "upstream overloaded: too many streams",
            false,
        ),
        (
            F::StreamsRefused,
            503,
            R::UpstreamFailure,
            "UR",
            "upstream call failed: stream refused",
            false,
        ),
        (F::Unauthorized, 403, R::Authorization, "UAEX", "authorization failed", false),
        (F::CsrfRefused, 403, R::Authorization, "UAEX", "CSRF validation failed", false),
        (F::CircuitOpen, 503, R::UpstreamFailure, "UO", "upstream overloaded: circuit open", false),
        (F::NoHealthyEndpoint, 503, R::NoHealthyBackend, "UH", "no healthy backends", false),
        (
            F::Unresolved,
            503,
            R::NoHealthyBackend,
            "UH",
            "backends required DNS resolution which failed",
            false,
        ),
        (F::RateLimited(TOO_MANY), 429, R::RateLimit, "RL", "rate limit exceeded", false),
        (F::BodyTooLarge, 413, R::InvalidRequest, "DPE", "request body too large", true),
        (F::ResponseTooLarge, 502, R::UpstreamFailure, "UPE", "upstream response too large", false),
        (F::Llm(llm::Error::UnknownModel), 404, R::NotFound, "DPE", "no such model", false),
        (F::Turned, 502, R::UpstreamFailure, "UF", "upstream call failed: status", false),
        (F::FirstTokenSlow, 504, R::Timeout, "UT", "upstream call timeout: first token", false),
        (
            F::NoCredential,
            503,
            R::UpstreamFailure,
            "UAEX",
            "no credential for the backend yet",
            false,
        ),
        (
            F::Unidentified(Fault::Unknown),
            401,
            R::ApiKeyAuth,
            "UAEX",
            "api key authentication failure: invalid credentials",
            false,
        ),
        (F::OverBudget(Some(1)), 429, R::RateLimit, "RL", "budget exceeded", false),
        (F::BudgetsLost, 503, R::Internal, "RLSE", "budgets cannot be kept", false),
    ]
};

/// A variant that is added has to be given a place in the table above.
const fn place(failure: Failure) -> usize {
    use Failure as F;
    match failure {
        F::Malformed(_) => 0,
        F::HeadSlow => 1,
        F::BodySlow => 2,
        F::ClientGone => 3,
        F::ClientStuck => 4,
        F::ConnectRefused => 5,
        F::NoListener => 6,
        F::NoRoute => 7,
        F::NoBackend => 8,
        F::ConnectFailed => 9,
        F::ConnectSlow => 10,
        F::UpstreamClosed => 11,
        F::UpstreamMalformed(_) => 12,
        F::UpstreamSwitched => 13,
        F::RequestSlow => 14,
        F::AttemptSlow => 15,
        F::UpstreamStuck => 16,
        F::Overload(_) => 17,
        F::Removed => 18,
        F::Misdirected => 19,
        F::TlsFailed => 20,
        F::StreamsFull => 21,
        F::StreamsRefused => 22,
        F::Unauthorized => 23,
        F::CsrfRefused => 24,
        F::CircuitOpen => 25,
        F::NoHealthyEndpoint => 26,
        F::Unresolved => 27,
        F::RateLimited(_) => 28,
        F::BodyTooLarge => 29,
        F::ResponseTooLarge => 30,
        F::Llm(_) => 31,
        F::Turned => 32,
        F::FirstTokenSlow => 33,
        F::NoCredential => 34,
        F::Unidentified(_) => 35,
        F::OverBudget(_) => 36,
        F::BudgetsLost => 37,
    }
}

#[test]
fn each_failure_has_its_row() {
    assert_eq!(CASES.len(), place(Failure::BudgetsLost) + 1);
    for (index, (failure, status, reason, flag, text, closes)) in CASES.iter().enumerate() {
        assert_eq!(place(*failure), index, "{failure:?}");
        let row = failure.row();
        let got = (row.status, row.reason, row.flag, row.text, failure.closes());
        assert_eq!(got, (*status, *reason, *flag, *text, *closes), "{failure:?}");
        assert_eq!(failure.is_silent(), *status == 499, "499 is for the log: {failure:?}");
        // What counts as a timeout is told as one, and the other way round.
        assert_eq!(failure.timeout().is_some(), *reason == Reason::Timeout, "{failure:?}");
    }
}

#[test]
fn a_kind_of_bad_request_has_its_status() {
    use ParseError as P;
    for error in P::ALL {
        let expected = match error {
            P::HeadTooLarge | P::TooManyFields | P::TrailerTooLarge => 431,
            P::TargetTooLong => 414,
            P::UnknownTransferCoding => 501,
            P::VersionUnsupported => 505,
            P::BadExpect => 417,
            _ => 400,
        };
        let failure = Failure::Malformed(*error);
        assert_eq!(failure.row().status, expected, "{error:?}");
        assert_eq!(failure.limit().is_some(), matches!(expected, 431 | 414), "{error:?}");
        assert!(failure.closes(), "where the next request begins is not known: {error:?}");
        // The same from an endpoint is no fault of the client's.
        assert_eq!(Failure::UpstreamMalformed(*error).row().status, 502);
    }
}

#[test]
fn a_broken_body_is_the_fault_of_one_side() {
    use Failure as F;
    for (broke, upload, download) in [
        (Broke::Malformed(BAD), F::Malformed(BAD), F::UpstreamMalformed(BAD)),
        (Broke::ReadClosed, F::ClientGone, F::UpstreamClosed),
        (Broke::ReadSlow, F::BodySlow, F::UpstreamStuck),
        (Broke::WriteClosed, F::UpstreamClosed, F::ClientGone),
        (Broke::WriteSlow, F::UpstreamStuck, F::ClientStuck),
    ] {
        assert_eq!(Failure::of_upload(broke), upload);
        assert_eq!(Failure::of_download(broke), download);
    }
}
