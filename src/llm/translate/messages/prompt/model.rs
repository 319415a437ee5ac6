//! What a model of Anthropic's takes, by its name: they differ in what they refuse.

/// Which it is. Of a name that tells none (another house that speaks Messages): the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32);

impl Version {
    pub(super) const FIVE: Self = Self(5, 0);

    /// Such as `claude-sonnet-4-5-20250929`, `anthropic.claude-opus-4-6-v1:0`, `claude-opus-4@1`,
    /// `claude-3-7-sonnet-latest`. What is longer than two digits is a date.
    pub(super) fn of(model: &str) -> Self {
        let Some((_, rest)) = model.split_once("claude-") else { return Self(0, 0) };
        let mut words = rest.split(['-', '.', '@', ':']);
        let number = |word: &str| word.parse().ok().filter(|_| word.len() <= 2);
        let major = words.by_ref().take(2).find_map(number).unwrap_or(0);
        Self(major, words.next().and_then(number).unwrap_or(0))
    }

    /// It decides itself how much it thinks, and is told an effort; later ones take no budget.
    pub(super) fn is_adaptive(self) -> bool {
        self >= Self(4, 6)
    }

    /// It takes a temperature and its like.
    pub(super) const fn is_sampled(self) -> bool {
        self.0 < 4 || (self.0 == 4 && self.1 < 7)
    }

    /// It takes a temperature or top_p, not both.
    pub(super) fn takes_one(self) -> bool {
        self >= Self(4, 1)
    }

    /// It can be held to a schema.
    pub(super) fn has_schemas(self) -> bool {
        self >= Self(4, 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_versions() {
        for (model, version) in [
            ("claude-sonnet-4-5-20250929", Version(4, 5)),
            ("anthropic.claude-opus-4-6-v1:0", Version(4, 6)),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Version(3, 7)),
            ("claude-opus-4@20250514", Version(4, 0)),
            ("claude-opus-4-1@20250805", Version(4, 1)),
            ("claude-3-haiku-20240307", Version(3, 0)),
            ("claude-sonnet-5", Version(5, 0)),
            ("anthropic/claude-haiku-4.5", Version(4, 5)),
            ("claude-instant", Version(0, 0)),
            ("deepseek-chat", Version(0, 0)),
            ("claude-99999999999999999999", Version(0, 0)),
        ] {
            assert_eq!(Version::of(model), version, "{model}");
        }
    }
}
