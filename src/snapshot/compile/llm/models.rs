//! Names of models, and what clients are told of them.

use std::collections::HashMap;

use super::super::Compiler;
use super::groups::{Spot, any};
use crate::base::id::ClusterId;
use crate::base::pattern::Pattern;
use crate::config::ai::Ai;
use crate::config::expression::Expression as RawExpression;
use crate::config::policy::ai::{AiPolicy, Choice, Model as RawModel, Sent as RawSent};
use crate::config::route::{HeaderMatch, ValueMatch};
use crate::limits::CANDIDATES_MAX;
use crate::llm::Plan;
use crate::llm::listing::{Listing, SHAPES};
use crate::llm::model::{Fields, Model, Models, Sent};
use crate::llm::plan::{Candidate, Draft, TooMany};
use crate::llm::roll;
use crate::policy::expression::Expression;
use crate::route::target::FixedReply;

impl Compiler<'_> {
    /// What names stand for: those of the block `llm`, or aliases, and any other name.
    pub(super) fn models(&mut self, policy: &AiPolicy, spots: &[Spot], label: &str) -> Models {
        let named = match &policy.models {
            Some(models) => self.named(models, &policy.virtual_models, label),
            None => {
                let aliases = policy.model_aliases.iter();
                let aliases = aliases.map(|(name, model)| (name.clone(), Sent::name(model)));
                let names = aliases.chain([("*".to_owned(), Sent::Same)]);
                let drafts = names.map(|(name, sent)| (name, any(spots, &sent)));
                let drafts: Vec<_> = drafts.collect();
                self.planned(drafts, label)
            }
        };
        Models::compile(named)
    }

    fn named(
        &mut self,
        models: &[RawModel],
        virtuals: &[(String, Choice)],
        label: &str,
    ) -> Vec<(String, Model)> {
        let mut named = Vec::new();
        for raw in models {
            let plan = Plan::one(place(raw.backend), sent(&raw.sent));
            let fields = |fields: &Vec<HeaderMatch>| self.fields(fields, label);
            let matches = raw.matches.iter().map(fields).collect();
            named.push((raw.name.clone(), Model { plan, is_public: raw.is_public, matches }));
        }
        let mut drafts = Vec::new();
        for (name, choice) in virtuals {
            drafts.push((name.clone(), self.draft(choice, label)));
        }
        named.extend(self.planned(drafts, label));
        named
    }

    fn planned(&mut self, drafts: Vec<(String, Draft)>, label: &str) -> Vec<(String, Model)> {
        let mut planned = Vec::new();
        for (name, draft) in drafts {
            match Plan::compile(draft) {
                Ok(plan) => planned.push((name, Model::new(plan))),
                Err(TooMany) => {
                    let what = format!("`{name}` leads to more than {CANDIDATES_MAX} backends");
                    self.tell(label, &what);
                }
            }
        }
        planned
    }

    fn draft(&mut self, choice: &Choice, label: &str) -> Draft {
        let mut all = |choices: &[(u32, Choice)]| {
            choices.iter().map(|(number, choice)| (*number, self.draft(choice, label))).collect()
        };
        match choice {
            Choice::One { backend, sent: told } => {
                Draft::One(Candidate { place: place(*backend), sent: sent(told) })
            }
            Choice::Weighted(choices) => Draft::Weighted(all(choices)),
            Choice::Failover(choices) => Draft::Failover(all(choices)),
            Choice::First(choices) => {
                let cases = choices.iter().map(|(condition, choice)| {
                    let condition = condition.as_ref().and_then(|text| self.when(text, label));
                    (condition, self.draft(choice, label))
                });
                Draft::First(cases.collect())
            }
        }
    }

    fn when(&mut self, raw: &RawExpression, label: &str) -> Option<Expression> {
        let told = |why: String| self.tell(label, &format!("when: {why}"));
        Expression::compile(raw.as_str()).map_err(told).ok()
    }

    fn fields(&mut self, raw: &[HeaderMatch], label: &str) -> Fields {
        let mut fields = Vec::new();
        for HeaderMatch { name, value } in raw {
            let pattern = match value {
                ValueMatch::Exact(text) => Ok(Pattern::exact(text)),
                ValueMatch::Regex(expression) => Pattern::regex(expression),
            };
            match pattern {
                Ok(pattern) => {
                    fields.push((name.as_str().to_ascii_lowercase().into_bytes().into(), pattern));
                }
                Err(why) => self.tell(label, &format!("matches: {}: {why}", name.as_str())),
            }
        }
        Fields(fields.into())
    }

    /// What `/v1/models` tells.
    pub(super) fn listing(
        &mut self,
        policy: &AiPolicy,
        providers: &[(u32, ClusterId, Ai)],
        label: &str,
    ) -> Listing {
        let mut names: Vec<String> = match &policy.models {
            Some(models) => {
                let public = models.iter().filter(|model| model.is_public);
                let virtuals = policy.virtual_models.iter().map(|(name, _)| name);
                public.map(|model| &model.name).chain(virtuals).cloned().collect()
            }
            None => {
                let own = providers.iter().filter_map(|(.., ai)| ai.provider.model.clone());
                own.chain(policy.model_aliases.keys().cloned()).collect()
            }
        };
        names.retain(|name| !name.contains('*'));
        names.sort_unstable();
        names.dedup();
        let each: HashMap<_, _> = names
            .iter()
            .map(|name| {
                let replies = SHAPES.map(|shape| self.told(&roll::one(shape, name), label));
                (name.clone().into_bytes().into(), replies)
            })
            .collect();
        let lists = SHAPES.map(|shape| self.told(&roll::all(shape, &names), label));
        Listing { names, lists, each, is_whole: policy.models.is_some() }
    }

    fn told(&mut self, value: &serde_json::Value, label: &str) -> FixedReply {
        let fields = [("content-type", "application/json")];
        let text = value.to_string();
        FixedReply::compile(200, &fields, text.as_bytes()).unwrap_or_else(|error| {
            self.tell(label, &format!("the list of models: {error}"));
            FixedReply::compile(200, &fields, b"{}").expect("a small reply")
        })
    }
}

fn place(backend: usize) -> u32 {
    u32::try_from(backend).expect("fewer models than 4 billion")
}

fn sent(raw: &RawSent) -> Sent {
    match raw {
        RawSent::Same => Sent::Same,
        RawSent::Name(name) => Sent::name(name),
        RawSent::Without(prefix) => Sent::Without(prefix.as_bytes().into()),
    }
}
