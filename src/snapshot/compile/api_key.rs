//! Keys as the user wrote them into the table of the snapshot, and the step that looks one up; and
//! the budgets of all of them. A policy that is inherited by many routes has its keys once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Compiler;
use crate::base::id::KeyId;
use crate::config::budget::{Budget as RawBudget, FailureMode};
use crate::config::file::FilePath;
use crate::config::policy::api_key::{
    ApiKey as RawApiKey, Key as RawKey, Location as RawLocation, Mode as RawMode, parse_file,
};
use crate::config::policy::inherited::ListenerPolicies;
use crate::limits::{
    API_KEYS_MAX, BUDGET_LIMITS_MAX, BUDGETS_MAX, LABEL_VALUE_BYTES_MAX, TLS_PEM_BYTES_MAX,
};
use crate::llm::budget::{Budget, Budgets, NANOS_USD, Purses, TOKENS};
use crate::policy::StepSpec;
use crate::policy::api_key::{ApiKey, Check, Digests, Location, Mode, Pattern, Patterns};

/// All keys of a configuration.
#[derive(Default)]
pub(super) struct Keys {
    made: Vec<ApiKey>,
    /// With the keys that they are of.
    budgets: Vec<(KeyId, RawBudget)>,
    /// Policies that were compiled, by the list and the file that they have.
    known: Vec<Known>,
    files: BTreeMap<PathBuf, Arc<[RawKey]>>,
}

struct Known {
    keys: Arc<[RawKey]>,
    file: Option<PathBuf>,
    digests: Arc<Digests>,
}

impl Compiler<'_> {
    /// The step of a route, by its own policy or the nearest of its listeners.
    pub(super) fn key_check(
        &mut self,
        own: Option<&RawApiKey>,
        listeners: &[&ListenerPolicies],
        asks_models: bool,
    ) -> Option<StepSpec> {
        let above = || listeners.iter().rev().find_map(|policies| policies.api_key.as_ref());
        let raw = own.or_else(above)?;
        let locations: Box<[Location]> = match &raw.location {
            Some(location) => Box::new([location_of(location)]),
            None if asks_models => Box::new(Location::of_models()),
            None => Box::new([Location::usual()]),
        };
        let mode = match raw.mode {
            RawMode::Strict => Mode::Strict,
            RawMode::Optional => Mode::Optional,
            RawMode::Permissive => Mode::Permissive,
        };
        Some(StepSpec::ApiKey(Check { keys: self.digests(raw), mode, locations }))
    }

    /// Whether a route asks models, as far as its backends say.
    pub(super) fn asks_models(&self, raw: &crate::config::route::Route) -> bool {
        raw.backends.iter().any(|backend| self.clusters.ai(backend).is_some())
    }

    fn digests(&mut self, raw: &RawApiKey) -> Arc<Digests> {
        let file = raw.file.as_ref().map(FilePath::path);
        let same =
            |known: &&Known| Arc::ptr_eq(&known.keys, &raw.keys) && known.file.as_deref() == file;
        if let Some(known) = self.keys.known.iter().find(same) {
            return Arc::clone(&known.digests);
        }
        let read = raw.file.as_ref().map(|file| self.key_file(file));
        let mut digests = Digests::new();
        for key in raw.keys.iter().chain(read.iter().flat_map(|keys| keys.iter())) {
            self.key(key, &mut digests, raw.file.as_ref());
        }
        let digests = Arc::new(digests);
        let file = file.map(Path::to_path_buf);
        let known = Known { keys: Arc::clone(&raw.keys), file, digests: Arc::clone(&digests) };
        self.keys.known.push(known);
        digests
    }

    fn key(&mut self, raw: &RawKey, digests: &mut Digests, file: Option<&FilePath>) {
        if self.keys.made.len() >= API_KEYS_MAX {
            self.wrong.push(format!("more than {API_KEYS_MAX} API keys"));
            return;
        }
        let id = KeyId(u32::try_from(self.keys.made.len()).expect("fewer keys than 4 billion"));
        if !raw.digest.is_nobodys()
            && digests.insert(raw.digest.0, id).is_some()
            && let Some(file) = file
        {
            let named = raw.name.as_deref().unwrap_or("one without a name");
            self.materials.tell(file, format!("a key of `keys` stands in the file too: {named}"));
        }
        self.keys.budgets.extend(raw.budgets.iter().map(|budget| (id, budget.clone())));
        self.keys.made.push(ApiKey {
            name: raw.name.as_deref().unwrap_or_default().into(),
            team: raw.team.as_deref().map(Into::into),
            metadata: raw.metadata.clone(),
            models: raw
                .models
                .as_ref()
                .map(|names| Patterns::compile(names.iter().map(String::as_str))),
            expires: raw.expires,
        });
    }

    fn key_file(&mut self, file: &FilePath) -> Arc<[RawKey]> {
        if let Some(known) = self.keys.files.get(file.path()) {
            return Arc::clone(known);
        }
        let keys: Arc<[RawKey]> = self.read_keys(file).unwrap_or_default().into();
        self.keys.files.insert(file.path().to_path_buf(), Arc::clone(&keys));
        keys
    }

    fn read_keys(&mut self, file: &FilePath) -> Option<Vec<RawKey>> {
        let bytes = self.materials.read(file)?;
        let name = file.path().display().to_string();
        if bytes.len() > TLS_PEM_BYTES_MAX {
            self.materials.tell(file, format!("{name} has more than {TLS_PEM_BYTES_MAX} bytes"));
            return None;
        }
        let Ok(text) = str::from_utf8(&bytes) else {
            self.materials.tell(file, format!("{name} is not UTF-8"));
            return None;
        };
        parse_file(text, &name).map_err(|wrong| self.wrong.push(wrong.to_string())).ok()
    }

    /// Once all routes are compiled. What was used is in `purses`.
    pub(super) fn budgets(&mut self, purses: &Purses) -> (Arc<[ApiKey]>, Budgets) {
        let raw = &self.config.process.ringway.budgets;
        let keys = std::mem::take(&mut self.keys.made);
        let own = std::mem::take(&mut self.keys.budgets);
        let (list, places) = (Vec::new(), BTreeMap::new());
        let mut made = Made { list, places, wrong: &mut self.wrong, purses };
        if raw.limits.len() > BUDGET_LIMITS_MAX {
            made.wrong
                .push(format!("config.ringway.budgets.limits: more than {BUDGET_LIMITS_MAX}"));
        }
        let mut by_key = vec![Vec::new(); keys.len()];
        for (id, budget) in &own {
            let name = &keys[id.index()].name;
            by_key[id.index()].extend(made.add(budget, Some(name)));
        }
        let mut others = Vec::new();
        for budget in &raw.limits {
            let Some(at) = made.add(budget, None) else { continue };
            let fits = |key: &ApiKey| {
                budget.key.as_deref().is_none_or(|name| *key.name == *name)
                    && budget.team.as_deref().is_none_or(|team| key.team.as_deref() == Some(team))
            };
            let fitting = keys.iter().zip(&mut by_key).filter(|(key, _)| fits(key));
            for (_, list) in fitting.filter(|(_, list)| !list.contains(&at)) {
                list.push(at);
            }
            if budget.key.is_none() && budget.team.is_none() {
                others.push(at);
            }
        }
        let budgets = Budgets {
            list: made.list,
            by_key: by_key.into_iter().map(Into::into).collect(),
            others: others.into(),
            fails_closed: raw.failure_mode == FailureMode::FailClosed,
            lost: Arc::clone(&purses.lost),
        };
        (keys.into(), budgets)
    }
}

struct Made<'a> {
    list: Vec<Budget>,
    places: BTreeMap<Box<str>, u32>,
    wrong: &'a mut Vec<String>,
    purses: &'a Purses,
}

impl Made<'_> {
    /// The place of a budget. Two with the same name are one, if they say the same: a key that is
    /// being replaced by another has one budget with it.
    fn add(&mut self, raw: &RawBudget, key: Option<&str>) -> Option<u32> {
        let name = raw.title(key);
        if name.len() > LABEL_VALUE_BYTES_MAX {
            // It is cut in labels, where another could then be the same.
            let most = LABEL_VALUE_BYTES_MAX;
            self.wrong.push(format!("the budget `{name}` needs a `name` of {most} bytes at most"));
            return None;
        }
        let text = |text: Option<&str>| text.map(Into::into);
        let budget = Budget {
            purse: self.purses.of(&name),
            name: name.into(),
            key: text(key.or(raw.key.as_deref()).filter(|key| !key.is_empty())),
            team: text(raw.team.as_deref()),
            model: raw.model.as_deref().map(|name| (name.into(), Pattern::compile(name))),
            limits: {
                let mut limits = [None; 2];
                (limits[TOKENS], limits[NANOS_USD]) = (raw.tokens, raw.nanos_usd);
                limits
            },
            period: raw.turns(),
        };
        match self.places.get(&budget.name).copied() {
            Some(at) if says(&self.list[at as usize]) == says(&budget) => Some(at),
            Some(_) => {
                let name = &budget.name;
                self.wrong.push(format!("two budgets have the name `{name}`, and say otherwise"));
                None
            }
            None if self.list.len() >= BUDGETS_MAX => {
                self.wrong.push(format!("more than {BUDGETS_MAX} budgets"));
                None
            }
            None => {
                let at = u32::try_from(self.list.len()).ok()?;
                self.places.insert(budget.name.clone(), at);
                self.list.push(budget);
                Some(at)
            }
        }
    }
}

fn says(budget: &Budget) -> impl PartialEq {
    let Budget { key, team, model, limits, period, .. } = budget.clone();
    (key, team, model, limits, period)
}

fn location_of(raw: &RawLocation) -> Location {
    match raw {
        RawLocation::Header { name, prefix } => Location::Header {
            name: name.as_str().to_ascii_lowercase().into_bytes().into(),
            prefix: prefix.as_bytes().into(),
        },
        RawLocation::QueryParameter { name } => Location::Query(name.as_bytes().into()),
        RawLocation::Cookie { name } => Location::Cookie(name.as_bytes().into()),
    }
}

#[cfg(test)]
mod tests;
