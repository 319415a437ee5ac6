//! Readers and writers by their dialects: a `match` for each, and no code for a pair.

use super::{
    Broken, Caller, Dialect, Event, Fault, Generation, Line, Prompt, Provider, Refused,
    completions, converse, gemini, messages, responses,
};

/// Runs the same of the module of a dialect.
macro_rules! by_dialect {
    ($dialect:expr, $($call:tt)+) => {
        match $dialect {
            Dialect::Completions => completions::$($call)+,
            Dialect::Messages => messages::$($call)+,
            Dialect::Responses => responses::$($call)+,
            Dialect::Gemini => gemini::$($call)+,
            Dialect::Converse => converse::$($call)+,
        }
    };
}

impl Dialect {
    /// Whom a caller's requests are told to: its own dialect first, then those that have the most
    /// words for what it may say.
    pub const fn preferred(self) -> [Self; 5] {
        use Dialect::{Completions, Converse, Gemini, Messages, Responses};
        match self {
            Completions => [Completions, Messages, Gemini, Converse, Responses],
            Messages => [Messages, Completions, Responses, Converse, Gemini],
            Responses => [Responses, Completions, Messages, Converse, Gemini],
            Gemini => [Gemini, Messages, Completions, Responses, Converse],
            Converse => [Converse, Messages, Completions, Responses, Gemini],
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// It is none, or says what no other dialect can.
    pub fn read_prompt(self, body: &[u8], line: Line<'_>) -> Result<Prompt, Refused> {
        by_dialect!(self, prompt::read(body, line))
    }

    /// Appends the body of a request.
    ///
    /// # Errors
    /// The dialect cannot say it.
    pub fn write_prompt(
        self,
        prompt: &Prompt,
        provider: &Provider<'_>,
        caller: &mut Caller,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        by_dialect!(self, prompt::write(prompt, provider, caller, out))
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// It is none.
    pub fn read_generation(self, body: &[u8]) -> Result<Generation, Broken> {
        by_dialect!(self, generation::read(body))
    }

    /// Appends an answer.
    pub fn write_generation(self, generation: &Generation, caller: &Caller, out: &mut Vec<u8>) {
        by_dialect!(self, generation::write(generation, caller, out));
    }

    /// Reads the body of an answer that is an error, whatever it is.
    pub fn read_fault(self, status: u16, kind: Option<&str>, body: &[u8]) -> Fault {
        let mut fault: Fault = by_dialect!(self, fault::read(status, kind, body));
        fault.heed(status);
        fault
    }

    /// Appends the body of an answer that is an error.
    pub fn write_fault(self, fault: &Fault, out: &mut Vec<u8>) {
        by_dialect!(self, fault::write(fault, out));
    }
}

/// Reads a stream of any dialect.
#[derive(Debug)]
pub enum Reader {
    Completions(completions::stream::Reader),
    Messages(messages::stream::Reader),
    Responses(responses::stream::Reader),
    Gemini(gemini::stream::Reader),
    Converse(converse::stream::Reader),
}

/// Writes a stream of any dialect.
#[derive(Debug)]
pub enum Writer {
    Completions(completions::stream::Writer),
    Messages(messages::stream::Writer),
    Responses(responses::stream::Writer),
    Gemini(gemini::stream::Writer),
    Converse(converse::stream::Writer),
}

/// Runs the same of whatever there is.
macro_rules! of_each {
    ($this:expr, $one:ident => $call:expr) => {
        match $this {
            Self::Completions($one) => $call,
            Self::Messages($one) => $call,
            Self::Responses($one) => $call,
            Self::Gemini($one) => $call,
            Self::Converse($one) => $call,
        }
    };
}

impl Reader {
    pub fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Completions => Self::Completions(Default::default()),
            Dialect::Messages => Self::Messages(Default::default()),
            Dialect::Responses => Self::Responses(Default::default()),
            Dialect::Gemini => Self::Gemini(Default::default()),
            Dialect::Converse => Self::Converse(Default::default()),
        }
    }

    /// Takes one event.
    ///
    /// # Errors
    /// It is nothing that the dialect has.
    pub fn read(
        &mut self,
        name: &[u8],
        data: &[u8],
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        of_each!(self, reader => reader.read(name, data, sink))
    }

    /// The body came to its end.
    pub fn end(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        of_each!(self, reader => reader.end(sink));
    }
}

impl Writer {
    pub fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Completions => Self::Completions(Default::default()),
            Dialect::Messages => Self::Messages(Default::default()),
            Dialect::Responses => Self::Responses(Default::default()),
            Dialect::Gemini => Self::Gemini(Default::default()),
            Dialect::Converse => Self::Converse(Default::default()),
        }
    }

    /// Appends what the event is on the wire.
    pub fn write(&mut self, event: &Event<'_>, caller: &Caller, out: &mut Vec<u8>) {
        of_each!(self, writer => writer.write(event, caller, out));
    }
}
