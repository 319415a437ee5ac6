//! `Llm`: what a route that asks models is compiled to: which path speaks which API, which model is
//! with which provider, what a provider is told in place of what the client said. A body is looked
//! at once (`request`), and passed on as it came but for the edits; an answer is passed on as it
//! comes, and what it used is read on the way (`answer`).
//!
//! Where caller and provider speak the same, bytes stay as they were written. Where they do not, the
//! request is written anew for the provider (`translate`) and its answer for the caller
//! (`translation`). Immutable; what is known of one exchange is its own.

pub mod affinity;
pub mod answer;
pub mod api;
pub mod budget;
pub mod error;
pub mod estimate;
pub mod fit;
pub mod line;
pub mod listing;
pub mod model;
pub mod named;
pub mod plan;
pub mod price;
pub mod prompt;
pub mod provider;
pub mod realtime;
pub mod request;
pub mod reserve;
pub mod roll;
pub mod translate;
pub mod translation;
pub mod usage;
pub mod way;

use std::sync::Arc;
use std::time::Duration;

pub use answer::Answer;
pub use api::Api;
pub use error::Error;
pub use plan::Plan;
pub use provider::Provider;
pub use translation::Translation;

use crate::policy::rate_limit::RateLimit;
use crate::upstream::retry::Retry;
use api::Suffixes;
use listing::Listing;
use model::{Models, Sent};
use named::Named;
use plan::Candidate;
use price::Prices;
use prompt::{Edits, Prompt};

/// See the module.
#[derive(Clone, Debug)]
pub struct Llm {
    pub suffixes: Suffixes,
    pub models: Models,
    /// By the place of the backend in the route.
    pub providers: Vec<Provider>,
    /// Of requests that name no model; none where nobody in particular has every model.
    pub others: Option<Plan>,
    /// Where the route says nothing of retries: for plans that fail over.
    pub retry: Retry,
    /// What may be gathered of a request.
    pub body_bytes_max: usize,
    /// A condition of a plan looks into bodies.
    pub reads_body: bool,
    /// How long a stream may take to its first token, with each that is tried.
    pub first_token: Option<Duration>,
    pub listing: Listing,
    /// What tokens cost, where the configuration says it.
    pub prices: Option<Arc<Prices>>,
    /// The field of the head that tells the cost of an answer that is no stream.
    pub cost_field: Option<Box<[u8]>>,
    /// What is done to requests, if anything is; and to those for a model of this name.
    pub prompt: Option<Box<Prompt>>,
    pub model_edits: Named<Edits>,
    /// Of its tokens.
    pub token_limits: Box<[Arc<RateLimit>]>,
}

/// Who is asked for a model, and what it is called there.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'a> {
    pub provider: &'a Provider,
    /// The place of its backend.
    pub place: usize,
    pub sent: &'a Sent,
}

impl Llm {
    /// Who has the model of that name, for a request with these fields.
    ///
    /// # Errors
    /// Nobody has.
    pub fn find<'a>(
        &self,
        model: &[u8],
        field: &dyn Fn(&[u8]) -> Option<&'a [u8]>,
    ) -> Result<&Plan, Error> {
        Ok(&self.models.find(model, field).ok_or(Error::UnknownModel)?.plan)
    }

    /// Who is asked where no model is named: whoever has every model, or the only one there is.
    ///
    /// # Errors
    /// Nobody in particular.
    pub fn find_any(&self) -> Result<&Plan, Error> {
        let any = self.models.any().map(|any| &any.plan);
        any.or(self.others.as_ref()).ok_or(Error::NoModel)
    }

    /// A candidate of a plan.
    pub fn chosen<'a>(&'a self, candidate: &'a Candidate) -> Chosen<'a> {
        let place = candidate.place as usize;
        let provider = &self.providers[place];
        Chosen { provider, place, sent: provider.model.as_ref().unwrap_or(&candidate.sent) }
    }
}
