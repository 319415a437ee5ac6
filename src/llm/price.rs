//! `Prices`: what tokens of models cost. Who includes what is settled before, in `Usage`: its input
//! has what came out of a cache and went into one, its output has what was thought and not said.
//! Each token is billed once, at the rate that names it; where its own kind has no rate it is one of
//! those that it is among. Whole numbers all the way: a sum is exact, and rounded where it is told.
//!
//! The name that the provider told is looked up first, then the one that was asked for; an exact name
//! wins over a pattern, and of patterns the one with the most letters. Immutable.

use super::named::Named;
use crate::config::catalog::{Catalog, Rate, Rates};
use crate::http::exchange::{Cost, Usage};
use crate::telemetry::gen_ai::PriceLookup;

/// By providers, then by models.
#[derive(Clone, Debug, Default)]
pub struct Prices(Named<Named<Price>>);

#[derive(Clone, Debug)]
struct Price {
    rates: Rates,
    /// For prompts of more tokens than this: the largest first, with what they do not say filled in.
    tiers: Box<[(u64, Rates)]>,
}

impl Prices {
    pub fn compile(catalog: &Catalog) -> Self {
        let providers = catalog.providers.iter().map(|(name, provider)| {
            let models = provider.models.iter().map(|(name, model)| {
                let tiers = model.tiers.iter().rev();
                let tiers = tiers.map(|tier| (tier.context_over, tier.rates.or(model.rates)));
                (name.clone(), Price { rates: model.rates, tiers: tiers.collect() })
            });
            (name.clone(), Named::compile(models))
        });
        Self(Named::compile(providers))
    }

    /// What the tokens cost; `models` are the names that the provider told and that it was told.
    pub fn bill(
        &self,
        provider: &str,
        models: [&[u8]; 2],
        usage: &Usage,
    ) -> (PriceLookup, Option<Cost>) {
        let Some(price) = self.find(provider, models) else { return (PriceLookup::Missing, None) };
        let rates = price.rates(usage.input.unwrap_or(0));
        match rates == Rates::default() {
            true => (PriceLookup::Unpriced, None),
            false => (PriceLookup::Exact, Some(cost(&rates, usage))),
        }
    }

    fn find(&self, provider: &str, models: [&[u8]; 2]) -> Option<&Price> {
        let own = self.0.exact(provider.as_bytes()).into_iter();
        own.chain(self.0.like(provider.as_bytes())).find_map(|shelf| {
            let exact = models.iter().find_map(|name| shelf.exact(name));
            exact.or_else(|| {
                let known = models.iter().filter(|name| !name.is_empty());
                known.copied().find_map(|name| shelf.like(name).next())
            })
        })
    }
}

impl Price {
    fn rates(&self, context: u64) -> Rates {
        let tier = self.tiers.iter().find(|(over, _)| context > *over);
        tier.map_or(self.rates, |(_, rates)| *rates)
    }
}

fn cost(rates: &Rates, usage: &Usage) -> Cost {
    // No kind may take more tokens than there are left of those that it is among.
    let take = |left: &mut u64, count: Option<u64>, rate: Option<Rate>| {
        let taken = count.filter(|_| rate.is_some()).unwrap_or(0).min(*left);
        *left -= taken;
        picos(taken, rate)
    };
    let (mut input, mut output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    let cache_read = take(&mut input, usage.cache_read, rates.cache_read);
    let cache_write = take(&mut input, usage.cache_written, rates.cache_write);
    let input_audio = take(&mut input, usage.input_audio, rates.input_audio);
    let output_audio = take(&mut output, usage.output_audio, rates.output_audio);
    let reasoning = take(&mut output, usage.reasoning, rates.reasoning.or(rates.output));
    Cost {
        input: picos(input, rates.input),
        output: picos(output, rates.output),
        cache_read,
        cache_write,
        reasoning,
        input_audio,
        output_audio,
    }
}

fn picos(tokens: u64, rate: Option<Rate>) -> u64 {
    rate.map_or(0, |Rate(picos)| tokens.saturating_mul(picos))
}

#[cfg(test)]
mod tests;
