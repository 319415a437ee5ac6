//! Policies as the user wrote them, as the pipeline's compiler wants them.

use crate::config::backend::BackendPolicies;
use crate::config::compression::MediaRange as RawMediaRange;
use crate::config::compression::{Algorithm, Compression as RawCompression};
use crate::config::header::Fields;
use crate::config::policy::{
    AuthorityRewrite, HeaderModifier, PathRewrite, RoutePolicies, Scheme as RawScheme,
};
use crate::policy::PipelineSpec;
use crate::policy::compression::{Compression, MediaRange};
use crate::policy::edit::HeaderModifierSpec;
use crate::policy::timeout::Timeouts;
use crate::proto::coding::Coding;
use crate::route::rewrite::{AuthoritySpec, PathSpec, RedirectSpec, RewriteSpec, Scheme};
use crate::route::target::FixedReply;

pub(super) fn route_spec(raw: &RoutePolicies) -> PipelineSpec {
    let timeouts = raw.timeout.as_ref().map_or_else(Timeouts::default, |timeout| {
        Timeouts::compile(timeout.request_timeout, timeout.backend_request_timeout)
    });
    PipelineSpec {
        request_headers: raw.request_header_modifier.as_ref().map(modifier),
        response_headers: raw.response_header_modifier.as_ref().map(modifier),
        rewrite: raw.url_rewrite.as_ref().map(|rewrite| RewriteSpec {
            authority: authority(rewrite.authority.as_ref()),
            path: path(rewrite.path.as_ref()),
        }),
        redirect: raw.request_redirect.as_ref().map(|redirect| RedirectSpec {
            scheme: redirect.scheme.map(|scheme| match scheme {
                RawScheme::Http => Scheme::Http,
                RawScheme::Https => Scheme::Https,
            }),
            authority: authority(redirect.authority.as_ref()),
            path: path(redirect.path.as_ref()),
            status: Some(redirect.status),
        }),
        reply: raw.direct_response.as_ref().and_then(|reply| {
            // The configuration's reader has refused what this refuses.
            FixedReply::compile(reply.status, &[], &reply.body.0).ok()
        }),
        timeouts,
        // The caller's, who knows the limits of the last snapshot.
        rate_limits: Vec::new(),
        compression: raw.compression.as_ref().map(compression),
        concurrency: None,
    }
}

pub(super) fn backend_spec(raw: &BackendPolicies) -> PipelineSpec {
    let per_try = raw.http.as_ref().and_then(|http| http.request_timeout);
    PipelineSpec { timeouts: Timeouts::compile(None, per_try), ..PipelineSpec::default() }
}

/// A backend without policies has no pipeline of its own.
pub(super) fn is_nothing(spec: &PipelineSpec) -> bool {
    spec.timeouts == Timeouts::default()
        && spec.request_headers.is_none()
        && spec.response_headers.is_none()
        && spec.rewrite.is_none()
        && spec.redirect.is_none()
        && spec.reply.is_none()
        && spec.concurrency.is_none()
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
