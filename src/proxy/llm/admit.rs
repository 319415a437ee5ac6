//! Whether who asks may have the model, and whether a budget has something left for him; and, when
//! it is over, what it comes to. A route without keys and a gateway without budgets pay a branch
//! for it.

use super::super::failure::Failure;
use super::super::gather;
use super::super::place::Routed;
use super::Request;
use crate::http::Exchange;
use crate::http::exchange::Usage;
use crate::limits::BUDGET_BYTES_PER_TOKEN;
use crate::llm::budget::{Bill, Hold, Refused};
use crate::llm::reserve::Reserve;
use crate::llm::{Api, Error, Llm, roll};
use crate::policy::api_key::ApiKey;
use crate::proto::http1::BodyLength;
use crate::route::target::FixedReply;

/// What was held for a request, and of what it was made.
pub(super) struct Admitted<'a> {
    hold: Hold<'a>,
    reserve: Reserve,
    /// Nobody pays for it.
    is_free: bool,
}

/// To be called once it is known what is asked, before anybody is asked for it.
///
/// # Errors
/// The key is not for this model; a budget is used up.
pub(super) fn admit<'a>(
    routed: &Routed<'a>,
    exchange: &Exchange,
    request: &Request<'_>,
) -> Result<Option<Admitted<'a>>, Failure> {
    let model = match &exchange.gen_ai {
        Some(known) if request.asked.is_some() => &*known.request_model,
        _ => b"",
    };
    if key(routed, exchange).is_some_and(|key| !key.may_ask(model)) {
        return Err(Failure::Llm(Error::ModelRefused));
    }
    let budgets = &routed.view.snapshot.budgets;
    if budgets.is_empty() {
        return Ok(None);
    }
    let is_free = request.api == Api::CountTokens;
    let reserve = match request.asked {
        _ if is_free => Reserve::default(),
        Some(_) => Reserve::of(gather::body(exchange)),
        None => Reserve::of_bytes(match exchange.request.body {
            BodyLength::Fixed(bytes) => bytes,
            _ => 0,
        }),
    };
    let now = routed.view.resources.unix_micros(routed.connection.now()) / 1_000_000;
    let key = exchange.outcome.key;
    let hold = budgets.hold(key, model, reserve.tokens(), now.cast_signed());
    let hold = hold.map_err(|refused| match refused {
        Refused::Over(seconds) => Failure::OverBudget(seconds),
        Refused::Lost => Failure::BudgetsLost,
    })?;
    Ok((!hold.is_empty()).then_some(Admitted { hold, reserve, is_free }))
}

impl Admitted<'_> {
    /// To be called once it is known what was used. `is_whole`: the answer came to its end.
    pub(super) fn settle(self, exchange: &Exchange, is_whole: bool) {
        let Self { hold, reserve, is_free } = self;
        let answered = exchange.outcome.answered.is_some() && exchange.response.status < 300;
        let bill = match &exchange.gen_ai {
            Some(known) if answered && !is_free => {
                let received = exchange.outcome.response_bytes;
                let tokens = tokens(&known.usage, reserve, received, is_whole);
                Bill { tokens, nanos_usd: known.cost_nanos_usd }
            }
            _ => Bill::default(),
        };
        hold.settle(bill);
    }
}

/// What the provider told; and where it told nothing, since somebody left before the end or because
/// it does not say, what was estimated, no more than could have come by then.
fn tokens(usage: &Usage, reserve: Reserve, received: u64, is_whole: bool) -> u64 {
    let come = reserve.output.min(received.div_ceil(BUDGET_BYTES_PER_TOKEN));
    let output = match usage.output {
        Some(told) if is_whole => told,
        Some(told) => told.max(come),
        // Embeddings have no output, and say what they read.
        None if is_whole && usage.input.is_some() => 0,
        None => come,
    };
    usage.input.unwrap_or(reserve.input).saturating_add(output)
}

/// The models that a key may ask, where it may not ask all.
pub(super) fn listing(routed: &Routed<'_>, exchange: &Exchange, llm: &Llm) -> Option<FixedReply> {
    let key = key(routed, exchange)?;
    let allowed = key.models.as_ref()?;
    let (head, bytes) = (&exchange.request, exchange.head_bytes());
    let field = |name: &[u8]| head.find(bytes, name).map(|value| value.of(bytes));
    // Of those that stand for many, the ones that the key has by name.
    let own = allowed.exact().filter(|name| llm.models.find(name.as_bytes(), &field).is_some());
    let all = llm.listing.names.iter().filter(|name| allowed.fit(name.as_bytes()));
    let mut names: Vec<String> = all.cloned().chain(own.map(str::to_owned)).collect();
    names.sort_unstable();
    names.dedup();
    let list = roll::all(exchange.outcome.shape, &names);
    let fields = [("content-type", "application/json")];
    FixedReply::compile(200, &fields, list.to_string().as_bytes()).ok()
}

/// Whether who asks may know of a model.
pub(super) fn may_ask(routed: &Routed<'_>, exchange: &Exchange, model: &[u8]) -> bool {
    key(routed, exchange).is_none_or(|key| key.may_ask(model))
}

/// What is known of the key that was shown.
fn key<'a>(routed: &Routed<'a>, exchange: &Exchange) -> Option<&'a ApiKey> {
    routed.view.snapshot.keys.get(exchange.outcome.key?.index())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_told_is_what_could_have_come() {
        let reserve = Reserve { input: 50, output: 100 };
        let usage = |input, output| Usage { input, output, ..Usage::default() };
        for (told, received, is_whole, expected) in [
            (usage(Some(8), Some(10)), 5000, true, 18),
            (usage(Some(8), None), 5000, true, 8),
            (usage(None, None), 5000, true, 150),
            (usage(None, None), 30, true, 60),
            // Somebody left in the middle of a stream.
            (usage(None, None), 30, false, 60),
            (usage(Some(8), None), 30, false, 18),
            (usage(Some(8), Some(1)), 30, false, 18),
            (usage(Some(8), Some(90)), 30, false, 98),
            (usage(None, None), 0, false, 50),
        ] {
            assert_eq!(tokens(&told, reserve, received, is_whole), expected, "{told:?} {received}");
        }
    }
}
