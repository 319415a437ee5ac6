//! `ai: {groups: [..]}` of a backend: providers of models that stand in for each other, those of the
//! first group before those of the second. Raw: a provider is what it is by itself, with policies of
//! its own.

use serde::Serialize;

use super::super::ai::Ai;
use super::super::reader::{Cursor, Table};
use super::BackendPolicies;
use crate::limits::CANDIDATES_MAX;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Groups {
    pub groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    pub providers: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    #[serde(flatten)]
    pub ai: Ai,
    /// In place of the backend's, policy by policy.
    #[serde(skip_serializing_if = "BackendPolicies::is_empty")]
    pub policies: BackendPolicies,
}

impl Groups {
    /// Whether a backend's `ai` has groups.
    pub fn are_in(cursor: &Cursor<'_>) -> bool {
        cursor.named().iter().any(|(key, ..)| *key == "groups")
    }

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        for key in ["name", "provider", "hostOverride", "pathOverride", "pathPrefix", "policies"] {
            table.refuse(key, "each provider of a group has its own", None);
        }
        let groups = table.must("groups", |c| Some(c.list().iter().map(Group::read).collect()));
        let groups: Vec<Group> = groups?;
        let count = groups.iter().map(|group| group.providers.len()).sum::<usize>();
        if !(1..=CANDIDATES_MAX).contains(&count) {
            table.fail(&format!("{count} providers are not in 1 to {CANDIDATES_MAX}"));
        }
        table.finish();
        Some(Self { groups })
    }

    /// Each with the place of its group.
    pub fn members(&self) -> impl Iterator<Item = (u32, &Member)> {
        let groups = (0_u32..).zip(&self.groups);
        groups.flat_map(|(tier, group)| group.providers.iter().map(move |one| (tier, one)))
    }
}

impl Group {
    fn read(cursor: &Cursor<'_>) -> Self {
        let mut table = cursor.table();
        let providers = table.list("providers", Member::read).unwrap_or_default();
        if providers.is_empty() {
            table.fail("a group without providers");
        }
        table.finish();
        Self { providers }
    }
}

impl Member {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut policies = BackendPolicies::default();
        let read = |table: &mut Table<'_>| {
            policies = BackendPolicies::of(table, BackendPolicies::read);
        };
        let ai = Ai::read_with(cursor, read)?;
        Some(Self { ai, policies })
    }
}
