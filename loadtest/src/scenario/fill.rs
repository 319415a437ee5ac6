//! Holes in the texts of a scenario, and command lines in words.

use crate::plan::Refusal;

/// Puts a value in the place of each `{{name}}`.
///
/// # Errors
/// Which name nobody knows.
pub(super) fn fill(text: &str, values: &[(&str, String)]) -> Result<String, Refusal> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        let (before, behind) = rest.split_at(begin);
        let Some((name, after)) = behind[2..].split_once("}}") else {
            return Err(Refusal("a {{ has no }} behind it".to_owned()));
        };
        let name = name.trim();
        out.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            // Of a body's template, which is filled anew for each request.
            None if OF_TEMPLATES.iter().any(|own| name.starts_with(own)) => {
                out.push_str(&format!("{{{{{name}}}}}"));
            }
            None => return Err(Refusal(format!("{{{{{name}}}}}: nothing is named so"))),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// As a shell splits them, without its other arts: single and double quotes keep spaces.
///
/// # Errors
/// That a quote is not closed.
pub(super) fn words(line: &str) -> Result<Vec<String>, Refusal> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for symbol in line.chars() {
        match (quote, symbol) {
            (Some(open), _) if symbol == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(symbol);
                word.get_or_insert_default();
            }
            (None, _) if symbol.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(symbol),
        }
    }
    if quote.is_some() {
        return Err(Refusal(format!("{line:?}: a quote is not closed")));
    }
    words.extend(word);
    Ok(words)
}

const OF_TEMPLATES: [&str; 7] = ["seq", "random", "letters", "uuid", "time", "cycle", "env"];

#[cfg(test)]
mod tests;
