//! Chunk extensions, RFC 9112 section 7.1.1: read by their grammar so that nothing hides in them
//! ("TERM.EXT" and its kin, CVE-2025-22871), then dropped.

use crate::proto::http1::ParseError;
use crate::proto::http1::section::line_ends;
use crate::proto::scan;

/// Where the CR of the line is whose size ends at `from`; `None` when more bytes are needed.
///
/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) CRLF`
pub(super) fn end(bytes: &[u8], from: usize) -> Result<Option<usize>, ParseError> {
    let mut at = from;
    loop {
        let mark = blank_end(bytes, at);
        match bytes.get(mark) {
            None => return Ok(None),
            Some(b';') => {}
            // White space may only lead to a semicolon: a padded size is refused.
            Some(_) if mark == at => {
                let ends = line_ends(bytes, at, ParseError::BadChunkExtension)?;
                return Ok(ends.then_some(at));
            }
            Some(_) => return Err(ParseError::BadChunkExtension),
        }
        let Some(behind) = extension(bytes, blank_end(bytes, mark + 1))? else { return Ok(None) };
        at = behind;
    }
}

/// Where the extension ends whose name starts at `from`.
fn extension(bytes: &[u8], from: usize) -> Result<Option<usize>, ParseError> {
    let name_end = scan::token_end(bytes, from);
    if name_end == bytes.len() {
        return Ok(None);
    }
    if name_end == from {
        return Err(ParseError::BadChunkExtension);
    }
    let equals = blank_end(bytes, name_end);
    match bytes.get(equals) {
        None => return Ok(None),
        Some(b'=') => {}
        Some(_) => return Ok(Some(name_end)),
    }
    let value = blank_end(bytes, equals + 1);
    if bytes.get(value) == Some(&b'"') {
        return quoted_end(bytes, value + 1);
    }
    let end = scan::token_end(bytes, value);
    match bytes.get(end) {
        None => Ok(None),
        Some(_) if end == value => Err(ParseError::BadChunkExtension),
        Some(_) => Ok(Some(end)),
    }
}

/// Behind the closing quote of the string whose content starts at `from`, RFC 9110 section 5.6.4.
fn quoted_end(bytes: &[u8], from: usize) -> Result<Option<usize>, ParseError> {
    let end = scan::value_end(bytes, from);
    let mut at = from;
    while at < end {
        match bytes[at] {
            b'"' => return Ok(Some(at + 1)),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    if end == bytes.len() { Ok(None) } else { Err(ParseError::BadChunkExtension) }
}

fn blank_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|&&byte| scan::is_blank(byte)).count()
}
