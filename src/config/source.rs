//! The text of a configuration with its `$VARIABLES` filled in, and the way back: where in the
//! written file a character of the filled text stands. It does not know YAML: a value may bring
//! several lines, as with agentgateway, which fills in the text before it is parsed.
//!
//! `$NAME` and `${NAME}` are the value, `${NAME:-other}` is `other` when NAME is not set, `$$` is
//! one dollar; a dollar before anything else stays. A variable that is not set and has no default
//! is left as written and remembered: the parser tells whether it stood in a comment.

use super::diagnostic::Place;

/// The environment, as a function, so that a test needs no `set_var`.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

pub struct Source {
    text: String,
    /// What differs from the written text, in order; counted in characters.
    edits: Vec<Edit>,
    /// Where each line of the written text begins, in characters.
    lines: Vec<usize>,
    missing: Vec<Missing>,
}

/// A variable that is not set, and where it stands in the filled text.
pub struct Missing {
    pub name: String,
    pub at: usize,
}

struct Edit {
    at: usize,
    filled: usize,
    written: usize,
}

/// What stands behind a dollar.
enum Reference<'a> {
    Variable { name: &'a str, default: Option<&'a str>, written: &'a str },
    Dollar { written: &'a str },
}

impl Source {
    pub fn new(written: &str, environment: Environment<'_>) -> Self {
        // A byte order mark is no character of the document.
        let written = written.strip_prefix('\u{feff}').unwrap_or(written);
        let mut source = Self {
            text: String::new(),
            edits: Vec::new(),
            lines: lines(written),
            missing: Vec::new(),
        };
        source.fill(written, environment);
        source
    }

    /// A text in which a dollar is a dollar.
    pub fn verbatim(written: &str) -> Self {
        let text = written.strip_prefix('\u{feff}').unwrap_or(written);
        let (edits, missing) = (Vec::new(), Vec::new());
        Self { text: text.to_owned(), edits, lines: lines(text), missing }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The place in the written file of a character of the filled text.
    pub fn place(&self, at: usize) -> Place {
        let mut moved: isize = 0;
        let mut written = None;
        for edit in self.edits.iter().take_while(|edit| edit.at <= at) {
            if at < edit.at + edit.filled {
                written = Some(edit.at.saturating_add_signed(moved));
                break;
            }
            moved += edit.written.cast_signed() - edit.filled.cast_signed();
        }
        let written = written.unwrap_or_else(|| at.saturating_add_signed(moved));
        let line = self.lines.partition_point(|start| *start <= written).max(1);
        let column = written - self.lines[line - 1] + 1;
        Place::File { line: counted(line), column: counted(column) }
    }

    fn fill(&mut self, written: &str, environment: Environment<'_>) {
        let mut rest = written;
        let mut at = 0;
        while let Some(dollar) = rest.find('$') {
            let (before, tail) = rest.split_at(dollar);
            at += self.keep(before);
            let reference = reference(tail);
            let taken = reference.written();
            at += match reference {
                Reference::Dollar { written } => self.replace(at, "$", written),
                Reference::Variable { name, default, written } => {
                    let value = environment(name).or_else(|| default.map(str::to_owned));
                    self.fill_variable(at, name, value.as_deref(), written)
                }
            };
            rest = &tail[taken.len()..];
        }
        self.keep(rest);
    }

    fn fill_variable(
        &mut self,
        at: usize,
        name: &str,
        value: Option<&str>,
        written: &str,
    ) -> usize {
        let Some(value) = value else {
            self.missing.push(Missing { name: name.to_owned(), at });
            return self.keep(written);
        };
        self.replace(at, value, written)
    }

    fn keep(&mut self, part: &str) -> usize {
        self.text.push_str(part);
        part.chars().count()
    }

    fn replace(&mut self, at: usize, value: &str, written: &str) -> usize {
        let filled = self.keep(value);
        if value != written {
            self.edits.push(Edit { at, filled, written: written.chars().count() });
        }
        filled
    }
}

impl<'a> Reference<'a> {
    const fn written(&self) -> &'a str {
        match self {
            Self::Variable { written, .. } | Self::Dollar { written } => written,
        }
    }
}

/// Reads what begins with the dollar that `tail` begins with.
fn reference(tail: &str) -> Reference<'_> {
    let dollar = Reference::Dollar { written: &tail[..1] };
    let behind = &tail[1..];
    if behind.starts_with('$') {
        return Reference::Dollar { written: &tail[..2] };
    }
    if let Some(braced) = behind.strip_prefix('{') {
        let Some(end) = braced.find('}') else { return dollar };
        let (name, default) = match braced[..end].split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (&braced[..end], None),
        };
        return match name.is_empty() {
            true => dollar,
            false => Reference::Variable { name, default, written: &tail[..end + 3] },
        };
    }
    let name = |c: char| c.is_alphanumeric() || c == '_';
    match behind.find(|c| !name(c)).unwrap_or(behind.len()) {
        0 => dollar,
        end => {
            Reference::Variable { name: &behind[..end], default: None, written: &tail[..end + 1] }
        }
    }
}

fn lines(written: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut previous = '\n';
    let mut end = 0;
    for (at, c) in written.chars().enumerate() {
        // YAML 1.2 section 5.4: a line ends with LF, CR LF or CR.
        if at > 0 && (previous == '\n' || (previous == '\r' && c != '\n')) {
            starts.push(at);
        }
        previous = c;
        end = at + 1;
    }
    if end > 0 && matches!(previous, '\n' | '\r') {
        starts.push(end);
    }
    starts
}

fn counted(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
