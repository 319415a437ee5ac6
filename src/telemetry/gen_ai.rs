//! What requests for models used and took, for each combination of provider, models and route. The
//! names of models come from clients and providers, so that they are not interned: a series keeps
//! its own, and there is a bound on how many. One writer, the worker.

use std::sync::OnceLock;

use crate::base::hash::hash_with;
use crate::base::id::LabelsId;
use crate::telemetry::histogram::{
    EachTokenHistogram, FirstTokenHistogram, GenAiHistogram, TokenHistogram,
};
use crate::telemetry::labels::{OVERFLOW, cut};
use crate::telemetry::table::Series;
use crate::telemetry::tally::Tally;

/// What a request is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenAiLabels<'a> {
    /// Bind, gateway, listener, route and rule are printed of it.
    pub route: LabelsId,
    pub operation: &'a str,
    pub provider: &'a str,
    pub request_model: &'a str,
    pub response_model: &'a str,
}

/// What one request came to. What is not known is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenAiMeasures {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_written: Option<u64>,
    pub duration_nanos: u64,
    pub first_token_nanos: Option<u64>,
    /// On the average, behind the first.
    pub each_token_nanos: Option<u64>,
    /// Whether a price was found, if one was looked for; in 10^-9 dollars what was to be paid.
    pub lookup: Option<PriceLookup>,
    pub cost_nanos: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct GenAiSeries {
    key: Tally,
    names: OnceLock<Names>,
    /// By `TOKEN_TYPES`.
    pub(crate) tokens: [TokenHistogram; 4],
    pub(crate) duration: GenAiHistogram,
    pub(crate) first_token: FirstTokenHistogram,
    pub(crate) each_token: EachTokenHistogram,
    /// By `PriceLookup`.
    pub(crate) lookups: [Tally; PriceLookup::COUNT],
    /// In 10^-9 dollars.
    pub(crate) cost: Tally,
}

/// What became of looking a price up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceLookup {
    Exact,
    /// The catalogue does not have the model.
    Missing,
    /// It has it, without any rate.
    Unpriced,
    NoCatalog,
}

impl PriceLookup {
    pub const COUNT: usize = 4;

    /// As it stands in `status`, by their places.
    pub(crate) const NAMES: [&str; Self::COUNT] = ["Exact", "Missing", "Unpriced", "NoCatalog"];
}

/// The values of `gen_ai_token_type`.
pub(crate) const TOKEN_TYPES: [&str; 4] =
    ["input", "output", "input_cache_read", "input_cache_write"];

/// What a series is for, as it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) route: LabelsId,
    pub(crate) operation: String,
    pub(crate) provider: String,
    pub(crate) request_model: String,
    pub(crate) response_model: String,
}

impl GenAiLabels<'_> {
    /// Of the names as they are kept, which may be less than they are.
    pub(crate) fn key(&self) -> u64 {
        let route = hash_with(self.operation.as_bytes(), u64::from(self.route.0));
        let provider = hash_with(self.provider.as_bytes(), route);
        let request = hash_with(kept(self.request_model).as_bytes(), provider);
        hash_with(kept(self.response_model).as_bytes(), request)
    }

    fn names(&self) -> Names {
        Names {
            route: self.route,
            operation: self.operation.to_owned(),
            provider: self.provider.to_owned(),
            request_model: kept(self.request_model).to_owned(),
            response_model: kept(self.response_model).to_owned(),
        }
    }
}

/// What is kept of a name: no two are printed alike. One that is called like what is not known is
/// not known.
fn kept(name: &str) -> &str {
    match cut(name) {
        "unknown" => "",
        kept => kept,
    }
}

impl GenAiSeries {
    /// The one that all share which have none.
    pub(crate) fn beyond() -> Self {
        let beyond = Self::default();
        beyond.key.set(u64::MAX);
        let overflow = || "overflow".to_owned();
        // It was empty.
        let _ = beyond.names.set(Names {
            route: LabelsId(OVERFLOW),
            operation: overflow(),
            provider: overflow(),
            request_model: overflow(),
            response_model: overflow(),
        });
        beyond
    }

    /// Whether it is for these labels. A new one is from now on.
    pub(crate) fn is_for(&self, labels: &GenAiLabels<'_>) -> bool {
        let names = self.names.get_or_init(|| labels.names());
        names.route == labels.route
            && names.operation == labels.operation
            && names.provider == labels.provider
            && names.request_model == kept(labels.request_model)
            && names.response_model == kept(labels.response_model)
    }

    pub(crate) fn names(&self) -> Option<&Names> {
        self.names.get()
    }

    pub fn record(&self, measures: &GenAiMeasures) {
        let GenAiMeasures { input, output, cache_read, cache_written, .. } = *measures;
        let counts = [input, output, cache_read, cache_written];
        for (tokens, count) in self.tokens.iter().zip(counts) {
            if let Some(count) = count {
                tokens.observe(count);
            }
        }
        self.duration.observe(measures.duration_nanos);
        if let Some(nanos) = measures.first_token_nanos {
            self.first_token.observe(nanos);
        }
        if let Some(nanos) = measures.each_token_nanos {
            self.each_token.observe(nanos);
        }
        if let Some(lookup) = measures.lookup {
            self.lookups[lookup as usize].add(1);
        }
        if let Some(nanos) = measures.cost_nanos {
            self.cost.add(nanos);
        }
    }
}

impl Series for GenAiSeries {
    fn key(&self) -> &Tally {
        &self.key
    }

    fn absorb(&self, other: &Self) {
        if let Some(names) = other.names.get() {
            self.names.get_or_init(|| names.clone());
        }
        for (ours, theirs) in self.tokens.iter().zip(&other.tokens) {
            ours.absorb(theirs);
        }
        self.duration.absorb(&other.duration);
        self.first_token.absorb(&other.first_token);
        self.each_token.absorb(&other.each_token);
        for (ours, theirs) in self.lookups.iter().zip(&other.lookups) {
            ours.add(theirs.value());
        }
        self.cost.add(other.cost.value());
    }
}

#[cfg(test)]
mod tests;
