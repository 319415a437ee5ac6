//! Backends whose providers stand in for each other: each provider becomes a backend of its own, and
//! it is kept where it stood.

use std::borrow::Cow;

use super::super::Compiler;
use crate::config::backend::groups::Member;
use crate::config::backend::{BackendPolicies, RouteBackend, RouteTarget, Target};
use crate::config::cluster::Eviction;
use crate::llm::model::Sent;
use crate::llm::plan::{Candidate, Draft};

/// Where a provider stands among the backends as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::snapshot::compile) struct Spot {
    backend: usize,
    weight: u32,
    /// Of its group; none of a backend that is one provider.
    tier: Option<u32>,
}

impl Compiler<'_> {
    /// The backends of a route with the providers of groups in their places, and where each stood.
    pub(in crate::snapshot::compile) fn expanded<'r>(
        &mut self,
        written: &'r [RouteBackend],
        label: &str,
    ) -> (Cow<'r, [RouteBackend]>, Vec<Spot>) {
        if !written.iter().any(|backend| self.clusters.groups(backend).is_some()) {
            let spot = |(at, one): (usize, &RouteBackend)| Spot::of(at, one.weight, None);
            return (written.into(), written.iter().enumerate().map(spot).collect());
        }
        let (mut backends, mut spots) = (Vec::new(), Vec::new());
        for (at, backend) in written.iter().enumerate() {
            let Some(groups) = self.clusters.groups(backend) else {
                spots.push(Spot::of(at, backend.weight, None));
                backends.push(backend.clone());
                continue;
            };
            let mut shared = self.clusters.policies(backend, None);
            let mut rules = self.clusters.authorizations(backend);
            shared.authorization = rules.pop();
            if !rules.is_empty() {
                self.tell(label, "a backend with groups has one `authorization`");
            }
            let alone = groups.members().count() == 1;
            for (tier, member) in groups.members() {
                let policies = self.member_policies(member, &shared, (alone, label));
                let target = RouteTarget::Inline(Target::Ai(Box::new(member.ai.clone())));
                backends.push(RouteBackend { target, weight: backend.weight, policies });
                spots.push(Spot::of(at, backend.weight, Some(tier)));
            }
        }
        (backends.into(), spots)
    }

    /// A provider's own policies, and what the backend shares with all of its group.
    fn member_policies(
        &mut self,
        member: &Member,
        shared: &BackendPolicies,
        (alone, label): (bool, &str),
    ) -> BackendPolicies {
        let mut policies = member.policies.clone();
        policies.fill(shared);
        if policies.authorization.is_some() && shared.authorization.is_some() {
            self.tell(label, "a backend with groups has one `authorization`");
        }
        policies.authorization = policies.authorization.or_else(|| shared.authorization.clone());
        if !alone {
            let health = policies.health.get_or_insert_default();
            health.eviction.get_or_insert_with(Eviction::of_models);
        }
        policies
    }
}

impl Spot {
    const fn of(backend: usize, weight: u32, tier: Option<u32>) -> Self {
        Self { backend, weight, tier }
    }
}

/// Any of the backends by weight, and in each the providers of its groups in their order.
pub(super) fn any(spots: &[Spot], sent: &Sent) -> Draft {
    let places: Vec<(u32, &Spot)> = (0..).zip(spots).collect();
    let one = |place: u32| Draft::One(Candidate { place, sent: sent.clone() });
    let backends = places.chunk_by(|(_, one), (_, next)| one.backend == next.backend);
    let weighted = backends.map(|members| {
        let tiers =
            members.iter().map(|(place, spot)| (spot.tier.unwrap_or_default(), one(*place)));
        let draft = match members {
            [(only, _)] => one(*only),
            _ => Draft::Failover(tiers.collect()),
        };
        (members[0].1.weight, draft)
    });
    Draft::Weighted(weighted.collect())
}
