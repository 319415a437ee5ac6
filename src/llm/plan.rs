//! `Plan`: who is asked for a model, and who next. A tree over candidates: one of several by weight,
//! by priority, or the first whose condition holds, and any of these in the place of a candidate.
//! Immutable; which candidates are left is a set of bits that the asker keeps.

use super::model::Sent;
use crate::base::random::scale;
use crate::limits::CANDIDATES_MAX;
use crate::policy::expression::Expression;

/// A backend of the route, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The place of the backend.
    pub place: u32,
    pub sent: Sent,
}

/// What a plan is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draft {
    One(Candidate),
    /// By weight; of those that are left, when one brought nothing.
    Weighted(Vec<(u32, Self)>),
    /// The lowest number first; by chance among those with the same.
    Failover(Vec<(u32, Self)>),
    /// The first that holds, and no other. Without a condition one always does.
    First(Vec<(Option<Expression>, Self)>),
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    candidates: Box<[Candidate]>,
    root: Node,
    /// Some of it says who comes when another cannot.
    pub fails_over: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    /// A bit for each candidate below.
    below: u64,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    One(usize),
    Weighted(Box<[(u32, Node)]>),
    /// In the order of their numbers.
    Failover(Box<[(u32, Node)]>),
    First(Box<[(Option<Expression>, Node)]>),
}

/// There are more candidates than a plan has bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl Plan {
    /// # Errors
    /// More than `CANDIDATES_MAX` candidates.
    pub fn compile(draft: Draft) -> Result<Self, TooMany> {
        let mut candidates = Vec::new();
        let mut fails_over = false;
        let root = Node::compile(draft, &mut candidates, &mut fails_over)?;
        Ok(Self { candidates: candidates.into(), root, fails_over })
    }

    /// The one candidate there is.
    pub fn one(place: u32, sent: Sent) -> Self {
        let candidates = Box::new([Candidate { place, sent }]);
        Self { candidates, root: Node { below: 1, kind: Kind::One(0) }, fails_over: false }
    }

    /// All of them, in the order in which they were written.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// A bit for each candidate.
    pub fn all(&self) -> u64 {
        self.root.below
    }

    /// Whether a condition looks into the body of a request.
    pub fn reads_body(&self) -> bool {
        self.root.reads_body()
    }

    /// Who is asked, of those in `open`. `random` decides where several are as good.
    pub fn next(
        &self,
        open: u64,
        random: &dyn Fn() -> u64,
        holds: &dyn Fn(&Expression) -> bool,
    ) -> Option<usize> {
        self.root.next(open, &Asking { random, holds })
    }
}

struct Asking<'a> {
    random: &'a dyn Fn() -> u64,
    holds: &'a dyn Fn(&Expression) -> bool,
}

impl Node {
    fn compile(
        draft: Draft,
        candidates: &mut Vec<Candidate>,
        fails_over: &mut bool,
    ) -> Result<Self, TooMany> {
        let mut nodes = |drafts: Vec<(u32, Draft)>| {
            let node =
                |(number, draft)| Ok((number, Self::compile(draft, candidates, fails_over)?));
            drafts.into_iter().map(node).collect::<Result<Vec<_>, _>>()
        };
        let (below, kind) = match draft {
            Draft::One(candidate) => {
                let place = candidates.len();
                if place >= CANDIDATES_MAX {
                    return Err(TooMany);
                }
                candidates.push(candidate);
                (1 << place, Kind::One(place))
            }
            Draft::Weighted(drafts) => {
                let nodes = nodes(drafts)?;
                let served = nodes.iter().filter(|(weight, _)| *weight > 0);
                (served.fold(0, |all, (_, node)| all | node.below), Kind::Weighted(nodes.into()))
            }
            Draft::Failover(drafts) => {
                let mut nodes = nodes(drafts)?;
                *fails_over |= nodes.len() > 1;
                nodes.sort_by_key(|(priority, _)| *priority);
                let below = nodes.iter().fold(0, |all, (_, node)| all | node.below);
                (below, Kind::Failover(nodes.into()))
            }
            Draft::First(drafts) => {
                let node = |(condition, draft)| {
                    Ok((condition, Self::compile(draft, candidates, fails_over)?))
                };
                let nodes: Box<[_]> = drafts.into_iter().map(node).collect::<Result<_, _>>()?;
                (nodes.iter().fold(0, |all, (_, node)| all | node.below), Kind::First(nodes))
            }
        };
        Ok(Self { below, kind })
    }

    fn reads_body(&self) -> bool {
        match &self.kind {
            Kind::One(_) => false,
            Kind::Weighted(nodes) | Kind::Failover(nodes) => {
                nodes.iter().any(|(_, node)| node.reads_body())
            }
            Kind::First(nodes) => nodes.iter().any(|(condition, node)| {
                let reads = |condition: &Expression| condition.reads().request;
                condition.as_ref().is_some_and(reads) || node.reads_body()
            }),
        }
    }

    fn next(&self, open: u64, asking: &Asking<'_>) -> Option<usize> {
        let open = open & self.below;
        match &self.kind {
            Kind::One(place) => (open != 0).then_some(*place),
            Kind::Weighted(nodes) => one_of(nodes, open, asking, |weight, _| weight),
            Kind::Failover(nodes) => {
                one_of(nodes, open, asking, |priority, first| u32::from(priority == first))
            }
            Kind::First(nodes) => {
                let holds = |condition: &Option<Expression>| {
                    condition.as_ref().is_none_or(|condition| (asking.holds)(condition))
                };
                let (_, node) = nodes.iter().find(|(condition, _)| holds(condition))?;
                node.next(open, asking)
            }
        }
    }
}

/// One by its share, of those with somebody left; another if it leads to nobody. A share is told by
/// the node's number and that of the first with somebody left.
fn one_of(
    nodes: &[(u32, Node)],
    mut open: u64,
    asking: &Asking<'_>,
    share: impl Fn(u32, u32) -> u32,
) -> Option<usize> {
    loop {
        let left = || nodes.iter().filter(|(_, node)| node.below & open != 0);
        let first = left().next()?.0;
        let node = drawn(left().map(|(number, node)| (share(*number, first), node)), asking)?;
        let found = node.next(open, asking);
        if found.is_some() {
            return found;
        }
        open &= !node.below;
    }
}

fn drawn<'a>(
    shares: impl Iterator<Item = (u32, &'a Node)> + Clone,
    asking: &Asking<'_>,
) -> Option<&'a Node> {
    let total = shares.clone().map(|(share, _)| u64::from(share)).sum::<u64>();
    let mut drawn = scale((asking.random)(), total);
    let mut shares = shares.filter(|(share, _)| *share > 0);
    let found = shares.find(|(share, _)| {
        let is_here = drawn < u64::from(*share);
        drawn = drawn.saturating_sub(u64::from(*share));
        is_here
    });
    found.map(|(_, node)| node)
}

#[cfg(test)]
mod tests;
