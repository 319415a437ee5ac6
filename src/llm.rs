//! `Llm`: what a route that asks models is compiled to: which path speaks which API, which model is
//! with which provider, what a provider is told in place of what the client said. A body is looked
//! at once (`request`), and passed on as it came but for the edits; an answer is passed on as it
//! comes, and what it used is read on the way (`answer`).
//!
//! Caller and provider speak the same format here. What would take a translation is refused, in the
//! caller's own shape. Immutable; what is known of one exchange is its own.

pub mod answer;
pub mod api;
pub mod error;
pub mod estimate;
pub mod model;
pub mod named;
pub mod price;
pub mod prompt;
pub mod provider;
pub mod request;
pub mod translate;
pub mod usage;

pub use answer::Answer;
pub use api::Api;
pub use error::Error;
pub use provider::Provider;

use std::sync::Arc;

use crate::policy::rate_limit::RateLimit;
use crate::route::split::Split;
use crate::route::target::FixedReply;
use api::Suffixes;
use model::{Models, Sent};
use named::Named;
use price::Prices;
use prompt::{Edits, Prompt};

/// See the module.
#[derive(Clone, Debug)]
pub struct Llm {
    pub suffixes: Suffixes,
    pub models: Models,
    /// By the place of the backend in the route.
    pub providers: Vec<Provider>,
    /// Of models that any of the providers has.
    pub split: Split<u32>,
    /// What may be gathered of a request.
    pub body_bytes_max: usize,
    /// Answers to `/v1/models`: as OpenAI has it, and as Anthropic has it.
    pub listing: [FixedReply; 2],
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
    /// Who has the model of that name. `random` decides where several have it.
    ///
    /// # Errors
    /// Nobody has.
    pub fn choose(&self, model: &[u8], random: u64) -> Result<Chosen<'_>, Error> {
        let found = self.models.find(model).ok_or(Error::UnknownModel)?;
        Ok(self.chosen(found.backend, &found.sent, random))
    }

    /// Who is asked where no model is named: whoever has every model, or the only one there is.
    ///
    /// # Errors
    /// Nobody in particular.
    pub fn choose_any(&self, random: u64) -> Result<Chosen<'_>, Error> {
        match self.models.any() {
            Some(any) => Ok(self.chosen(any.backend, &any.sent, random)),
            None if self.providers.len() == 1 => Ok(self.chosen(Some(0), &Sent::Same, random)),
            None => Err(Error::NoModel),
        }
    }

    fn chosen<'a>(&'a self, backend: Option<u32>, sent: &'a Sent, random: u64) -> Chosen<'a> {
        let place = backend.unwrap_or_else(|| *self.split.pick(random).1) as usize;
        let provider = &self.providers[place];
        Chosen { provider, place, sent: provider.model.as_ref().unwrap_or(sent) }
    }
}
