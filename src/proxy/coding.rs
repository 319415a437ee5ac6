//! Whether the body of a response is coded on its way: what the route's policy says of it, and
//! whether the worker has an encoder left.

use super::place::Routed;
use crate::http::Exchange;
use crate::http::coders::Coder;
use crate::policy::compression::{Answer, Treatment};
use crate::proto::coding::Coding;
use crate::proto::http1::BodyLength;
use crate::telemetry::value::{ContentCoding, Limit};

/// What is said of the body in the head, and the encoder if it is coded. `bytes` are those of the
/// response's head.
pub fn choose<'a>(
    routed: &Routed<'a>,
    exchange: &Exchange,
    bytes: &[u8],
    length: BodyLength,
) -> (Treatment, Option<Coder<'a>>) {
    let Some(policy) = routed.edits.compression() else { return (Treatment::default(), None) };
    let treatment = policy.treat(Answer {
        request: &exchange.request,
        request_bytes: exchange.head_bytes(),
        response: &exchange.response,
        response_bytes: bytes,
    });
    // Who asked for the head alone is told of a coding that nobody does.
    let (Some((coding, level)), false) = (treatment.coding, length == BodyLength::None) else {
        return (treatment, None);
    };
    let resources = &routed.place.view.resources;
    match resources.coders.take(coding, level) {
        Some(coder) => (treatment, Some(coder)),
        None => {
            resources.shard.limit_hit(Limit::Coders);
            (Treatment { weakened: false, coding: None, ..treatment }, None)
        }
    }
}

/// As it stands in the metrics.
pub const fn label(coding: Coding) -> ContentCoding {
    match coding {
        Coding::Brotli => ContentCoding::Brotli,
        Coding::Zstd => ContentCoding::Zstd,
        Coding::Gzip => ContentCoding::Gzip,
    }
}
