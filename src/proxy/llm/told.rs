//! What a candidate is told: where, in whose words, and what is done with its answer. Made anew for
//! each try, out of what the caller sent.

use super::super::asked::Asked;
use super::super::failure::Failure;
use super::super::gather;
use super::super::place::Routed;
use crate::http::Exchange;
use crate::limits::TRANSLATED_OUTPUT_TOKENS;
use crate::llm::line::put_segment;
use crate::llm::provider::{Fits, Wanted};
use crate::llm::request::Asked as AskedFor;
use crate::llm::translate::{self, Caller, Dialect, Host, Line, Refused};
use crate::llm::translation::{Streams, Translation};
use crate::llm::way::Way;
use crate::llm::{Answer, Api, Chosen, Error, fit};
use crate::policy::Changes;
use crate::proto::http1::BodyLength;

/// A candidate, and how it is asked.
pub(super) struct Told<'a> {
    pub(super) api: Api,
    pub(super) chosen: Chosen<'a>,
    /// Of the body that was gathered.
    pub(super) asked: Option<&'a AskedFor>,
    pub(super) way: Way,
}

impl<'a> Told<'a> {
    /// # Errors
    /// The candidate cannot be told.
    pub(super) fn new(
        api: Api,
        chosen: Chosen<'a>,
        asked: Option<&'a AskedFor>,
        model: &[u8],
    ) -> Result<Self, Error> {
        let in_path = asked.is_some_and(|asked| asked.model.is_none());
        let way = chosen.provider.way(api, in_path, model)?;
        Ok(Self { api, chosen, asked, way })
    }

    /// Writes where the provider has it, whatever rewrites said.
    ///
    /// # Errors
    /// The model's name can stand in no path.
    pub(super) fn put_target(
        &self,
        exchange: &mut Exchange,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let mut target = std::mem::take(&mut exchange.target);
        target.clear();
        let asked = Asked::of(exchange);
        let rewritten = changes.target().map(|target| {
            let end = memchr::memchr(b'?', target).unwrap_or(target.len());
            (&target[..end], target.get(end + 1..))
        });
        let (path, query) = match rewritten {
            Some(rewritten) => rewritten,
            None => (asked.path_bytes(), asked.query_bytes()),
        };
        let streams = self.asked.is_some_and(|asked| asked.stream);
        let (api, query): (Api, Option<&[u8]>) = match self.way {
            Way::Translated { theirs: Dialect::Gemini, .. } if streams => {
                (Api::Generate, Some(b"alt=sse"))
            }
            Way::Translated { theirs, .. } => (Api::of(theirs), None),
            Way::Same | Way::Estimated(_) => (self.api, query),
        };
        let names = exchange.gen_ai().map(|known| (&*known.request_model, &*known.sent_model));
        let (known, model) = names.unwrap_or_default();
        let renamed = (api == Api::Realtime && model != known)
            .then(|| with_model(query.unwrap_or_default(), model));
        let query = renamed.as_deref().or(query);
        let wanted = Wanted { api, model, streams, path, query };
        let put = self.chosen.provider.put_target(&mut target, wanted);
        exchange.target = target;
        changes.forget_target();
        put
    }

    /// Makes the body that the provider gets, and who looks at its answer.
    ///
    /// # Errors
    /// The provider has no words for it.
    pub(super) fn make(
        &self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        changes: &mut Changes,
    ) -> Result<Answer, Failure> {
        let Some(asked) = self.asked else {
            // What is not looked into cannot be guarded.
            let is_guarded = matches!(self.chosen.provider.fits, Fits::Guarded(_));
            if is_guarded && exchange.request.body != BodyLength::None {
                return Err(Failure::Llm(Error::NotJson));
            }
            return Ok(Answer::new(false, self.api.words()));
        };
        if let Way::Translated { own, theirs } = self.way {
            return self.translate(routed, exchange, changes, (own, theirs), asked);
        }
        let (answer, edited) = {
            let name = exchange.gen_ai().map_or(&[][..], |known| &known.request_model);
            let edits = asked.edits(self.chosen.sent, name, self.api == Api::Completions);
            let body = gather::body(exchange);
            let answer = Answer::new(edits.hides_usage, self.api.words());
            let edited = (!edits.is_empty()).then(|| edits.of(body));
            let fits = &self.chosen.provider.fits;
            let whole = edited.as_deref().unwrap_or(body);
            (answer, fit::fitted(fits, (self.api, &exchange.target), whole)?.or(edited))
        };
        if std::mem::take(&mut exchange.gen_ai_mut().hides_words) {
            hide_words(exchange, false);
        }
        if edited.is_some() {
            gather::replace(exchange, edited);
        }
        Ok(answer)
    }

    fn translate(
        &self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        changes: &mut Changes,
        (own, theirs): (Dialect, Dialect),
        asked: &AskedFor,
    ) -> Result<Answer, Failure> {
        let resources = &routed.view.resources;
        let written = {
            let name = exchange.gen_ai().map_or(&[][..], |known| &known.request_model);
            let body = gather::body(exchange);
            let now = resources.unix_micros(routed.connection.now()) / MICROS;
            let caller = Caller {
                model: String::from_utf8_lossy(name).into_owned(),
                now,
                seed: resources.random.next(),
                ..Caller::default()
            };
            let sent = exchange.gen_ai().map_or(&[][..], |known| &known.sent_model);
            self.write(body, (asked.stream, sent), (own, theirs), caller)
        };
        let (body, caller) = written.map_err(|Refused(why)| {
            exchange.gen_ai_mut().refused = why.into_owned();
            Failure::Llm(Error::Refused)
        })?;
        let fits = &self.chosen.provider.fits;
        let fitted = fit::fitted(fits, (Api::of(theirs), &exchange.target), &body)?;
        gather::replace(exchange, Some(fitted.unwrap_or(body)));
        exchange.gen_ai_mut().hides_words = true;
        hide_words(exchange, true);
        if theirs == Dialect::Messages {
            changes.add_request_line(MESSAGES_VERSION);
        }
        let mut answer = Answer::new(false, Some(theirs));
        if own != theirs {
            let is_array = own == Dialect::Gemini && !wants_events(exchange);
            let kind = if is_array { Streams::Array } else { Streams::Usual };
            let streams = asked.stream.then_some(kind);
            answer.translation = Some(Box::new(Translation::new(own, theirs, caller, streams)));
        }
        Ok(answer)
    }

    fn write(
        &self,
        body: &[u8],
        (streams, model): (bool, &[u8]),
        (own, theirs): (Dialect, Dialect),
        mut caller: Caller,
    ) -> Result<(Vec<u8>, Caller), Refused> {
        let name = caller.model.clone();
        let mut prompt = own.read_prompt(body, Line { model: &name, streams })?;
        // A path may say it, too.
        prompt.stream = streams;
        caller.wants_usage = prompt.wants_usage;
        caller.input_tokens = prompt.estimate();
        let model = String::from_utf8_lossy(model);
        let host = match self.chosen.provider.host {
            // It is an accent of Completions alone.
            Host::Compatible if theirs != Dialect::Completions => Host::Own,
            host => host,
        };
        let output_tokens = TRANSLATED_OUTPUT_TOKENS;
        let provider = translate::Provider { model: &model, host, output_tokens };
        let mut out = Vec::with_capacity(body.len() + body.len() / 4);
        theirs.write_prompt(&prompt, &provider, &mut caller, &mut out)?;
        Ok((out, caller))
    }
}

/// Tokens of a prompt, for who asks a provider that cannot count: the body of the answer.
///
/// # Errors
/// It is no prompt.
pub(super) fn estimate(exchange: &mut Exchange, own: Dialect) -> Result<(Vec<u8>, u64), Failure> {
    let read = {
        let name = exchange.gen_ai().map_or(&[][..], |known| &known.request_model);
        let model = String::from_utf8_lossy(name);
        own.read_prompt(gather::body(exchange), Line { model: &model, streams: false })
    };
    let prompt = read.map_err(|Refused(why)| {
        exchange.gen_ai_mut().refused = why.into_owned();
        Failure::Llm(Error::Refused)
    })?;
    let tokens = prompt.estimate();
    let body = match own {
        Dialect::Gemini => format!("{{\"totalTokens\":{tokens}}}"),
        _ => format!("{{\"input_tokens\":{tokens}}}"),
    };
    Ok((body.into_bytes(), tokens))
}

/// A query with another model.
fn with_model(query: &[u8], model: &[u8]) -> Vec<u8> {
    let mut out = b"model=".to_vec();
    // A name that cannot stand there was not let in.
    let _ = put_segment(&mut out, model);
    let others = query.split(|byte| *byte == b'&').filter(|pair| !pair.starts_with(b"model="));
    for pair in others.filter(|pair| !pair.is_empty()) {
        out.push(b'&');
        out.extend_from_slice(pair);
    }
    out
}

/// A stream of Gemini's without `alt=sse` is one JSON array.
fn wants_events(exchange: &Exchange) -> bool {
    let query = Asked::of(exchange).query_bytes().unwrap_or_default();
    query.split(|byte| *byte == b'&').any(|pair| pair == b"alt=sse")
}

/// Leaves what is said to another API out of the head that goes on, or not.
fn hide_words(exchange: &mut Exchange, hidden: bool) {
    let Exchange { input, request, .. } = exchange;
    let bytes = input.as_ref().map_or(&[][..], |input| input.filled());
    for field in &mut request.fields {
        let name = field.name.of(bytes);
        let starts = |front: &[u8]| {
            name.get(..front.len()).is_some_and(|own| own.eq_ignore_ascii_case(front))
        };
        if WORDS.iter().any(|front| starts(front)) {
            field.hop = hidden;
        }
    }
}

/// What the names of fields begin with that only one API has.
const WORDS: [&[u8]; 5] = [b"anthropic-", b"openai-", b"x-amz-", b"amz-sdk-", b"x-goog-api-client"];
/// Whatever version the caller's own API may have.
const MESSAGES_VERSION: &[u8] = b"anthropic-version: 2023-06-01\r\n";
const MICROS: u64 = 1_000_000;
