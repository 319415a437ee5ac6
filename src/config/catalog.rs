//! `modelCatalog`: what the tokens of models cost. Written in the configuration, or in files in
//! agentgateway's format, which are JSON (or YAML). Rates are in dollars for a million tokens; with
//! six digits behind the point at the most, so that one token has a whole number of 10^-12 dollars
//! and nothing is ever rounded before the sum. A name may have one `*`, which is Ringway's own.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::diagnostic::Diagnostics;
use super::file::FilePath;
use super::reader::{Cursor, Session};
use super::source::Source as Text;
use super::yaml::Document;
use crate::limits::{CATALOG_MODELS_MAX, PRICE_DOLLARS_MAX, PRICE_TIERS_MAX};

/// Where prices stand. Of two that say something of one model the later counts, rate by rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    File(FilePath),
    Inline(Catalog),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// By `gen_ai_system`.
    pub providers: BTreeMap<String, Provider>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Provider {
    pub models: BTreeMap<String, Model>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Model {
    pub rates: Rates,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Free words, which are shown and have no effect.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// Other rates for a prompt of more tokens than this. What they do not say is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tier {
    pub context_over: u64,
    pub rates: Rates,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rates {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_audio: Option<Rate>,
}

/// In 10^-12 dollars a token, which is 10^-6 dollars a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u64);

impl Source {
    /// One, or a list.
    pub fn read_all(cursor: &Cursor<'_>) -> Option<Vec<Self>> {
        if !cursor.is_list() {
            return Some(Self::read(cursor).into_iter().collect());
        }
        Some(cursor.list().iter().filter_map(Self::read).collect())
    }

    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let source = match table.one_of(&["file", "inline"]) {
            Some(("file", value)) => FilePath::read(&value).map(Self::File),
            Some((_, value)) if value.is_text() => value
                .parsed(|text| parse(text, "inline").map_err(|found| found.to_string()))
                .map(Self::Inline),
            Some((_, value)) => Catalog::read(&value).map(Self::Inline),
            None => None,
        };
        table.finish();
        source
    }
}

/// Reads a file of prices. Nothing in it is a variable.
///
/// # Errors
/// All that is wrong with it; `origin` is its name there.
pub fn parse(text: &str, origin: &str) -> Result<Catalog, Diagnostics> {
    let source = Text::new(text, &|_| None);
    let session = Session::new(origin, &source, &|_| None);
    let catalog = match Document::parse(source.text()) {
        Ok(document) => Catalog::read(&session.root(&document.root)),
        Err(error) => {
            session.fail_at(error.at, "", &error.message, None);
            None
        }
    };
    session.finish().0.into_result(catalog)
}

impl Catalog {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let providers = table.or("providers", BTreeMap::new(), |c| named(c, Provider::read));
        table.finish();
        let catalog = Self { providers };
        if catalog.models() > CATALOG_MODELS_MAX {
            cursor.fail(&format!("more than {CATALOG_MODELS_MAX} models"));
        }
        Some(catalog)
    }

    fn models(&self) -> usize {
        self.providers.values().map(|provider| provider.models.len()).sum()
    }

    /// What `later` says goes before, rate by rate.
    pub fn extend(&mut self, later: &Self) {
        for (name, provider) in &later.providers {
            let known = self.providers.entry(name.clone()).or_default();
            for (name, model) in &provider.models {
                known.models.entry(name.clone()).or_default().extend(model);
            }
        }
    }
}

impl Provider {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let models = table.or("models", BTreeMap::new(), |c| named(c, Model::read));
        table.finish();
        Some(Self { models })
    }
}

impl Model {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let model = Self {
            rates: table.or("rates", Rates::default(), Rates::read),
            tiers: table.list("tiers", Tier::read).unwrap_or_default(),
            tags: table.list("tags", Cursor::owned).unwrap_or_default().into_iter().collect(),
        };
        if model.tiers.len() > PRICE_TIERS_MAX {
            table.fail(&format!("more than {PRICE_TIERS_MAX} tiers"));
        }
        if !model.tiers.is_sorted_by(|one, next| one.context_over < next.context_over) {
            table.fail("each `contextOver` of the tiers is greater than the one before");
        }
        table.finish();
        Some(model)
    }
}

impl Model {
    fn extend(&mut self, later: &Self) {
        self.rates = later.rates.or(self.rates);
        if !later.tiers.is_empty() {
            self.tiers.clone_from(&later.tiers);
        }
        self.tags.extend(later.tags.iter().cloned());
    }
}

impl Tier {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let over = table.must("contextOver", |c| c.integer(0..=i128::from(u64::MAX)));
        let rates = table.must("rates", Rates::read);
        table.finish();
        Some(Self { context_over: over?, rates: rates? })
    }
}

impl Rates {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let rates = Self {
            input: table.maybe("input", Rate::read),
            output: table.maybe("output", Rate::read),
            cache_read: table.maybe("cacheRead", Rate::read),
            cache_write: table.maybe("cacheWrite", Rate::read),
            reasoning: table.maybe("reasoning", Rate::read),
            input_audio: table.maybe("inputAudio", Rate::read),
            output_audio: table.maybe("outputAudio", Rate::read),
        };
        table.finish();
        Some(rates)
    }

    /// Those of `far` where nothing is said here.
    pub fn or(self, far: Self) -> Self {
        Self {
            input: self.input.or(far.input),
            output: self.output.or(far.output),
            cache_read: self.cache_read.or(far.cache_read),
            cache_write: self.cache_write.or(far.cache_write),
            reasoning: self.reasoning.or(far.reasoning),
            input_audio: self.input_audio.or(far.input_audio),
            output_audio: self.output_audio.or(far.output_audio),
        }
    }
}

impl Rate {
    /// agentgateway has text here; a number is understood, too.
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let text = match cursor.is_text() {
            true => cursor.owned()?,
            false => cursor.number()?.to_string(),
        };
        Self::parse(&text).map_err(|message| cursor.fail(&message)).ok()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && part.is_empty()) || !is_number(whole) || !is_number(part) {
            return Err(format!("`{text}` is no price: dollars for a million tokens, as in 2.50"));
        }
        let part = part.trim_end_matches('0');
        if part.len() > DIGITS {
            return Err(format!("`{text}` has more than {DIGITS} digits behind the point"));
        }
        let number = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse().ok() };
        let whole = number(whole).filter(|dollars: &u64| *dollars <= PRICE_DOLLARS_MAX);
        let Some(whole) = whole else {
            return Err(format!("`{text}` is more than {PRICE_DOLLARS_MAX} dollars"));
        };
        let part = number(&format!("{part:0<DIGITS$}")).unwrap_or_default();
        Ok(Self(whole * 10_u64.pow(DIGITS as u32) + part))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let one = 10_u64.pow(DIGITS as u32);
        serializer.collect_str(&format_args!("{}.{:0DIGITS$}", self.0 / one, self.0 % one))
    }
}

/// A table whose keys are names with one `*` at the most.
fn named<T>(
    cursor: &Cursor<'_>,
    read: impl Fn(&Cursor<'_>) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    let mut table = BTreeMap::new();
    for (name, mark, value) in cursor.named() {
        if name.is_empty() || name.matches('*').count() > 1 {
            cursor.session().fail(&mark, "a name has one `*` at the most", None);
        }
        if let Some(value) = read(&value) {
            table.insert(name.to_owned(), value);
        }
    }
    Some(table)
}

const DIGITS: usize = 6;

#[cfg(test)]
mod tests;
