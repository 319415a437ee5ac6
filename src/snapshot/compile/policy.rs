//! Policies as the user wrote them, as the pipeline's compiler wants them.

use std::sync::Arc;

use super::traffic;
use crate::config::Config;
use crate::config::backend::BackendPolicies;
use crate::config::compression::MediaRange as RawMediaRange;
use crate::config::compression::{Algorithm, Compression as RawCompression};
use crate::config::header::Fields;
use crate::config::policy::buffer::Side;
use crate::config::policy::choice::{Case, Chosen};
use crate::config::policy::cors::Cors;
use crate::config::policy::direct_response::DirectResponse;
use crate::config::policy::guard::{Authorization, Delay, Rule};
use crate::config::policy::inherited::ListenerPolicies;
use crate::config::policy::transformation::{Transformation, Transformations, Values};
use crate::config::policy::{
    AuthorityRewrite, HeaderModifier, PathRewrite, RequestRedirect, RoutePolicies,
    Scheme as RawScheme, UrlRewrite,
};
use crate::policy::compression::{Compression, MediaRange};
use crate::policy::cors::CorsSpec;
use crate::policy::edit::HeaderModifierSpec;
use crate::policy::gradient::Gradient;
use crate::policy::guard::AuthorizationSpec;
use crate::policy::made::MadeSpec;
use crate::policy::rate_limit::RateLimit;
use crate::policy::timeout::Timeouts;
use crate::policy::transform::TransformSpec;
use crate::policy::{PipelineSpec, StepSpec};
use crate::proto::coding::Coding;
use crate::route::rewrite::{AuthoritySpec, PathSpec, RedirectSpec, RewriteSpec, Scheme};
use crate::route::target::FixedReply;

/// Whose policies a route inherits.
pub(super) struct Above<'a> {
    /// Of the gateway, then of the listener.
    listeners: &'a [&'a ListenerPolicies],
    /// Of the routes that lead to its group: the furthest first.
    routes: Vec<&'a RoutePolicies>,
    bounds: Bounds,
    /// What is held of a body for who has to see all of it.
    gathered_bytes_max: usize,
    /// Policies at the top of the file for all routes here, by their places: the furthest first.
    attached: &'a [usize],
}

/// What a route holds back, with those that lead to it: one bucket for all of a group.
#[derive(Clone, Default)]
pub(super) struct Bounds {
    pub rate_limits: Vec<Arc<RateLimit>>,
    pub concurrency: Option<Arc<Gradient>>,
}

impl<'a> Above<'a> {
    pub(super) fn of(
        listeners: &'a [&'a ListenerPolicies],
        attached: &'a [usize],
        config: &Config,
    ) -> Self {
        let gathered_bytes_max = config.frontend_policies.http.max_buffer_size;
        let (routes, bounds) = (Vec::new(), Bounds::default());
        Self { listeners, routes, bounds, gathered_bytes_max, attached }
    }

    pub(super) fn attached(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.attached.iter().copied()
    }

    pub(super) fn listeners(&self) -> &'a [&'a ListenerPolicies] {
        self.listeners
    }

    /// The same, with rules that hold as well.
    pub(super) fn with<'b>(&self, rules: &'b [RoutePolicies]) -> Above<'b>
    where
        'a: 'b,
    {
        let routes = rules.iter().chain(self.routes.iter().copied()).collect();
        Above { routes, bounds: self.bounds.clone(), attached: &[], ..*self }
    }

    pub(super) fn below<'b>(&self, route: &'b RoutePolicies, bounds: Bounds) -> Above<'b>
    where
        'a: 'b,
    {
        let mut routes: Vec<&'b RoutePolicies> = self.routes.clone();
        routes.push(route);
        let gathered_bytes_max = self.gathered_bytes_max;
        // They have it from the route that leads to them.
        Above { listeners: self.listeners, routes, bounds, gathered_bytes_max, attached: &[] }
    }

    /// All limits of a route that has these of its own, and the nearest bound on what is under way.
    pub(super) fn bounds(
        &self,
        own: Vec<Arc<RateLimit>>,
        concurrency: Option<Arc<Gradient>>,
    ) -> Bounds {
        Bounds {
            rate_limits: self.bounds.rate_limits.iter().cloned().chain(own).collect(),
            concurrency: concurrency.or_else(|| self.bounds.concurrency.clone()),
        }
    }

    /// A policy of the route itself, or else of the nearest that leads to it.
    pub(super) fn nearest<'b, T>(
        &'b self,
        own: &'b RoutePolicies,
        policy: impl Fn(&'b RoutePolicies) -> Option<&'b T>,
    ) -> Option<&'b T> {
        policy(own).or_else(|| self.routes.iter().rev().find_map(|route| policy(route)))
    }
}

/// What a route does: its own spec last, before it those of the routes that lead to it, whose edits
/// of heads and timeouts hold too. All that is a step, inherited or not, is in the last.
pub(super) fn route_specs(raw: &RoutePolicies, above: &Above<'_>) -> Vec<PipelineSpec> {
    let mut specs: Vec<_> = above.routes.iter().map(|route| edits(route)).collect();
    specs.push(with_steps(raw, above));
    specs
}

fn edits(raw: &RoutePolicies) -> PipelineSpec {
    let timeouts = raw.timeout.as_ref().map_or_else(Timeouts::default, |timeout| {
        Timeouts::compile(timeout.request_timeout, timeout.backend_request_timeout)
    });
    PipelineSpec {
        request_headers: raw.request_header_modifier.as_ref().map(modifier),
        response_headers: raw.response_header_modifier.as_ref().map(modifier),
        timeouts,
        compression: raw.compression.as_ref().map(compression),
        ..PipelineSpec::default()
    }
}

fn with_steps(raw: &RoutePolicies, above: &Above<'_>) -> PipelineSpec {
    let cors = above.nearest(raw, |policies| policies.cors.as_ref());
    let PipelineSpec { request_headers, response_headers, timeouts, compression, .. } = edits(raw);
    let mut spec = PipelineSpec {
        compression,
        request_headers,
        response_headers,
        timeouts,
        ..inherited(above.listeners, cors, above.gathered_bytes_max)
    };
    let buffer = above.nearest(raw, |policies| policies.buffer.as_ref());
    if let Some(buffer) = buffer {
        let bytes = |side: &Side| side.max_bytes.unwrap_or(above.gathered_bytes_max);
        spec.buffer_request = buffer.request.as_ref().map(bytes);
        spec.buffer_response = buffer.response.as_ref().map(bytes);
    }
    for policies in above.routes.iter().copied().chain([raw]) {
        if let Some(transformations) = &policies.transformations {
            transform(transformations, above.gathered_bytes_max, &mut spec);
        }
        let rules = policies.authorization.as_ref();
        spec.steps.extend(rules.map(|chosen| step(chosen, authorization)));
    }
    let delay = |delay: &Delay| StepSpec::Delay(delay.duration.as_str().to_owned());
    let steps = [
        above
            .nearest(raw, |policies| policies.csrf.as_ref())
            .map(|csrf| StepSpec::Csrf(csrf.additional_origins.clone())),
        above.nearest(raw, |p| p.url_rewrite.as_ref()).map(|chosen| step(chosen, rewrite)),
        above.nearest(raw, |p| p.request_redirect.as_ref()).map(|chosen| step(chosen, redirect)),
        above.nearest(raw, |p| p.delay.as_ref()).map(|chosen| step(chosen, delay)),
        above.nearest(raw, |p| p.direct_response.as_ref()).map(|chosen| step(chosen, reply)),
    ];
    for step in steps.into_iter().flatten() {
        match step {
            StepSpec::Rewrite(rewrite) => spec.rewrite = Some(rewrite),
            StepSpec::Redirect(redirect) => spec.redirect = Some(redirect),
            StepSpec::Reply(reply) => spec.reply = Some(reply),
            step => spec.steps.push(step),
        }
    }
    spec
}

/// What requests get that find no route.
pub(super) fn listener_spec(above: &[&ListenerPolicies], config: &Config) -> PipelineSpec {
    inherited(above, None, config.frontend_policies.http.max_buffer_size)
}

/// The nearest `cors`; every `authorization`, as each has to let a request in; every transformation.
fn inherited(above: &[&ListenerPolicies], own: Option<&Cors>, bytes_max: usize) -> PipelineSpec {
    let mut spec = PipelineSpec { gathered_bytes_max: Some(bytes_max), ..PipelineSpec::default() };
    for policies in above {
        if let Some(transformations) = &policies.transformations {
            transform(transformations, bytes_max, &mut spec);
        }
        let rules = policies.authorization.as_ref();
        spec.steps.extend(rules.map(|chosen| step(chosen, authorization)));
    }
    let nearest = above.iter().rev().find_map(|policies| policies.cors.as_ref());
    spec.steps.extend(own.or(nearest).map(cors));
    spec
}

fn step<T>(chosen: &Chosen<T>, one: impl Fn(&T) -> StepSpec) -> StepSpec {
    match chosen {
        Chosen::Always(policy) => one(policy),
        Chosen::First { conditional } => {
            let condition = |case: &Case<T>| Some(case.condition.as_ref()?.as_str().to_owned());
            let cases = conditional.iter().map(|case| (condition(case), one(&case.policy)));
            StepSpec::First(cases.collect())
        }
    }
}

fn cors(raw: &Cors) -> StepSpec {
    StepSpec::Cors(CorsSpec {
        allow_origins: raw.allow_origins.clone(),
        allow_methods: raw.allow_methods.clone(),
        allow_headers: raw.allow_headers.clone(),
        expose_headers: raw.expose_headers.clone(),
        allow_credentials: raw.allow_credentials,
        max_age_seconds: raw.max_age.map(|age| age.as_secs()),
    })
}

fn authorization(raw: &Authorization) -> StepSpec {
    let mut spec = AuthorizationSpec::default();
    for rule in &raw.rules {
        let (rules, expression) = match rule {
            Rule::Allow(expression) => (&mut spec.allow, expression),
            Rule::Deny(expression) => (&mut spec.deny, expression),
            Rule::Require(expression) => (&mut spec.require, expression),
        };
        rules.push(expression.as_str().to_owned());
    }
    StepSpec::Authorization(spec)
}

fn rewrite(raw: &UrlRewrite) -> StepSpec {
    StepSpec::Rewrite(RewriteSpec {
        authority: authority(raw.authority.as_ref()),
        path: path(raw.path.as_ref()),
    })
}

fn redirect(raw: &RequestRedirect) -> StepSpec {
    StepSpec::Redirect(RedirectSpec {
        scheme: raw.scheme.map(|scheme| match scheme {
            RawScheme::Http => Scheme::Http,
            RawScheme::Https => Scheme::Https,
        }),
        authority: authority(raw.authority.as_ref()),
        path: path(raw.path.as_ref()),
        status: Some(raw.status),
    })
}

/// What is written out is encoded once.
fn reply(raw: &DirectResponse) -> StepSpec {
    let fixed = FixedReply::compile(raw.status, &[], &raw.body.0);
    match fixed {
        Ok(fixed) if raw.body_expression.is_none() && raw.headers.is_empty() => {
            StepSpec::Reply(fixed)
        }
        _ => StepSpec::Made(MadeSpec {
            status: raw.status,
            body: raw.body.0.clone(),
            body_expression: raw.body_expression.as_ref().map(|made| made.as_str().to_owned()),
            headers: values(&raw.headers),
        }),
    }
}

fn transform(raw: &Transformations, bytes_max: usize, spec: &mut PipelineSpec) {
    let one = |raw: &Transformation| TransformSpec {
        add: values(&raw.add),
        set: values(&raw.set),
        remove: raw.remove.iter().map(|name| name.as_str().to_owned()).collect(),
        body: raw.body.as_ref().map(|made| (made.as_str().to_owned(), bytes_max)),
    };
    spec.transform_request.push(one(&raw.request));
    spec.transform_response.push(one(&raw.response));
}

fn values(raw: &Values) -> Vec<(String, String)> {
    raw.0.iter().map(|(name, value)| (name.clone(), value.as_str().to_owned())).collect()
}

pub(super) fn backend_spec(
    raw: &BackendPolicies,
    rules: &[Chosen<Authorization>],
    bytes_max: usize,
) -> PipelineSpec {
    let per_try = raw.http.as_ref().and_then(|http| http.request_timeout);
    let mut spec = PipelineSpec {
        timeouts: Timeouts::compile(None, per_try),
        hash_by: traffic::hash_by(raw).map(str::to_owned),
        request_headers: raw.request_header_modifier.as_ref().map(modifier),
        response_headers: raw.response_header_modifier.as_ref().map(modifier),
        steps: rules.iter().map(|chosen| step(chosen, authorization)).collect(),
        ..PipelineSpec::default()
    };
    if let Some(transformations) = &raw.transformations {
        transform(transformations, bytes_max, &mut spec);
    }
    match raw.request_redirect.as_ref().map(|chosen| step(chosen, redirect)) {
        Some(StepSpec::Redirect(redirect)) => spec.redirect = Some(redirect),
        step => spec.steps.extend(step),
    }
    spec
}

/// A backend without policies has no pipeline of its own.
pub(super) fn is_nothing(spec: &PipelineSpec) -> bool {
    spec.timeouts == Timeouts::default()
        && spec.request_headers.is_none()
        && spec.response_headers.is_none()
        && spec.rewrite.is_none()
        && spec.redirect.is_none()
        && spec.reply.is_none()
        && spec.transform_request.is_empty()
        && spec.transform_response.is_empty()
        && spec.steps.is_empty()
        && spec.concurrency.is_none()
        && spec.hash_by.is_none()
}

fn compression(raw: &RawCompression) -> Compression {
    let coding = |algorithm: &Algorithm| match algorithm {
        Algorithm::Brotli => (Coding::Brotli, raw.brotli_level),
        Algorithm::Zstd => (Coding::Zstd, raw.zstd_level),
        Algorithm::Gzip => (Coding::Gzip, raw.gzip_level),
    };
    let range = |range: &RawMediaRange| match range {
        RawMediaRange::Exact(name) => MediaRange::Exact(name.as_bytes().into()),
        RawMediaRange::Under(kind) => MediaRange::Under(kind.as_bytes().into()),
        RawMediaRange::EndingIn(suffix) => MediaRange::EndingIn(suffix.as_bytes().into()),
    };
    Compression {
        codings: raw.algorithms.iter().map(coding).collect(),
        bytes_min: raw.min_bytes as u64,
        types: raw.types.iter().map(range).collect(),
    }
}

fn modifier(raw: &HeaderModifier) -> HeaderModifierSpec {
    let pairs = |fields: &Fields| {
        let pair = |(name, value): &(_, _)| pair(name, value);
        fields.0.iter().map(pair).collect()
    };
    HeaderModifierSpec {
        add: pairs(&raw.add),
        set: pairs(&raw.set),
        remove: raw.remove.iter().map(|name| name.as_str().to_owned()).collect(),
    }
}

fn pair(
    name: &crate::config::header::FieldName,
    value: &crate::config::header::FieldValue,
) -> (String, String) {
    (name.as_str().to_owned(), value.as_str().to_owned())
}

fn authority(raw: Option<&AuthorityRewrite>) -> AuthoritySpec {
    match raw {
        None => AuthoritySpec::Unset,
        Some(AuthorityRewrite::Full(text)) => AuthoritySpec::Full(text.clone()),
        Some(AuthorityRewrite::Host(text)) => AuthoritySpec::Host(text.clone()),
        Some(AuthorityRewrite::Port(port)) => AuthoritySpec::Port(*port),
        Some(AuthorityRewrite::Auto) => AuthoritySpec::Auto,
        Some(AuthorityRewrite::None) => AuthoritySpec::Keep,
    }
}

fn path(raw: Option<&PathRewrite>) -> Option<PathSpec> {
    raw.map(|path| match path {
        PathRewrite::Full(path) => PathSpec::Full(path.clone()),
        PathRewrite::Prefix(prefix) => PathSpec::Prefix(prefix.clone()),
    })
}
