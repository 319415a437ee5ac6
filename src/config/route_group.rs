//! `routeGroups`: routes that a route of another place delegates to, by `routeGroup` in the place of
//! its backends. A group may delegate further, but never back to itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::diagnostic::nearest;
use super::ledger::Ledger;
use super::reader::{Cursor, Mark, Session};
use super::route::Route;
use crate::limits::ROUTE_GROUP_DEPTH_MAX;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteGroup {
    pub name: String,
    pub routes: Vec<Route>,
}

impl RouteGroup {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", |c| {
            let name = c.owned()?;
            let group = (name.clone(), c.mark());
            c.session().note(|ledger| ledger.route_groups.push(group));
            Some(name)
        });
        let routes = table
            .must("routes", |c| Some(c.list().iter().filter_map(Route::read).collect::<Vec<_>>()));
        table.finish();
        Some(Self { name: name?, routes: routes? })
    }
}

/// Names that are there, once, and lead to an end.
pub(super) fn check(session: &Session<'_>, ledger: &Ledger) {
    let mut known = BTreeSet::new();
    for (name, mark) in &ledger.route_groups {
        if !known.insert(name.as_str()) {
            session.fail(mark, &format!("two route groups have the name `{name}`"), None);
        }
    }
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, mark) in &ledger.group_uses {
        if !known.contains(name.as_str()) {
            let near = nearest(name, known.iter().copied());
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            session.fail(mark, &format!("no route group has the name `{name}`"), hint);
        } else if let Some(owner) = owner(mark, ledger) {
            edges.entry(owner).or_default().push(name);
        }
    }
    let mut ends = true;
    for (name, mark) in &ledger.group_uses {
        let mut way = vec![name.as_str()];
        match owner(mark, ledger) {
            Some(owner) if leads_to(owner, &edges, &mut way) => {
                let way = way.join("`, `");
                let message = format!("group `{owner}` delegates to itself, by way of `{way}`");
                session.fail(mark, &message, None);
                ends = false;
            }
            _ => (),
        }
    }
    // Only without cycles is there a longest way.
    if !ends {
        return;
    }
    let too_deep = |(name, _): &&(String, Mark)| depth(name, &edges, 0) > ROUTE_GROUP_DEPTH_MAX;
    if let Some((name, mark)) = ledger.group_uses.iter().find(too_deep) {
        let most = ROUTE_GROUP_DEPTH_MAX;
        session.fail(mark, &format!("`{name}` leads through more than {most} groups"), None);
    }
}

/// The group that a use stands in, by the path of both.
fn owner<'a>(used: &Mark, ledger: &'a Ledger) -> Option<&'a str> {
    let inside = |(_, group): &&(String, Mark)| {
        let table = group.path.strip_suffix("name").unwrap_or(&group.path);
        used.path.starts_with(table)
    };
    ledger.route_groups.iter().find(inside).map(|(name, _)| name.as_str())
}

/// Whether the last of the way delegates to `wanted`, at once or through others; then `way` is how.
fn leads_to<'a>(
    wanted: &str,
    edges: &BTreeMap<&str, Vec<&'a str>>,
    way: &mut Vec<&'a str>,
) -> bool {
    let here = *way.last().expect("a way begins somewhere");
    if here == wanted {
        return true;
    }
    for next in edges.get(here).into_iter().flatten() {
        if !way.contains(next) {
            way.push(next);
            if leads_to(wanted, edges, way) {
                return true;
            }
            way.pop();
        }
    }
    false
}

/// Groups on the longest way from `name`; cycles end it where it is too deep.
fn depth(name: &str, edges: &BTreeMap<&str, Vec<&str>>, so_far: usize) -> usize {
    if so_far > ROUTE_GROUP_DEPTH_MAX {
        return so_far;
    }
    let next = edges.get(name).into_iter().flatten();
    next.map(|next| depth(next, edges, so_far + 1)).max().unwrap_or(so_far + 1)
}
