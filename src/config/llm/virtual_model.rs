//! `virtualModels:` of the block `llm`: names that stand for one of several models: by weight, by
//! priority, or by what the request is. A target may be virtual itself. Raw, but for `resolve`,
//! which says what each name comes to in the end, and refuses those that lead nowhere, to too many,
//! or to themselves.

use serde::Serialize;

use super::super::ai;
use super::super::backend::RouteBackend;
use super::super::cluster::Eviction;
use super::super::expression::{Expression, Wants, When};
use super::super::policy::ai::{Choice, Model, Sent};
use super::super::reader::Cursor;
use crate::limits::{BACKEND_WEIGHT_MAX, CANDIDATES_MAX};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualModel {
    /// As clients name it.
    pub name: String,
    pub routing: Routing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Routing {
    Weighted { targets: Vec<Weighted> },
    Failover { targets: Vec<Prioritised> },
    Conditional { targets: Vec<Conditional> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weighted {
    pub model: String,
    pub weight: u32,
}

/// The lowest number first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prioritised {
    pub model: String,
    pub priority: u32,
}

/// The first that holds; the last may hold always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conditional {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
    pub model: String,
}

impl VirtualModel {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", |c| {
            let name = ai::read_model(c)?;
            if name.contains('*') {
                c.fail("a virtual model has one name: no `*`");
            }
            Some(name)
        });
        let routing = table.must("routing", Routing::read);
        table.finish();
        Some(Self { name: name?, routing: routing? })
    }
}

impl Routing {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let routing = match table.one_of(&["weighted", "failover", "conditional"]) {
            Some(("weighted", value)) => {
                read_targets(&value, Weighted::read).map(|targets| Self::Weighted { targets })
            }
            Some(("failover", value)) => {
                read_targets(&value, Prioritised::read).map(|targets| Self::Failover { targets })
            }
            Some((_, value)) => read_targets(&value, Conditional::read).map(|targets| {
                let last = targets.len().saturating_sub(1);
                if targets.iter().take(last).any(|target| target.when.is_none()) {
                    value.fail("a target without `when` holds always: it stands last");
                }
                Self::Conditional { targets }
            }),
            None => None,
        };
        table.finish();
        if let Some(Self::Weighted { targets }) = &routing
            && targets.iter().all(|target| target.weight == 0)
        {
            cursor.fail("no target has a weight above 0");
        }
        routing
    }
}

fn read_targets<T>(cursor: &Cursor<'_>, read: impl Fn(&Cursor<'_>) -> Option<T>) -> Option<Vec<T>> {
    let mut table = cursor.table();
    let targets = table.must("targets", |c| {
        let (items, most) = (c.list(), CANDIDATES_MAX);
        if c.is_list() && !(1..=most).contains(&items.len()) {
            c.fail(&format!("{} targets are not in 1 to {most}", items.len()));
        }
        Some(items.iter().filter_map(&read).collect())
    });
    table.finish();
    targets
}

impl Weighted {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let model = table.must("model", ai::read_model);
        let most = i128::from(BACKEND_WEIGHT_MAX);
        let weight = table.or("weight", 1, |c| c.integer(0..=most));
        table.finish();
        Some(Self { model: model?, weight })
    }
}

impl Prioritised {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let model = table.must("model", ai::read_model);
        let priority = table.must("priority", |c| c.integer(0..=i128::from(u32::MAX)));
        table.finish();
        Some(Self { model: model?, priority: priority? })
    }
}

impl Conditional {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let when = |c: &Cursor<'_>| Expression::read(c, Wants::Condition, When::Request);
        let target = (table.maybe("when", when), table.must("model", ai::read_model));
        table.finish();
        Some(Self { when: target.0, model: target.1? })
    }
}

/// What each virtual model comes to, and all that is wrong with them.
pub(super) fn resolve(
    virtuals: &[VirtualModel],
    models: &[Model],
) -> (Vec<(String, Choice)>, Vec<String>) {
    let (mut resolved, mut wrong) = (Vec::new(), Vec::new());
    for (at, model) in virtuals.iter().enumerate() {
        let name = &model.name;
        let twice = virtuals[..at].iter().any(|other| other.name == *name)
            || models.iter().any(|other| other.name == *name);
        if twice {
            wrong.push(format!("two models have the name `{name}`"));
            continue;
        }
        let mut way = Way { virtuals, models, names: vec![name], left: CANDIDATES_MAX };
        match way.routing(&model.routing) {
            Ok(choice) => resolved.push((name.clone(), choice)),
            Err(why) => wrong.push(format!("virtual model `{name}`: {why}")),
        }
    }
    (resolved, wrong)
}

/// Backends that others stand in for are left out while they fail, whatever is said of others.
pub(super) fn guard(backends: &mut [RouteBackend], resolved: &[(String, Choice)]) {
    let mut places = Vec::new();
    for (_, choice) in resolved {
        put_guarded(choice, false, &mut places);
    }
    for place in places {
        let health = backends[place].policies.health.get_or_insert_default();
        health.eviction.get_or_insert_with(Eviction::of_models);
    }
}

fn put_guarded(choice: &Choice, fails_over: bool, places: &mut Vec<usize>) {
    match choice {
        Choice::One { backend, .. } => places.extend(fails_over.then_some(*backend)),
        Choice::Failover(choices) => {
            choices.iter().for_each(|(_, choice)| put_guarded(choice, true, places));
        }
        Choice::Weighted(choices) => {
            choices.iter().for_each(|(_, choice)| put_guarded(choice, fails_over, places));
        }
        Choice::First(choices) => {
            choices.iter().for_each(|(_, choice)| put_guarded(choice, fails_over, places));
        }
    }
}

/// From a virtual model to what is behind it.
struct Way<'a> {
    virtuals: &'a [VirtualModel],
    models: &'a [Model],
    /// The names that led here.
    names: Vec<&'a str>,
    /// Models that there may still be.
    left: usize,
}

impl<'a> Way<'a> {
    fn routing(&mut self, routing: &'a Routing) -> Result<Choice, String> {
        Ok(match routing {
            Routing::Weighted { targets } => Choice::Weighted(
                targets
                    .iter()
                    .map(|target| Ok((target.weight, self.target(&target.model)?)))
                    .collect::<Result<_, String>>()?,
            ),
            Routing::Failover { targets } => Choice::Failover(
                targets
                    .iter()
                    .map(|target| Ok((target.priority, self.target(&target.model)?)))
                    .collect::<Result<_, String>>()?,
            ),
            Routing::Conditional { targets } => Choice::First(
                targets
                    .iter()
                    .map(|target| Ok((target.when.clone(), self.target(&target.model)?)))
                    .collect::<Result<_, String>>()?,
            ),
        })
    }

    fn target(&mut self, name: &'a str) -> Result<Choice, String> {
        if self.names.contains(&name) {
            let names = self.names.join("` to `");
            return Err(format!("it leads from `{names}` to `{name}`, in a circle"));
        }
        if let Some(inner) = self.virtuals.iter().find(|inner| inner.name == name) {
            self.names.push(name);
            let choice = self.routing(&inner.routing);
            self.names.pop();
            return choice;
        }
        let model = find(self.models, name).ok_or_else(|| format!("no model is `{name}`"))?;
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| format!("it leads to more than {CANDIDATES_MAX} models"))?;
        let sent = match &model.sent {
            Sent::Same => name.to_owned(),
            Sent::Name(name) => name.clone(),
            Sent::Without(prefix) => name.strip_prefix(prefix.as_str()).unwrap_or(name).to_owned(),
        };
        Ok(Choice::One { backend: model.backend, sent: Sent::Name(sent) })
    }
}

/// As a client's request finds it: by the whole name, or by the most letters of it.
fn find<'a>(models: &'a [Model], name: &str) -> Option<&'a Model> {
    let fits = |pattern: &str| {
        let (front, back) = pattern.split_once('*')?;
        let letters = front.len() + back.len();
        let fits = name.len() >= letters && name.starts_with(front) && name.ends_with(back);
        fits.then_some(letters)
    };
    models.iter().find(|model| model.name == name).or_else(|| {
        let fitting = models.iter().filter_map(|model| Some((fits(&model.name)?, model)));
        let best = fitting.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map(|(_, model)| model)
    })
}

#[cfg(test)]
mod tests;
