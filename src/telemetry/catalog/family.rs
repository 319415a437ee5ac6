//! One metric family, and how the catalogue says what it is.

use super::Kind;

/// One metric family.
#[derive(Debug)]
pub struct Family {
    /// Of its samples; a counter's ends in `_total`, an info's in `_info`.
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    /// Without `le`.
    pub labels: &'static [&'static str],
    pub unit: Option<&'static str>,
    /// Also served without `_total`, as the seeds print it: in text only, since OpenMetrics has
    /// that name for the family itself.
    pub served_bare: bool,
}

impl Family {
    const fn new(kind: Kind, name: &'static str, labels: Labels, help: &'static str) -> Self {
        Self { name, kind, help, labels, unit: None, served_bare: false }
    }

    pub(super) const fn in_unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Serves the family without `_total` too.
    pub const fn also_bare(self) -> Self {
        Self { served_bare: true, ..self }
    }

    /// The name without what tells the kind: what OpenMetrics calls the family's name.
    pub fn bare_name(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }
}

type Labels = &'static [&'static str];

pub(crate) const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Family {
    Family::new(Kind::Counter, name, labels, help)
}

pub(super) const fn gauge(name: &'static str, labels: Labels, help: &'static str) -> Family {
    Family::new(Kind::Gauge, name, labels, help)
}

pub(super) const fn histogram(name: &'static str, labels: Labels, help: &'static str) -> Family {
    Family::new(Kind::Histogram, name, labels, help)
}

pub(super) const fn info(name: &'static str, labels: Labels, help: &'static str) -> Family {
    Family::new(Kind::Info, name, labels, help)
}
