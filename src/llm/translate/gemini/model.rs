//! What a model of Gemini can, by its name: AI Studio refuses what an older one does not know.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// 2.0 and before: they do not think.
    Old,
    /// 2.5: it counts thoughts in tokens.
    Counting,
    /// 3 and later: it thinks at levels, and signs its calls.
    Signing,
}

/// A name without a number (`gemini-flash-latest`) is of the newest; what is not called Gemini is
/// told what most models know.
pub(super) fn age(model: &str) -> Age {
    let name = model.rsplit('/').next().unwrap_or(model);
    let Some(rest) = name.strip_prefix("gemini-") else { return Age::Counting };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match (rest[..digits].parse::<u32>(), &rest.as_bytes()[digits..]) {
        (Ok(2), [b'.', b'5'..=b'9', ..]) => Age::Counting,
        (Ok(0..=2), _) => Age::Old,
        _ => Age::Signing,
    }
}

/// It cannot do without thoughts.
pub(super) fn always_thinks(model: &str) -> bool {
    model.contains("-pro")
}
