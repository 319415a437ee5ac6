//! The line of one record: agentgateway's text (`key=value`) or its JSON. Made on the log writer's
//! thread; what a client sent is escaped, so that it cannot forge a field or a line.

use std::io::Write;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;

use crate::telemetry::access_log::{GenAiPart, Record, fields, wire};
use crate::telemetry::escape;
use crate::telemetry::labels::Names;
use crate::telemetry::value::Reason;
use crate::telemetry::wall_clock::WallClock;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    #[default]
    Text,
    Json,
}

/// Makes lines of records.
pub struct Formatter {
    format: LineFormat,
    names: Arc<Names>,
    clock: WallClock,
}

impl Formatter {
    pub fn new(format: LineFormat, names: Arc<Names>) -> Self {
        Self { format, names, clock: WallClock::default() }
    }

    /// Appends the line of a record as it came out of the ring. False, and nothing is appended,
    /// when that is not a record.
    pub fn append(&mut self, out: &mut Vec<u8>, record: &[u8]) -> bool {
        let Some(entry) = wire::decode(record) else {
            return false;
        };
        self.start(out, entry.record.unix_micros);
        let mut line = Line { out, format: self.format };
        line.fields(&entry, &self.names);
        line.out.extend_from_slice(match self.format {
            LineFormat::Text => b"\n",
            LineFormat::Json => b"}\n",
        });
        true
    }

    fn start(&mut self, out: &mut Vec<u8>, unix_micros: u64) {
        match self.format {
            LineFormat::Text => {
                self.clock.append(out, unix_micros);
                out.extend_from_slice(b"\tinfo\trequest");
            }
            LineFormat::Json => {
                out.extend_from_slice(b"{\"level\":\"info\",\"time\":\"");
                self.clock.append(out, unix_micros);
                out.extend_from_slice(b"\",\"scope\":\"request\"");
            }
        }
    }
}

/// A key with all that stands around it: one copy a field.
#[derive(Clone, Copy)]
struct Key {
    text: &'static str,
    json: &'static str,
}

macro_rules! key {
    ($name:literal) => {
        Key { text: concat!(" ", $name, "="), json: concat!(",\"", $name, "\":") }
    };
}

struct Line<'a> {
    out: &'a mut Vec<u8>,
    format: LineFormat,
}

impl Line<'_> {
    /// In agentgateway's order; ours stand before the duration, which ends the line.
    fn fields(&mut self, entry: &wire::Entry<'_>, names: &Names) {
        let record = &entry.record;
        let names = names.exchange(record.labels);
        let by_format = |text, json| if self.format == LineFormat::Text { text } else { json };
        let (front, protocol) = names.map_or((&[][..], &[][..]), |names| {
            let front = by_format(&*names.log_text, &*names.log_json);
            (front, by_format(&*names.log_protocol_text, &*names.log_protocol_json))
        });
        self.out.extend_from_slice(front);
        let cut = entry.cut_bytes;
        self.long_text(key!("endpoint"), record.endpoint, cut[wire::ENDPOINT]);
        if let Some(source) = record.source {
            self.address(key!("src.addr"), source);
        }
        self.long_text(key!("src.identity"), record.identity, cut[wire::IDENTITY]);
        self.long_text(key!("http.method"), record.method, cut[wire::METHOD]);
        self.long_text(key!("http.host"), record.host, cut[wire::HOST]);
        self.long_text(key!("http.path"), record.path, cut[wire::PATH]);
        self.text(key!("http.version"), record.version.text().as_bytes());
        self.number_unless_zero(key!("http.status"), u64::from(record.status));
        self.long_text(key!("trace.id"), record.trace_id, cut[wire::TRACE_ID]);
        self.out.extend_from_slice(protocol);
        if let Some(part) = &record.gen_ai {
            self.gen_ai(part);
        }
        self.number_unless_zero(key!("retry.attempt"), u64::from(record.retries));
        self.long_text(key!("error"), record.error, cut[wire::ERROR]);
        if record.reason != Reason::Upstream {
            self.text(key!("reason"), record.reason.text().as_bytes());
        }
        self.long_text(key!("request.id"), record.request_id, cut[wire::REQUEST_ID]);
        self.long_text(key!("src.subject"), record.subject, cut[wire::SUBJECT]);
        for (name, json) in fields::of(record.fields) {
            self.field(name, json);
        }
        self.measures(record);
    }

    /// By the names of OpenTelemetry's conventions.
    fn gen_ai(&mut self, part: &GenAiPart<'_>) {
        self.text(key!("gen_ai.operation.name"), part.operation);
        self.text(key!("gen_ai.provider.name"), part.provider);
        self.text(key!("gen_ai.request.model"), part.request_model);
        self.text(key!("gen_ai.response.model"), part.response_model);
        for (key, count) in [
            (key!("gen_ai.usage.input_tokens"), part.input),
            (key!("gen_ai.usage.cache_creation.input_tokens"), part.cache_written),
            (key!("gen_ai.usage.cache_read.input_tokens"), part.cache_read),
            (key!("gen_ai.usage.output_tokens"), part.output),
            (key!("gen_ai.usage.reasoning_tokens"), part.reasoning),
        ] {
            if let Some(count) = count {
                self.number(key, count);
            }
        }
        for (key, nanos) in [
            (key!("agw.ai.time_to_first_token"), part.first_token_nanos),
            (key!("agw.ai.time_per_output_token"), part.each_token_nanos),
        ] {
            if let Some(nanos) = nanos {
                self.key(key);
                billionths(self.out, nanos);
            }
        }
        if let Some(nanos) = part.cost_nanos {
            self.key(key!("agw.ai.usage.cost.total"));
            billionths(self.out, nanos);
        }
        self.messages(key!("gen_ai.input.messages"), part.prompt);
        self.messages(key!("gen_ai.output.messages"), part.completion);
    }

    /// One that the configuration asks for: a value of JSON, whose texts stand as all others do.
    fn field(&mut self, name: &[u8], json: &[u8]) {
        match self.format {
            LineFormat::Json => {
                self.out.extend_from_slice(b",\"");
                self.out.extend_from_slice(name);
                self.out.extend_from_slice(b"\":");
                self.out.extend_from_slice(json);
            }
            LineFormat::Text => {
                self.out.push(b' ');
                self.out.extend_from_slice(name);
                self.out.push(b'=');
                match serde_json::from_slice::<String>(json) {
                    Ok(text) => escape::text(self.out, text.as_bytes()),
                    Err(_) => escape::text(self.out, json),
                }
            }
        }
    }

    /// What was said, which is UTF-8 but for where it was cut; only that keeps its letters.
    fn messages(&mut self, key: Key, value: &[u8]) {
        let (text, is_cut) = match str::from_utf8(value) {
            Ok(text) => (text, false),
            Err(error) => {
                let whole = &value[..error.valid_up_to()];
                (str::from_utf8(whole).unwrap_or_default(), error.error_len().is_none())
            }
        };
        if self.format == LineFormat::Text
            || text.is_empty()
            || !(is_cut || text.len() == value.len())
        {
            return self.text(key, value);
        }
        self.key(key);
        serde_json::to_writer(&mut *self.out, text).expect("a vector takes all that is written");
    }

    fn measures(&mut self, record: &Record<'_>) {
        self.number_unless_zero(key!("bytes.received"), record.received_bytes);
        self.number_unless_zero(key!("bytes.sent"), record.sent_bytes);
        self.number_unless_zero(key!("upstream.status"), u64::from(record.upstream_status));
        self.number_unless_zero(key!("upstream.duration_us"), record.upstream_nanos / 1000);
        self.number(key!("duration_us"), record.duration_nanos / 1000);
        self.duration(key!("duration"), record.duration_nanos);
    }

    fn text(&mut self, key: Key, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        self.key(key);
        match self.format {
            LineFormat::Text => escape::text(self.out, value),
            LineFormat::Json => escape::json(self.out, value),
        }
    }

    /// A text of which `cut` bytes are missing: `/long/pa...+4711`.
    fn long_text(&mut self, key: Key, value: &[u8], cut: u16) {
        if cut == 0 {
            return self.text(key, value);
        }
        let mut marked = value.to_vec();
        marked.extend_from_slice(b"...+");
        decimal(&mut marked, u64::from(cut));
        self.text(key, &marked);
    }

    fn number_unless_zero(&mut self, key: Key, value: u64) {
        if value > 0 {
            self.number(key, value);
        }
    }

    fn number(&mut self, key: Key, value: u64) {
        self.key(key);
        decimal(self.out, value);
    }

    /// Whole milliseconds, as agentgateway has them.
    fn duration(&mut self, key: Key, nanos: u64) {
        self.key(key);
        self.quote();
        decimal(self.out, nanos / 1_000_000);
        self.out.extend_from_slice(b"ms");
        self.quote();
    }

    fn address(&mut self, key: Key, address: SocketAddr) {
        self.key(key);
        self.quote();
        match address {
            SocketAddr::V4(address) => ipv4_address(self.out, address),
            SocketAddr::V6(address) => {
                write!(self.out, "{address}").expect("a vector takes all that is written");
            }
        }
        self.quote();
    }

    fn key(&mut self, key: Key) {
        self.out.extend_from_slice(match self.format {
            LineFormat::Text => key.text.as_bytes(),
            LineFormat::Json => key.json.as_bytes(),
        });
    }

    fn quote(&mut self) {
        if self.format == LineFormat::Json {
            self.out.push(b'"');
        }
    }
}

/// By hand: the library's formatting would be a third of the whole line's cost.
fn ipv4_address(out: &mut Vec<u8>, address: SocketAddrV4) {
    for (octet, end) in address.ip().octets().into_iter().zip(b"...:") {
        decimal(out, u64::from(octet));
        out.push(*end);
    }
    decimal(out, u64::from(address.port()));
}

/// A number of them as one with a point, without zeros at its end.
fn billionths(out: &mut Vec<u8>, value: u64) {
    decimal(out, value / 1_000_000_000);
    let mut rest = value % 1_000_000_000;
    if rest > 0 {
        out.push(b'.');
    }
    let mut unit = 100_000_000;
    while rest > 0 {
        out.push(b'0' + (rest / unit) as u8);
        rest %= unit;
        unit /= 10;
    }
}

fn decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests;
