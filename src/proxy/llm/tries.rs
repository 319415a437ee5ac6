//! The tries of a request for a model: one candidate of its plan after the other, until one answers.
//! Each gets the request made for it anew, from what the caller sent. A try that ends before the
//! first byte went to the caller may be followed by another; what is kept for that is a copy of the
//! body, where somebody else can be asked at all, and there is room for it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::super::asked;
use super::super::dispatch;
use super::super::failure::Failure;
use super::super::finish::End;
use super::super::forward;
use super::super::gather;
use super::super::place::Routed;
use super::super::replay;
use super::super::request_head::Rewritten;
use super::told::Told;
use super::{Others, Request, cost, record};
use crate::base::id::{ClusterId, LabelsId};
use crate::http::Exchange;
use crate::http::gathered::Gathered;
use crate::llm::Error;
use crate::llm::affinity::prefix_hash;
use crate::llm::way::Way;
use crate::policy::Changes;
use crate::upstream::balance::By;
use crate::upstream::retry::{Retry, Retrying};

/// Asks the candidates, and passes on what the first that answers says.
///
/// # Errors
/// The failure that ends the exchange.
pub(super) async fn send<'a>(
    routed: &Routed<'a>,
    exchange: &mut Exchange,
    changes: &mut Changes,
    labels: &mut LabelsId,
    request: &'a Request<'a>,
) -> Result<End, Failure> {
    let mut tries = Tries::new(routed, request);
    let mut next = tries.first(routed, exchange)?;
    loop {
        let chosen = request.llm.chosen(&request.plan.candidates()[next]);
        *labels = routed.route.labels(Some(chosen.place));
        let kept = tries.keep(routed, exchange, changes);
        let mut others = tries.others(routed, exchange, kept.is_some());
        others.prompt = prompt(routed, exchange, chosen.provider.cluster);
        // Where the body is not held whoever streams it tries again, as far as that goes.
        let others = request.asked.as_ref().map(|_| &others);
        cost::told(exchange, chosen.sent);
        let model = exchange.gen_ai().map_or(&[][..], |known| &known.sent_model);
        let told = Told::new(request.api, chosen, request.asked.as_ref(), model);
        let tried = Routed { others, ..*routed };
        let result = match told {
            Ok(told) => told.send(tried, exchange, changes).await,
            Err(error) => Err(Failure::Llm(error)),
        };
        if result.is_err() && others.is_some_and(|others| others.is_limited.get()) {
            return Err(tries.limited(routed, exchange));
        }
        let (failure, kept) = match (result, kept) {
            (Err(failure), Some(kept)) => (failure, kept),
            (result, _) => return result,
        };
        let follows = others.is_some_and(|others| {
            others.follows(&tried, exchange, chosen.provider.cluster, failure)
        });
        if !follows {
            return Err(failure);
        }
        next = Box::pin(tries.next(routed, exchange, failure)).await?;
        kept.put_back(exchange, changes);
    }
}

impl Told<'_> {
    /// Runs what is the backend's own, and sends the request to it.
    async fn send<'t>(
        &self,
        mut routed: Routed<'t>,
        exchange: &mut Exchange,
        changes: &'t mut Changes,
    ) -> Result<End, Failure> {
        let Self { api, chosen, .. } = self;
        let backend = &routed.route.backends[chosen.place];
        let provider = &mut exchange.gen_ai_mut().provider;
        provider.clear();
        provider.push_str(&chosen.provider.label);
        if let Way::Estimated(words) = self.way {
            return Box::pin(super::counted(&routed, exchange, words)).await;
        }
        self.put_target(exchange, changes)?;
        if let Some(pipeline) = &backend.pipeline {
            routed.edits = pipeline;
            if let Some(said) = dispatch::acted(&routed, pipeline, exchange, changes).await? {
                return Box::pin(dispatch::answered(&routed, exchange, changes, said)).await;
            }
        }
        let _permit = dispatch::permit(&routed)?;
        let answer = self.make(&routed, exchange, changes)?;
        let changes: &'t Changes = changes;
        dispatch::identify(&routed, exchange);
        // In a box: it is a quarter of all that a request for a model takes.
        let answer = Box::new(RefCell::new(answer));
        if routed.others.is_some_and(Others::holds) {
            answer.borrow_mut().hold();
        }
        let lines = changes.response_lines();
        let routed = Routed { lines, watch: Some(&answer), ..routed };
        let rewritten = Rewritten { changes, backend, http2: false, tee: None };
        let result = forward::forward(&routed, exchange, chosen.provider.cluster, rewritten).await;
        dispatch::measured(&routed, exchange);
        record::record(&routed, exchange, (*api, &answer.borrow()));
        result.map(|()| End::Upstream)
    }
}

/// What a try leaves of a request, so that another can be made.
struct Kept {
    body: Box<Gathered>,
    changes: Changes,
    target: Vec<u8>,
}

impl Kept {
    fn put_back(self, exchange: &mut Exchange, changes: &mut Changes) {
        gather::put_back(exchange, self.body);
        *changes = self.changes;
        exchange.target = self.target;
    }
}

/// Who was asked, and who is left.
struct Tries<'a> {
    request: &'a Request<'a>,
    retry: &'a Retry,
    /// A bit for each candidate that was not asked yet, or can be asked again.
    open: u64,
    made: u32,
    attempts: u32,
    right: Cell<Option<Retrying>>,
    /// The shortest time that those who have too much to do ask for.
    wait: Option<Duration>,
    /// All who were asked had too much to do.
    all_limited: bool,
}

impl<'a> Tries<'a> {
    fn new(routed: &Routed<'a>, request: &'a Request<'a>) -> Self {
        let plan = request.plan;
        let fails_over = plan.fails_over;
        let attempts = match routed.retry() {
            Some(retry) => retry.attempts,
            None if fails_over => plan.all().count_ones() - 1,
            None => 0,
        };
        let retry = routed.retry().unwrap_or(&request.llm.retry);
        let (right, open) = (Cell::default(), plan.all());
        let all_limited = fails_over || (routed.retry().is_some() && open.count_ones() > 1);
        Self { request, retry, open, made: 0, attempts, right, wait: None, all_limited }
    }

    fn first(&mut self, routed: &Routed<'_>, exchange: &Exchange) -> Result<usize, Failure> {
        let all = self.request.plan.all();
        let usable = self.usable(routed);
        if let Some(found) = self.pick(routed, exchange, usable) {
            return self.take(found);
        }
        // Nobody is well: it is known already what they would say, or one is asked as if it were.
        let (resting, wait) = self.resting(routed);
        let known = self.all_limited && self.pick(routed, exchange, all & !resting).is_none();
        let found = self.pick(routed, exchange, all).ok_or(Failure::NoBackend)?;
        match wait.filter(|_| known) {
            Some(wait) => Err(Failure::Llm(Error::Limited(seconds(wait)))),
            None => self.take(found),
        }
    }

    /// Those who asked to be left alone, and how long the first of them is.
    fn resting(&self, routed: &Routed<'_>) -> (u64, Option<Duration>) {
        let plan = self.request.plan;
        let (mut bits, mut least) = (0, None::<Duration>);
        if plan.candidates().len() == 1 {
            return (bits, least);
        }
        let now = routed.connection.now();
        for (bit, candidate) in (0_u32..).zip(plan.candidates()) {
            let cluster = self.request.llm.providers[candidate.place as usize].cluster;
            let endpoints = routed.view.local(cluster).map(|local| &local.cluster.endpoints);
            let asked = endpoints.into_iter().flatten().map(|one| one.health.asked_until());
            let wait = Duration::from_nanos(asked.min().map_or(0, |until| until.nanos_since(now)));
            if !wait.is_zero() {
                bits |= 1 << bit;
                least = Some(least.map_or(wait, |least| least.min(wait)));
            }
        }
        (bits, least)
    }

    /// What the caller is told when the last candidate has too much to do, as all before it had.
    fn limited(&mut self, routed: &Routed<'_>, exchange: &mut Exchange) -> Failure {
        self.note(exchange);
        forget(exchange);
        let waits = self.wait.into_iter().chain(self.resting(routed).1);
        Failure::Llm(Error::Limited(waits.min().map_or(0, seconds)))
    }

    fn note(&mut self, exchange: &Exchange) {
        if let Some(wait) = exchange.outcome.retry_after {
            self.wait = Some(self.wait.map_or(wait, |least| least.min(wait)));
        }
    }

    /// Who is asked after a try that brought nothing; after a while, where it is the same again.
    async fn next(
        &mut self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        failure: Failure,
    ) -> Result<usize, Failure> {
        self.made += 1;
        exchange.outcome.retries += 1;
        self.all_limited &= failure == Failure::Turned && exchange.response.status == 429;
        self.note(exchange);
        forget(exchange);
        let (usable, resting) = (self.usable(routed), self.resting(routed).0);
        let found = self.pick(routed, exchange, self.open & usable);
        if let Some(found) = found.or_else(|| self.pick(routed, exchange, self.open & !resting)) {
            return self.take(found);
        }
        self.open = self.request.plan.all();
        let wait = self.retry.wait(self.made, &routed.view.resources.random);
        // It said when: sooner is too soon.
        let wait = wait.max(self.wait.unwrap_or_default());
        if replay::time_left(routed, exchange).is_some_and(|left| left <= wait) {
            return Err(failure);
        }
        if !wait.is_zero() {
            routed.view.resources.wheel.sleep(wait).await;
        }
        let usable = self.usable(routed);
        let found = self.pick(routed, exchange, usable);
        let found = found.or_else(|| self.pick(routed, exchange, self.open));
        self.take(found.ok_or(failure)?)
    }

    fn take(&mut self, candidate: usize) -> Result<usize, Failure> {
        self.open &= !(1 << candidate);
        Ok(candidate)
    }

    fn pick(&self, routed: &Routed<'_>, exchange: &Exchange, open: u64) -> Option<usize> {
        let random = || routed.view.resources.random.next();
        self.request.plan.next(open, &random, &|condition| {
            let attributes = asked::attributes(routed, exchange, None);
            let holds = condition.holds(&attributes);
            asked::count_failures(routed, &attributes);
            holds
        })
    }

    /// Those who have an endpoint that is well.
    fn usable(&self, routed: &Routed<'_>) -> u64 {
        let plan = self.request.plan;
        if plan.candidates().len() == 1 {
            return plan.all();
        }
        let now = routed.connection.now();
        let is_usable = |place: u32| {
            let cluster = self.request.llm.providers[place as usize].cluster;
            routed.view.local(cluster).is_some_and(|local| {
                let mut endpoints = local.cluster.endpoints.iter();
                endpoints.any(|endpoint| endpoint.health.is_usable(now))
            })
        };
        let bits = (0..).zip(plan.candidates()).filter(|(_, one)| is_usable(one.place));
        bits.fold(0, |all, (bit, _): (u32, _)| all | 1 << bit)
    }

    /// What another try takes, where there may be one.
    fn keep(
        &self,
        routed: &Routed<'_>,
        exchange: &Exchange,
        changes: &Changes,
    ) -> Option<Box<Kept>> {
        if self.made >= self.attempts || routed.view.resources.buffers.is_full() {
            return None;
        }
        let body = gather::copy(exchange, &routed.view.resources.buffers)?;
        Some(Box::new(Kept { body, changes: changes.clone(), target: exchange.target.clone() }))
    }

    fn is_last(&self, routed: &Routed<'_>, exchange: &Exchange) -> bool {
        self.open == 0 || {
            let open = self.open & !self.resting(routed).0;
            self.pick(routed, exchange, open).is_none()
        }
    }

    fn others(&self, routed: &Routed<'_>, exchange: &Exchange, may_follow: bool) -> Others<'_> {
        let Request { llm, plan, asked, .. } = self.request;
        let is_stream = asked.as_ref().is_some_and(|asked| asked.stream);
        Others {
            retry: self.retry,
            may_follow,
            fails_over: plan.fails_over,
            first_token: llm.first_token.filter(|_| is_stream),
            is_last: self.is_last(routed, exchange),
            all_limited: self.all_limited,
            is_limited: Cell::new(false),
            prompt: None,
            right: &self.right,
        }
    }
}

/// What the body begins with, where the endpoints of the cluster are chosen by that.
fn prompt(routed: &Routed<'_>, exchange: &Exchange, cluster: ClusterId) -> Option<u64> {
    match &routed.view.local(cluster)?.cluster.settings.balancing.by {
        Some(By::Prompt(bytes)) => prefix_hash(gather::body(exchange), *bytes),
        _ => None,
    }
}

/// Whole ones, rounded up.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

/// What the last try said does not count.
fn forget(exchange: &mut Exchange) {
    let outcome = &mut exchange.outcome;
    (outcome.status, outcome.response_bytes) = (0, 0);
    (outcome.sent, outcome.answered, outcome.responded) = (None, None, None);
    (outcome.retry_after, outcome.unhealthy) = (None, None);
}
