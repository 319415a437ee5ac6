//! `loadtest origin KIND`: an origin until it is told to end. Its address is the only line on
//! stdout, and is there once it serves; what it counted is told on stderr at the end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use super::{Fault, Faults, Http, Kind, Llm, Pace, Setup, Spread, Sse, Talk, Tcp, faults};
use crate::args::scalar;
use crate::plan::Refusal;
use crate::run::Stop;

#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(subcommand)]
    kind: Box<KindArgs>,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum KindArgs {
    /// Answers requests; the path says with what: /bytes/N, /chunked/N, /status/S, /echo, /upload,
    /// /bearer, /ws, /sse/N.
    Http {
        #[command(flatten)]
        common: Common,
        /// Of a body where the path asks for nothing else.
        #[arg(long, value_parser = scalar::size, default_value = "1KiB")]
        size: u64,
        /// Bodies in chunks instead of with a length.
        #[arg(long)]
        chunked: bool,
        /// The token that /bearer wants; any will do without it.
        #[arg(long)]
        token: Option<String>,
    },
    /// Streams events.
    Sse {
        #[command(flatten)]
        common: Common,
        #[arg(long, default_value_t = 50)]
        events: u64,
        /// From event to event.
        #[arg(long, value_parser = scalar::duration, default_value = "10ms")]
        interval: Duration,
        /// Of the data of one event.
        #[arg(long, value_parser = scalar::size, default_value = "64")]
        size: u64,
    },
    /// Stands in for providers of models: OpenAI, Anthropic, Gemini, Bedrock.
    Llm {
        #[command(flatten)]
        common: Common,
        /// Of an answer, unless the request allows fewer.
        #[arg(long, default_value_t = 50)]
        tokens: u32,
        /// Tokens a second of each stream; 0 is all at once.
        #[arg(long, default_value_t = 0.0)]
        token_rate: f64,
        /// Of each prompt, read from a cache.
        #[arg(long, default_value_t = 0)]
        cached_tokens: u32,
        /// What a model with @think spends before it answers.
        #[arg(long, default_value_t = 8)]
        thinking_tokens: u32,
        /// What /v1/models lists; may be repeated.
        #[arg(long)]
        model: Vec<String>,
        /// Who does not show it gets 401.
        #[arg(long)]
        key: Option<String>,
    },
    /// Takes bytes.
    Tcp {
        #[command(flatten)]
        common: Common,
        #[arg(long, value_enum, default_value = "echo")]
        talk: Talk,
        /// What a source pours out.
        #[arg(long, value_parser = scalar::size, default_value = "1MiB")]
        size: u64,
    },
}

#[derive(clap::Args, Clone, Debug)]
struct Common {
    /// Port 0 is a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// From the request to its answer: 5ms, or 5ms..20ms for any between.
    #[arg(long, default_value = "0s")]
    delay: Spread,
    /// Requests that each thread works on at a time; the others wait in line.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    slots: Option<u32>,
    /// What happens by chance: 1%:503, 0.1%:reset, 2%:truncate=3. May be repeated.
    #[arg(long, value_parser = faults::chance, value_name = "PART:FAULT")]
    fault: Vec<(f64, Fault)>,
    /// What happens to the first requests: 429,ok,reset.
    #[arg(long, value_parser = listed, value_delimiter = ',', value_name = "FAULT,...")]
    first: Vec<Listed>,
    /// Seconds in Retry-After of 429 and 503.
    #[arg(long, default_value_t = 1)]
    retry_after: u32,
    /// Bytes of a request taken in a second.
    #[arg(long, value_parser = rate)]
    read_rate: Option<u64>,
    /// Bytes of an answer given in a second.
    #[arg(long, value_parser = rate)]
    write_rate: Option<u64>,
    /// The most that one write sends: 1 sends every byte by itself.
    #[arg(long)]
    write_size: Option<usize>,
    /// Of delays and chances.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long it serves, if nobody ends it.
    #[arg(long = "for", value_parser = scalar::duration, default_value = "1h")]
    lifetime: Duration,
}

/// So that clap takes it for one value, and no absent one.
#[derive(Clone, Copy, Debug)]
struct Listed(Option<Fault>);

/// # Errors
/// Why it cannot be started.
pub fn main(args: &Args) -> Result<ExitCode, Refusal> {
    let (setup, lifetime) = setup(args)?;
    let name = if matches!(setup.kind, Kind::Tcp(_)) { "tcp" } else { "http" };
    let listen = setup.listen;
    let stop = Stop::at_signals();
    let refuse = |error: io::Error| Refusal(format!("{listen}: {error}"));
    let origin = super::start(setup).map_err(refuse)?;
    let mut stdout = io::stdout();
    // Who does not listen for the address has other means.
    let _ = writeln!(stdout, "{name}://{}", origin.address()).and_then(|()| stdout.flush());
    let until = Instant::now() + lifetime;
    while !stop.raised() && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
    eprintln!("{}", origin.counts());
    Ok(ExitCode::SUCCESS)
}

/// What stands behind `loadtest origin`, in words.
///
/// # Errors
/// What is wrong with it.
pub fn parse(words: &[String]) -> Result<Setup, Refusal> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }
    let words = std::iter::once("origin").chain(words.iter().map(String::as_str));
    let line = Line::try_parse_from(words).map_err(|error| refusal(&error))?;
    setup(&line.args).map(|(setup, _)| setup)
}

/// The line of clap's message that says it.
pub(crate) fn refusal(error: &clap::Error) -> Refusal {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    Refusal(line.strip_prefix("error: ").unwrap_or(line).to_owned())
}

fn setup(args: &Args) -> Result<(Setup, Duration), Refusal> {
    let (common, kind) = match *args.kind.clone() {
        KindArgs::Http { common, size, chunked, token } => {
            (common, Kind::Http(Http { bytes: size, chunked, token }))
        }
        KindArgs::Sse { common, events, interval, size } => {
            let bytes = usize::try_from(size).ok().filter(|bytes| *bytes <= EVENT_BYTES_MAX);
            let bytes = bytes.ok_or_else(|| Refusal("an event has 1 MiB at most".to_owned()))?;
            if events > EVENTS_MAX {
                return Err(Refusal(format!("a stream has {EVENTS_MAX} events at most")));
            }
            (common, Kind::Sse(Sse { events, interval, bytes }))
        }
        KindArgs::Llm {
            common,
            tokens,
            token_rate,
            cached_tokens,
            thinking_tokens,
            model,
            key,
        } => {
            if !(0.0..=1e6).contains(&token_rate) {
                return Err(Refusal("--token-rate is 0 to 1000000".to_owned()));
            }
            let models = if model.is_empty() { Llm::default().models } else { model };
            let tokens_per_second = token_rate;
            let llm =
                Llm { tokens, tokens_per_second, cached_tokens, thinking_tokens, models, key };
            (common, Kind::Llm(llm))
        }
        KindArgs::Tcp { common, talk, size } => (common, Kind::Tcp(Tcp { talk, bytes: size })),
    };
    let chances: f64 = common.fault.iter().map(|(part, _)| part).sum();
    if chances > 1.0 {
        return Err(Refusal("the parts of --fault are more than all".to_owned()));
    }
    let setup = Setup {
        listen: common.listen,
        threads: usize::from(common.threads),
        seed: common.seed,
        pace: Pace {
            delay: common.delay,
            slots: common.slots.map(|slots| slots as usize),
            read_rate: common.read_rate,
            write_rate: common.write_rate,
            write_bytes: common.write_size,
        },
        faults: Faults {
            first: common.first.iter().map(|listed| listed.0).collect(),
            chances: common.fault,
            retry_after_seconds: common.retry_after,
        },
        kind,
    };
    Ok((setup, common.lifetime))
}

fn listed(text: &str) -> Result<Listed, Refusal> {
    faults::listed(text).map(Listed)
}

/// `10KiB/s`, or without the time.
fn rate(text: &str) -> Result<u64, Refusal> {
    match scalar::size(text.trim_end_matches("/s"))? {
        0 => Err(Refusal("a rate of 0 would never end".to_owned())),
        rate => Ok(rate),
    }
}

const LOOK: Duration = Duration::from_millis(50);
const EVENT_BYTES_MAX: usize = 1024 * 1024;
const EVENTS_MAX: u64 = 1_000_000;
