//! What the route says is done: its steps are run, and what it points to is asked.

use super::failure::Failure;
use super::finish::End;
use super::forward;
use super::place::Routed;
use super::reply;
use super::request_head::Rewritten;
use crate::base::id::LabelsId;
use crate::http::Exchange;
use crate::policy::{Changes, Pipeline, Verdict};
use crate::proto::http1::{FieldName, TargetForm};
use crate::route::rewrite::{Address, Scheme};
use crate::route::target::{FixedReply, Target};
use crate::snapshot::bind::RequestId;

use super::asked::Asked;

/// Runs the route's steps and asks its target.
///
/// # Errors
/// The failure that ends the exchange.
pub async fn to_target(
    mut routed: Routed<'_>,
    exchange: &mut Exchange,
    changes: &mut Changes,
    labels: &mut LabelsId,
) -> Result<End, Failure> {
    changes.clear();
    if let Some(answer) = steps(&routed, &routed.route.pipeline, exchange, changes) {
        return answered(&routed, exchange, changes, answer).await;
    }
    let clusters = match &routed.route.target {
        Target::Clusters(clusters) => clusters,
        Target::Reply(reply) => {
            return answered(&routed, exchange, changes, Answer::Fixed(reply)).await;
        }
    };
    let (place, cluster) = clusters.pick(routed.view.resources.random.next());
    *labels = routed.route.labels(Some(place));
    let backend = &routed.route.backends[place];
    if let Some(pipeline) = &backend.pipeline {
        routed.edits = pipeline;
        if let Some(answer) = steps(&routed, pipeline, exchange, changes) {
            return answered(&routed, exchange, changes, answer).await;
        }
    }
    identify(&routed, exchange);
    forward::forward(&routed, exchange, *cluster, Rewritten { changes, backend }).await?;
    Ok(End::Upstream)
}

/// What a step answers in the place of a target.
enum Answer<'a> {
    Fixed(&'a FixedReply),
    /// To the Location in the exchange's changes.
    Redirect(u16),
}

fn steps<'a>(
    routed: &Routed<'a>,
    pipeline: &'a Pipeline,
    exchange: &Exchange,
    changes: &mut Changes,
) -> Option<Answer<'a>> {
    // `*` asks about the whole server: there is no path to be rewritten.
    if pipeline.steps().is_empty() || exchange.request.form == TargetForm::Asterisk {
        return None;
    }
    let asked = Asked::of(exchange);
    let address = Address {
        scheme: Scheme::Http,
        authority: exchange.request.host.of(exchange.head_bytes()),
        path: asked.path_bytes(),
        query: asked.query_bytes(),
        prefix_len: routed.prefix_len,
    };
    match pipeline.on_request(&address, changes) {
        Verdict::Continue => None,
        Verdict::Reply(reply) => Some(Answer::Fixed(reply)),
        Verdict::Redirect { status } => Some(Answer::Redirect(status)),
    }
}

async fn answered(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    changes: &Changes,
    answer: Answer<'_>,
) -> Result<End, Failure> {
    match answer {
        Answer::Fixed(fixed) => reply::fixed(routed, exchange, fixed).await?,
        Answer::Redirect(status) => {
            reply::redirect(routed, exchange, status, changes.location()).await?;
        }
    }
    Ok(End::Direct)
}

/// Makes the request's id, where the configuration wants one and the client brought none.
fn identify(routed: &Routed<'_>, exchange: &mut Exchange) {
    let wanted = match routed.bind.settings.forwarded.request_id {
        RequestId::Off => false,
        RequestId::Make => true,
        RequestId::Keep => exchange.request.field(FieldName::XRequestId).is_none(),
    };
    if wanted {
        let random = &routed.view.resources.random;
        hex(&mut exchange.request_id, random.next(), random.next());
    }
}

/// 128 random bits as 32 hexadecimal digits.
fn hex(out: &mut [u8; 32], high: u64, low: u64) {
    out[..16].copy_from_slice(&hex_of(high));
    out[16..].copy_from_slice(&hex_of(low));
}

/// The digits of a word, without a loop or a branch: each half byte is spread to a byte of its own,
/// and all become digits at once.
fn hex_of(word: u64) -> [u8; 16] {
    const LOW_HALVES: u128 = 0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f;
    let mut spread = u128::from(word);
    spread = (spread | spread << 32) & 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;
    spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff;
    spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff;
    spread = (spread | spread << 4) & LOW_HALVES;
    // A half above 9 has bit 4 set when 6 is added: those digits are letters.
    let letters = (spread + 0x0606_0606_0606_0606_0606_0606_0606_0606) >> 4
        & 0x0101_0101_0101_0101_0101_0101_0101_0101;
    let digits =
        spread + 0x3030_3030_3030_3030_3030_3030_3030_3030 + letters * u128::from(b'a' - b'0' - 10);
    digits.to_be_bytes()
}

#[cfg(test)]
mod tests {
    #[test]
    fn hexadecimal_digits_are_those_of_the_standard_library() {
        for word in [0, 1, 9, 10, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX] {
            assert_eq!(super::hex_of(word), *format!("{word:016x}").as_bytes());
        }
    }
}
