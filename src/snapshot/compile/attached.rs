//! Policies at the top of the file, resolved: what holds for a listener, and what a route has when all
//! that is for it was taken together. A limit that several routes have this way is one limit.

use std::borrow::Cow;
use std::sync::Arc;

use super::Compiler;
use super::policy::Above;
use crate::config::Config;
use crate::config::attached::{Attached, Target};
use crate::config::listener::Listener;
use crate::config::policy::RoutePolicies;
use crate::config::policy::inherited::ListenerPolicies;
use crate::config::route::{PathMatch, Route};
use crate::policy::gradient::Gradient;
use crate::policy::rate_limit::RateLimit;

/// What is for a listener: the furthest first.
#[derive(Clone, Default)]
pub(super) struct For<'a> {
    /// Of its routes, by their places in the file.
    pub routes: Vec<usize>,
    pub gateway: Vec<&'a ListenerPolicies>,
}

/// What a route has, all taken together.
pub(super) struct Effective<'a> {
    pub policies: Cow<'a, RoutePolicies>,
    /// Rules that hold beside its own.
    pub rules: Vec<RoutePolicies>,
    /// Whose limits it has, if they are not its own.
    limits_of: Option<usize>,
    gradient_of: Option<usize>,
}

/// What holds back all routes of a policy together, by its place in the file.
#[derive(Default)]
pub(super) struct Together {
    limits: Vec<Vec<Arc<RateLimit>>>,
    gradients: Vec<Option<Arc<Gradient>>>,
}

impl<'a> For<'a> {
    pub(super) fn listener(
        config: &'a Config,
        gateway: &str,
        listener: &Listener,
        port: u16,
    ) -> Self {
        let mut found = Vec::new();
        for (place, attached) in config.policies.iter().enumerate() {
            if let Target::Gateway(target) = &attached.target
                && target.is(gateway, listener.name.as_deref(), port)
            {
                found.push((target.closeness(), place, &attached.policy));
            }
        }
        found.sort_by_key(|(closeness, ..)| *closeness);
        let mut all = Self::default();
        for (_, place, policy) in found {
            match policy {
                Attached::Gateway(policies) => all.gateway.push(policies),
                Attached::Routes(_) => all.routes.push(place),
                Attached::Backend(_) => (),
            }
        }
        all
    }
}

impl Compiler<'_> {
    /// Limits of policies that may be for several routes.
    pub(super) fn together(&mut self) {
        for attached in &self.config.policies {
            let name = format!("policy {}/{}", attached.name.namespace, attached.name.name);
            let (limits, gradient) = match &attached.policy {
                Attached::Routes(policies) => {
                    let limits = self.rate_limits.of(&name, &policies.local_rate_limit);
                    let gradient = policies.adaptive_concurrency.as_ref();
                    (limits, gradient.map(|raw| self.gradients.of(name, raw)))
                }
                Attached::Gateway(_) | Attached::Backend(_) => (Vec::new(), None),
            };
            self.together.limits.push(limits);
            self.together.gradients.push(gradient);
        }
    }

    pub(super) fn effective<'r>(
        &mut self,
        raw: &'r Route,
        label: &str,
        above: &Above<'_>,
    ) -> Effective<'r> {
        let mut effective = Effective {
            policies: Cow::Borrowed(&raw.policies),
            rules: Vec::new(),
            limits_of: None,
            gradient_of: None,
        };
        for place in self.places(raw, above) {
            let Attached::Routes(other) = &self.config.policies[place].policy else { continue };
            let own = effective.policies.to_mut();
            if own.local_rate_limit.is_empty() && !other.local_rate_limit.is_empty() {
                effective.limits_of = Some(place);
            }
            if own.adaptive_concurrency.is_none() && other.adaptive_concurrency.is_some() {
                effective.gradient_of = Some(place);
            }
            own.fill(other);
            if other.authorization.is_some() {
                let authorization = other.authorization.clone();
                effective.rules.push(RoutePolicies { authorization, ..RoutePolicies::default() });
            }
        }
        let by_prefix = |path: &PathMatch| matches!(path, PathMatch::PathPrefix(_));
        let prefixes = raw.matches.iter().all(|one| by_prefix(&one.path));
        if effective.policies.needs_prefix() && !prefixes {
            let why = "a path is rewritten by its prefix, and not every match is by pathPrefix";
            self.wrong.push(format!("{}: route `{label}`: policies: {why}", self.bind));
        }
        effective
    }

    /// Those for this route, the nearest first.
    fn places(&self, raw: &Route, above: &Above<'_>) -> Vec<usize> {
        let mut own = Vec::new();
        for (place, attached) in self.config.policies.iter().enumerate() {
            if let Target::Route(target) = &attached.target
                && target.is(raw)
            {
                own.push((target.rule_name.is_none(), place));
            }
        }
        own.sort_unstable();
        own.into_iter().map(|(_, place)| place).chain(above.attached().rev()).collect()
    }

    /// What holds a route back besides what holds back those that lead to it.
    pub(super) fn own_bounds(
        &mut self,
        place: &str,
        effective: &Effective<'_>,
    ) -> (Vec<Arc<RateLimit>>, Option<Arc<Gradient>>) {
        let policies = &effective.policies;
        let limits = match effective.limits_of {
            Some(of) => self.together.limits[of].clone(),
            None => self.rate_limits.of(place, &policies.local_rate_limit),
        };
        let gradient = match effective.gradient_of {
            Some(of) => self.together.gradients[of].clone(),
            None => {
                let raw = policies.adaptive_concurrency.as_ref();
                raw.map(|raw| self.gradients.of(format!("route {place}"), raw))
            }
        };
        (limits, gradient)
    }
}
