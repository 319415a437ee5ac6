//! The process log: start, reload, drain, faults; never a request. It goes to standard error, so
//! that standard output is the access log's alone and either can be piped away by itself. What is
//! logged can be changed while the process runs. Owns the process's one tracing subscriber.

use std::fmt;
use std::io;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The right to change what is logged.
#[derive(Clone)]
pub struct ProcessLog {
    filter: reload::Handle<EnvFilter, Registry>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum LogError {
    /// Not a level, nor a list of `module=level`.
    BadFilter(String),
    /// The process has a log already.
    Started,
}

/// Starts the process log: once in a process. `filter` is a level or a list of `module=level`.
pub fn start(filter: &str, format: LogFormat) -> Result<ProcessLog, LogError> {
    let (layer, log) = layer(filter, format, io::stderr)?;
    tracing_subscriber::registry().with(layer).try_init().map_err(|_| LogError::Started)?;
    Ok(log)
}

impl ProcessLog {
    /// A level alone (`debug`) replaces the filter; directives (`ringway::net=trace,info`) are
    /// added to it, and replace what it said of the same modules.
    pub fn set(&self, directives: &str) -> Result<(), LogError> {
        let whole = if directives.parse::<LevelFilter>().is_ok() {
            directives.to_owned()
        } else {
            format!("{},{directives}", self.filter())
        };
        let filter = parse(&whole).map_err(|_| LogError::BadFilter(directives.to_owned()))?;
        self.filter.reload(filter).map_err(|_| LogError::BadFilter(directives.to_owned()))
    }

    /// What is logged now.
    pub fn filter(&self) -> String {
        self.filter.with_current(EnvFilter::to_string).unwrap_or_default()
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFilter(filter) => {
                write!(f, "`{filter}` is neither a level (error, warn, info, debug, trace, off) ")?;
                f.write_str("nor a list of module=level")
            }
            Self::Started => f.write_str("the process log is started already"),
        }
    }
}

impl std::error::Error for LogError {}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

fn layer<W>(filter: &str, format: LogFormat, writer: W) -> Result<(Boxed, ProcessLog), LogError>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines: Boxed = match format {
        LogFormat::Text => Box::new(lines.with_filter(filter)),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_filter(filter)),
    };
    Ok((lines, ProcessLog { filter: handle }))
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    let refused = || LogError::BadFilter(filter.to_owned());
    // The library takes any word for the name of a module, so that a misspelt level would silence
    // the log: a word alone has to be a level.
    let words = filter.split(',').map(str::trim);
    for word in words {
        let level = !word.is_empty() && word.parse::<LevelFilter>().is_ok();
        if !level && !word.contains('=') {
            return Err(refused());
        }
    }
    EnvFilter::builder().parse(filter).map_err(|_| refused())
}

#[cfg(test)]
mod tests;
