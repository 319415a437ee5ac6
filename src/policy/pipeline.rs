//! `Pipeline`: from the policies of a route to ordered steps. What does nothing is dropped, so
//! that a route without policies costs a request one branch.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::api_key::Check;
use super::attributes::Attributes;
use super::changes::Changes;
use super::compression::Compression;
use super::cors::{self, Cors, CorsSpec};
use super::edit::{
    EditError, HeadEdits, HeaderModifierSpec, compile_request, compile_response, may_have_body,
};
use super::expression::{Expression, Reads};
use super::gather::{Gather, GatherRequest, Wanted};
use super::gradient::Gradient;
use super::guard::{Authorization, AuthorizationSpec, Csrf};
use super::made::{Made, MadeSpec};
use super::rate_limit::RateLimit;
use super::step::{Phase, Step};
use super::timeout::Timeouts;
use super::transform::{Transform, TransformError, TransformSpec};
use super::verdict::Verdict;
use crate::limits::BUFFERED_BODY_BYTES_MAX;
use crate::route::rewrite::{Address, Redirect, RedirectSpec, Rewrite, RewriteError, RewriteSpec};
use crate::route::target::FixedReply;

/// The policies of a route, or of one backend of it.
#[derive(Clone, Debug, Default)]
pub struct PipelineSpec {
    pub request_headers: Option<HeaderModifierSpec>,
    pub response_headers: Option<HeaderModifierSpec>,
    pub rewrite: Option<RewriteSpec>,
    pub redirect: Option<RedirectSpec>,
    pub reply: Option<FixedReply>,
    pub timeouts: Timeouts,
    pub rate_limits: Vec<Arc<RateLimit>>,
    pub compression: Option<Compression>,
    pub concurrency: Option<Arc<Gradient>>,
    /// What tells requests apart for the balancer of a backend.
    pub hash_by: Option<String>,
    /// Bodies that are whole before they go on, of so many bytes at the most.
    pub buffer_request: Option<usize>,
    pub buffer_response: Option<usize>,
    /// The same where an expression looks into one. None: the default.
    pub gathered_bytes_max: Option<usize>,
    /// Bodies of responses are looked at on their way; none is coded then.
    pub watches: bool,
    /// In the order in which they run: those of a listener before those of its route.
    pub transform_request: Vec<TransformSpec>,
    pub transform_response: Vec<TransformSpec>,
    /// All that is a step and nothing else.
    pub steps: Vec<StepSpec>,
}

/// A step before it is compiled.
#[derive(Clone, Debug)]
pub enum StepSpec {
    Cors(CorsSpec),
    ApiKey(Check),
    Authorization(AuthorizationSpec),
    /// With the origins that are trusted beside our own.
    Csrf(Vec<String>),
    Rewrite(RewriteSpec),
    Redirect(RedirectSpec),
    Delay(String),
    Reply(FixedReply),
    Made(MadeSpec),
    /// The first whose condition holds.
    First(Vec<(Option<String>, Self)>),
}

#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    steps: Box<[Step]>,
    request: Option<Box<HeadEdits>>,
    response: Option<Box<ResponseEdits>>,
    timeouts: Timeouts,
    on_body: Option<Box<OnBody>>,
    concurrency: Option<Arc<Gradient>>,
    hash_by: Option<Expression>,
    gather_request: Option<GatherRequest>,
    gather_response: Option<Gather>,
}

/// What is done to a response's body.
#[derive(Clone, Debug)]
pub enum OnBody {
    Code(Compression),
    /// It is looked at, by whoever knows what it is.
    Watch,
}

/// What is done to a response's head.
#[derive(Clone, Debug, Default)]
pub struct ResponseEdits {
    status: Option<u16>,
    pub fields: HeadEdits,
    /// What expressions make; its names are among the fields that are left out.
    pub transform: Transform,
}

impl ResponseEdits {
    /// The status that goes on. One that says that there is no body stays: behind another the
    /// client would wait for it.
    pub fn status(&self, received: u16) -> u16 {
        self.or_status(None, received)
    }

    /// The same, where an expression may have said `made`.
    pub fn or_status(&self, made: Option<u16>, received: u16) -> u16 {
        made.or(self.status).filter(|_| may_have_body(received)).unwrap_or(received)
    }

    fn is_empty(&self) -> bool {
        self.status.is_none() && self.fields.is_empty() && self.transform.is_empty()
    }
}

impl Pipeline {
    pub fn compile(spec: &PipelineSpec) -> Result<Self, PipelineError> {
        Self::build(&[&[spec]], spec)
    }

    /// Of one backend, to be run once it is chosen. Its edits of heads hold those of the route, so
    /// that a head is gone over once: they take the place of the route's.
    pub fn compile_backend(
        route: &PipelineSpec,
        backend: &PipelineSpec,
    ) -> Result<Self, PipelineError> {
        Self::compile_behind(&[route], backend)
    }

    /// The same, behind all that a route does.
    pub fn compile_behind(
        route: &[&PipelineSpec],
        backend: &PipelineSpec,
    ) -> Result<Self, PipelineError> {
        Self::build(&[route, &[backend]], backend)
    }

    /// Of a route, or a backend of it, below others: the last of them. Heads are edited by all, and
    /// the steps are those of the last.
    pub fn compile_within(all: &[&PipelineSpec]) -> Result<Self, PipelineError> {
        let nothing = PipelineSpec::default();
        Self::build(&[all], all.last().copied().unwrap_or(&nothing))
    }

    /// Nothing is to be done to requests or responses; there may be timeouts.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.request.is_none()
            && self.response.is_none()
            && self.on_body.is_none()
            && self.concurrency.is_none()
            && self.gather_request.is_none()
            && self.gather_response.is_none()
    }

    /// Runs the steps. `changes` is the caller's, cleared before a request's first pipeline.
    #[inline]
    pub fn on_request(
        &self,
        address: &Address<'_>,
        attributes: &Attributes<'_>,
        changes: &mut Changes,
    ) -> Verdict<'_> {
        self.run(&self.steps, address, attributes, changes)
    }

    /// The same, of some of `steps`.
    #[inline]
    pub fn run<'p>(
        &'p self,
        steps: &'p [Step],
        address: &Address<'_>,
        attributes: &Attributes<'_>,
        changes: &mut Changes,
    ) -> Verdict<'p> {
        // `*` asks about the whole server: there is no path to be rewritten, and no answer to it in
        // a route.
        let whole_server = address.path == b"*";
        for step in steps {
            if whole_server && step.phase() > Phase::Csrf {
                break;
            }
            let verdict = step.run(address, attributes, changes);
            if !matches!(verdict, Verdict::Continue) {
                return verdict;
            }
        }
        Verdict::Continue
    }

    /// What the encoder of the upstream's request does to the fields.
    #[inline]
    pub fn request_edits(&self) -> Option<&HeadEdits> {
        self.request.as_deref()
    }

    /// What the encoder of the response does to its head, be it an upstream's or a reply.
    #[inline]
    pub fn on_response(&self) -> Option<&ResponseEdits> {
        self.response.as_deref()
    }

    /// What is done to bodies of responses: as the head of the response, by the last that says so.
    #[inline]
    pub fn on_body(&self) -> Option<&OnBody> {
        self.on_body.as_deref()
    }

    /// How bodies are coded, by the same.
    pub fn compression(&self) -> Option<&Compression> {
        match self.on_body()? {
            OnBody::Code(compression) => Some(compression),
            OnBody::Watch => None,
        }
    }

    /// What says how many requests may be with a backend: the last that says so.
    #[inline]
    pub fn concurrency(&self) -> Option<&Gradient> {
        self.concurrency.as_deref()
    }

    /// What tells requests apart for the balancer, where an expression does.
    pub fn hash_by(&self) -> Option<&Expression> {
        self.hash_by.as_ref()
    }

    /// What has to be there of a request's body, and before which step.
    #[inline]
    pub fn gathers_request(&self) -> Option<GatherRequest> {
        self.gather_request
    }

    /// What has to be there of a response's body before its head is made.
    #[inline]
    pub fn gathers_response(&self) -> Option<Gather> {
        self.gather_response
    }

    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Edits heads by all of `groups` one after the other, and acts by the steps of `own`, the last.
    fn build(groups: &[&[&PipelineSpec]], own: &PipelineSpec) -> Result<Self, PipelineError> {
        let all = &*groups.concat();
        let (line, _) =
            compile_request(&own.request_headers).map_err(PipelineError::RequestHeaders)?;
        let edits: Vec<_> = groups.iter().flat_map(|group| request_edits(group)).collect();
        let (_, request) = compile_request(&edits).map_err(PipelineError::RequestHeaders)?;
        let response = response_edits(all)?;
        let nothing: &[&PipelineSpec] = &[];
        let (near, far) = groups.split_last().unwrap_or((&nothing, &[]));
        let modifiers: Vec<_> = near.iter().filter_map(|s| s.request_headers.as_ref()).collect();
        let mut transform = Transform::compile(&own.transform_request)?.without(&modifiers);
        if far.iter().flat_map(|specs| *specs).any(|spec| !spec.transform_request.is_empty()) {
            transform = transform.in_place_of(&request_edits(near));
        }
        let rewrite = own.rewrite.as_ref().map(Rewrite::compile).transpose();
        let rewrite = rewrite.map_err(PipelineError::Rewrite)?;
        let redirect = own.redirect.as_ref().map(Redirect::compile).transpose();
        let mut steps: Vec<Step> = [
            (!transform.is_empty()).then_some(Step::Transform(transform)),
            (!line.is_empty()).then_some(Step::Line(line)),
            rewrite.filter(|rewrite| !rewrite.is_empty()).map(Step::Rewrite),
            redirect.map_err(PipelineError::Redirect)?.map(Step::Redirect),
            own.reply.clone().map(Step::Reply),
        ]
        .into_iter()
        .flatten()
        .collect();
        for spec in &own.steps {
            steps.push(spec.compile()?);
        }
        // Tokens are counted where it is known how many there are: that is no step.
        let limits = own.rate_limits.iter().filter(|limit| limit.spec.tokens.is_none());
        let limits: Box<[_]> = limits.cloned().collect();
        if !limits.is_empty() {
            steps.push(Step::RateLimit(limits));
        }
        steps.sort_by_key(Step::phase);
        let timeouts = all.iter().fold(Timeouts::default(), |far, near| near.timeouts.or(far));
        let hash_by = own.hash_by.as_deref().map(expression).transpose()?;
        let nearest =
            |of: fn(&PipelineSpec) -> Option<usize>| all.iter().rev().find_map(|spec| of(spec));
        let bytes_max = nearest(|spec| spec.gathered_bytes_max).unwrap_or(BUFFERED_BODY_BYTES_MAX);
        let told = response.transform.reads();
        let later = told | hash_by.as_ref().map_or_else(Reads::default, Expression::reads);
        let wanted = Wanted { buffer: own.buffer_request, bytes_max, later };
        let buffered = nearest(|spec| spec.buffer_response);
        let whole = buffered.is_some() || told.response || response.transform.has_body();
        Ok(Self {
            gather_request: GatherRequest::compile(&steps, wanted),
            gather_response: whole.then(|| Gather {
                bytes_max: buffered.unwrap_or(bytes_max),
                text: told.response,
                replaced: response.transform.has_body(),
            }),
            hash_by,
            steps: steps.into(),
            request: (!request.is_empty()).then(|| Box::new(request)),
            response: (!response.is_empty()).then(|| Box::new(response)),
            timeouts,
            on_body: on_body(all).map(Box::new),
            concurrency: all.iter().rev().find_map(|spec| spec.concurrency.clone()),
        })
    }
}

/// What expressions make comes first, and a modifier has the last word.
fn request_edits(group: &[&PipelineSpec]) -> Vec<HeaderModifierSpec> {
    let made = group.iter().flat_map(|spec| &spec.transform_request);
    let modifiers = group.iter().filter_map(|spec| spec.request_headers.clone());
    made.map(TransformSpec::dropped).chain(modifiers).collect()
}

fn on_body(all: &[&PipelineSpec]) -> Option<OnBody> {
    if all.iter().any(|spec| spec.watches) {
        return Some(OnBody::Watch);
    }
    all.iter().rev().find_map(|spec| spec.compression.clone()).map(OnBody::Code)
}

/// Modifiers first, then what expressions make: agentgateway's order of response policies.
fn response_edits(all: &[&PipelineSpec]) -> Result<ResponseEdits, PipelineError> {
    let modifiers = all.iter().filter_map(|spec| spec.response_headers.as_ref());
    let made = || all.iter().flat_map(|spec| &spec.transform_response);
    let mut dropped: Vec<_> = made().map(TransformSpec::dropped).collect();
    let mut steps = all.iter().flat_map(|spec| &spec.steps);
    if steps.any(|step| matches!(step, StepSpec::Cors(_))) {
        let remove = cors::OWN_FIELDS.map(str::to_owned).to_vec();
        dropped.insert(0, HeaderModifierSpec { remove, ..HeaderModifierSpec::default() });
    }
    let (status, fields) =
        compile_response(modifiers.chain(&dropped)).map_err(PipelineError::ResponseHeaders)?;
    Ok(ResponseEdits { status, fields, transform: Transform::compile(made())? })
}

impl StepSpec {
    fn compile(&self) -> Result<Step, PipelineError> {
        Ok(match self {
            Self::Cors(spec) => Step::Cors(Box::new(Cors::compile(spec))),
            Self::ApiKey(check) => Step::ApiKey(Box::new(check.clone())),
            Self::Authorization(spec) => {
                let compiled = Authorization::compile(spec);
                Step::Authorization(Box::new(compiled.map_err(|_| PipelineError::Expression)?))
            }
            Self::Csrf(origins) => Step::Csrf(Box::new(Csrf::compile(origins))),
            Self::Rewrite(spec) => {
                Step::Rewrite(Rewrite::compile(spec).map_err(PipelineError::Rewrite)?)
            }
            Self::Redirect(spec) => {
                Step::Redirect(Redirect::compile(spec).map_err(PipelineError::Redirect)?)
            }
            Self::Delay(text) => Step::Delay(expression(text)?),
            Self::Reply(reply) => Step::Reply(reply.clone()),
            Self::Made(spec) => Step::Made(Box::new(Made::compile(spec)?)),
            Self::First(cases) => {
                let cases = cases.iter().map(|(condition, step)| {
                    let condition = condition.as_deref().map(expression).transpose()?;
                    Ok((condition, step.compile()?))
                });
                Step::First(cases.collect::<Result<_, PipelineError>>()?)
            }
        })
    }
}

fn expression(text: &str) -> Result<Expression, PipelineError> {
    Expression::compile(text).map_err(|_| PipelineError::Expression)
}

impl From<TransformError> for PipelineError {
    fn from(error: TransformError) -> Self {
        match error {
            TransformError::Field(error) => Self::Transformation(error),
            TransformError::Expression => Self::Expression,
        }
    }
}

/// Which policy is wrong, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineError {
    RequestHeaders(EditError),
    ResponseHeaders(EditError),
    Rewrite(RewriteError),
    Redirect(RewriteError),
    Transformation(EditError),
    /// None that the configuration's reader lets pass.
    Expression,
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequestHeaders(error) => write!(f, "requestHeaderModifier: {error}"),
            Self::ResponseHeaders(error) => write!(f, "responseHeaderModifier: {error}"),
            Self::Rewrite(error) => write!(f, "urlRewrite: {error}"),
            Self::Redirect(error) => write!(f, "requestRedirect: {error}"),
            Self::Transformation(error) => write!(f, "transformations: {error}"),
            Self::Expression => f.write_str("an expression that does not compile"),
        }
    }
}

impl Error for PipelineError {}

#[cfg(test)]
mod tests;
