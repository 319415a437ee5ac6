//! What must hold of the readers of Gemini's dialect, whatever the bytes: they read them or refuse
//! them, and what they have read can be written.
//!
//! Included twice: by the fuzz target, and by the seeded test on stable. Whoever includes it has
//! `translate` in scope.

use super::translate::gemini::{count, fault, generation, prompt, stream};
use super::translate::{Caller, Event, Host, Line, Provider};

pub(super) fn gemini(bytes: &[u8]) {
    let (mut out, mut caller) = (Vec::new(), Caller::default());
    let line = Line { model: "gemini-3-pro", streams: true };
    for read in [prompt::read(bytes, line), count::read_request(bytes, line)] {
        let Ok(prompt) = read else { continue };
        let provider = Provider { model: line.model, host: Host::Own, output_tokens: 1 };
        let _ = prompt::write(&prompt, &provider, &mut caller, &mut out);
    }
    if let Ok(generation) = generation::read(bytes) {
        generation::write(&generation, &caller, &mut out);
    }
    let (mut reader, mut writer) = (stream::Reader::default(), stream::Writer::default());
    let mut sink = |event: &Event<'_>| writer.write(event, &caller, &mut out);
    let _ = reader.read(b"", bytes, &mut sink);
    let _ = reader.read(b"", bytes, &mut sink);
    reader.end(&mut sink);
    fault::write(&fault::read(500, None, bytes), &mut out);
    let _ = count::read(bytes);
}
