//! `Exchange`: one request and its response, with all that is known of it. A connection has one,
//! used again for each request, so that a request allocates nothing.

use std::time::Duration;

use super::gathered::Gathered;
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::base::id::{ClusterId, KeyId};
use crate::http::reply::Shape;
use crate::proto::http1::BodyLength;
use crate::proto::http1::head::{RequestHead, ResponseHead};

/// What became of an exchange, for the counters and the access log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Status sent to the client; 0 while none was.
    pub status: u16,
    /// Body bytes from the client, and of the response.
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// The second and later attempts.
    pub retries: u32,
    /// The backend of the route that is asked, if it is shown a credential that is not in its edits.
    pub backend: Option<u32>,
    /// The cluster's endpoint that was asked last.
    pub endpoint: Option<(ClusterId, u32)>,
    /// When the head was there, when it was sent on, when the response head was there.
    pub started: Instant,
    pub sent: Option<Instant>,
    pub answered: Option<Instant>,
    /// When the response head was ready to be sent.
    pub responded: Option<Instant>,
    /// What an endpoint with too much to do asks for.
    pub retry_after: Option<Duration>,
    /// Whether the answer is a failure, where that is not its status's to say.
    pub unhealthy: Option<bool>,
    /// The client is told which endpoint it has, to come back to it.
    pub affine: bool,
    /// Another attempt can follow: a response may be thrown away for its status.
    pub may_retry: bool,
    /// It has the right to be tried again: it counts against the budget already.
    pub is_retry: bool,
    /// How the client is told of errors.
    pub shape: Shape,
    /// Who asks, by the key that was shown.
    pub key: Option<KeyId>,
    /// The request is for a model: `Exchange::gen_ai` is its.
    pub is_gen_ai: bool,
}

/// What a model used, as far as its provider told; all of the input, what came out of a cache
/// included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_written: Option<u64>,
    /// Of the output: what was thought and not said.
    pub reasoning: Option<u64>,
    /// Of the input, and of the output.
    pub input_audio: Option<u64>,
    pub output_audio: Option<u64>,
}

/// What an exchange with a model cost, part by part: in 10^-12 dollars, so that nothing is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub reasoning: u64,
    pub input_audio: u64,
    pub output_audio: u64,
}

impl Cost {
    /// All of it, in 10^-12 dollars.
    pub fn picos(&self) -> u64 {
        let Self { input, output, cache_read, cache_write, .. } = *self;
        let Self { reasoning, input_audio, output_audio, .. } = *self;
        let parts = [input, output, cache_read, cache_write, reasoning, input_audio, output_audio];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// All of it, in 10^-9 dollars, to the nearest.
    pub fn nanos(&self) -> u64 {
        self.picos().saturating_add(500) / 1_000
    }
}

/// What is known of an exchange with a model.
#[derive(Debug, Default)]
pub struct GenAi {
    pub operation: &'static str,
    pub provider: String,
    pub request_model: Vec<u8>,
    pub response_model: Vec<u8>,
    /// What a policy made of it, and what the provider was told.
    pub made_model: Vec<u8>,
    pub sent_model: Vec<u8>,
    pub usage: Usage,
    /// Why it cannot be told to its provider, where it cannot.
    pub refused: String,
    /// What is said to the caller's API alone was left out of the head for a try.
    pub hides_words: bool,
    /// What that cost, by the catalogue of prices.
    pub cost: Option<Cost>,
    pub cost_nanos_usd: Option<u64>,
    /// From the request's head to the first of the answer, and on the average from one token to the
    /// next.
    pub first_token_nanos: Option<u64>,
    pub each_token_nanos: Option<u64>,
    /// What was taken of each limit on its tokens: which key, and how many.
    pub reserved: Vec<(u64, u64)>,
    /// Of the limit that has the least left: what it is, what is left, seconds until it is full.
    pub tokens_left: Option<(u64, u64, u32)>,
    /// The begin of what was asked and of what was answered, where the log is to have that.
    pub prompt: Vec<u8>,
    pub completion: Vec<u8>,
}

impl GenAi {
    /// Forgets the last request.
    pub fn clear(&mut self) {
        self.provider.clear();
        self.request_model.clear();
        self.response_model.clear();
        self.made_model.clear();
        self.sent_model.clear();
        self.usage = Usage::default();
        (self.cost, self.cost_nanos_usd) = (None, None);
        (self.first_token_nanos, self.each_token_nanos) = (None, None);
        self.reserved.clear();
        self.tokens_left = None;
        self.prompt.clear();
        self.completion.clear();
        self.refused.clear();
        self.hides_words = false;
    }
}

/// A request that has no id of ours.
pub const NO_ID: [u8; 32] = [0; 32];

/// See the module.
#[derive(Default)]
pub struct Exchange {
    /// The client's bytes: the head at the front, then what came behind it.
    pub input: Option<Buffer>,
    /// Bytes at the front of `input` that belong to this request.
    pub consumed: usize,
    /// What came behind a body that was streamed: the input of the next request.
    pub rest: Option<Buffer>,
    pub request: RequestHead,
    pub response: ResponseHead,
    pub outcome: Outcome,
    /// Normal form of the path, when that is not what was sent.
    pub path: Vec<u8>,
    /// The target as rewritten, when a policy rewrote it.
    pub target: Vec<u8>,
    /// `X-Request-Id` that we made, `NO_ID` where we made none.
    pub request_id: [u8; 32],
    /// The bodies, where a policy has to see all of them.
    pub asked_body: Option<Box<Gathered>>,
    pub told_body: Option<Box<Gathered>>,
    /// Of the last request for a model; none on a connection without any.
    pub gen_ai: Option<Box<GenAi>>,
}

impl Exchange {
    /// Goes on to what follows the request in the input.
    pub fn advance(&mut self, buffers: &Buffers) {
        if let Some(rest) = self.rest.take() {
            let rest = Some(rest).filter(|rest| !rest.is_vacant());
            if let Some(input) = std::mem::replace(&mut self.input, rest) {
                buffers.give(input);
            }
        } else if let Some(input) = &mut self.input {
            input.consume(self.consumed.min(input.len()));
        }
        self.consumed = 0;
    }

    /// What is waited for may take long: keeps the head of the request in as much memory as it takes,
    /// and no room for what comes behind a body that was read to its end.
    pub fn pack(&mut self, buffers: &Buffers) {
        let Some(rest) = &mut self.rest else { return };
        if rest.is_empty() {
            buffers.give(std::mem::replace(rest, Buffer::vacant()));
        }
        if let Some(input) = &mut self.input {
            let mut head = Buffer::packed(&input.filled()[..self.request.len]);
            buffers.count(&mut head);
            self.consumed = self.consumed.min(head.len());
            buffers.give(std::mem::replace(input, head));
        }
    }

    /// Whether some of the request's body may still be unread. One that was streamed to its end is
    /// not, whatever came of the request: the bytes behind it belong to the next one.
    pub fn leaves_body(&self) -> bool {
        self.request.body != BodyLength::None && self.rest.is_none()
    }

    /// Whether bytes came behind this request.
    pub fn has_more(&self) -> bool {
        match (&self.rest, &self.input) {
            (Some(rest), _) => !rest.is_empty(),
            (None, Some(input)) => input.len() > self.consumed,
            (None, None) => false,
        }
    }

    /// Where what is known of a request for a model is written.
    pub fn gen_ai_mut(&mut self) -> &mut GenAi {
        self.gen_ai.get_or_insert_default()
    }

    /// What is known of the request for a model that this one is.
    pub fn gen_ai(&self) -> Option<&GenAi> {
        self.gen_ai.as_deref().filter(|_| self.outcome.is_gen_ai)
    }

    /// Gives the buffers back: the connection ends or idles.
    pub fn release(&mut self, buffers: &Buffers) {
        for buffer in [self.input.take(), self.rest.take()].into_iter().flatten() {
            buffers.give(buffer);
        }
    }

    /// What expressions see of the request's body; nothing where it was not gathered.
    pub fn asked_text(&self) -> Option<&[u8]> {
        match &self.asked_body {
            Some(gathered) => gathered.text.as_deref(),
            None => (self.request.body == BodyLength::None).then_some(b""),
        }
    }

    /// The same of the response.
    pub fn told_text(&self) -> Option<&[u8]> {
        self.told_body.as_ref()?.text.as_deref()
    }

    /// Bytes of the request's head. Spans of `request` are into these.
    pub fn head_bytes(&self) -> &[u8] {
        self.input.as_ref().map_or(&[], Buffer::filled)
    }
}

#[cfg(test)]
mod tests;
