//! A whole body out of its coding, for a policy that reads bodies. Within a bound: a kilobyte can
//! hold a gigabyte of zeros.

use std::io::{ErrorKind, Read};

use super::Coding;
use crate::limits::CODINGS_UNDONE_MAX;
use crate::proto::header::elements;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It is more than was allowed.
    TooLarge,
    /// It ends before its end.
    Cut,
    Malformed,
}

/// What `bytes` hold, if that is no more than `bytes_max`.
///
/// # Errors
/// What is wrong with them.
pub fn decode(coding: Coding, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
    match coding {
        Coding::Brotli => read(brotli::Decompressor::new(bytes, READ_BYTES), bytes_max),
        Coding::Gzip => read(flate2::bufread::MultiGzDecoder::new(bytes), bytes_max),
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)
                .map_err(|_| DecodeError::Malformed)?;
            // RFC 9659: no window of a content coding is larger.
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| DecodeError::Malformed)?;
            read(decoder, bytes_max)
        }
    }
}

/// What `bytes` hold by the values of their `Content-Encoding`. None where one of the codings is not
/// known, or there are more than `CODINGS_UNDONE_MAX`.
///
/// # Errors
/// What is wrong with them.
pub fn undo<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, DecodeError> {
    let names = values.flat_map(elements).filter(|name| !name.eq_ignore_ascii_case(b"identity"));
    let Some(codings) = names.map(Coding::parse).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    if codings.len() > CODINGS_UNDONE_MAX {
        return Ok(None);
    }
    let mut plain: Option<Vec<u8>> = None;
    // RFC 9110 section 8.4: in the order in which they were applied.
    for coding in codings.into_iter().rev() {
        plain = Some(decode(coding, plain.as_deref().unwrap_or(bytes), bytes_max)?);
    }
    Ok(Some(plain.unwrap_or_else(|| bytes.to_vec())))
}

fn read(decoder: impl Read, bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
    let mut decoded = Vec::new();
    let most = (bytes_max as u64).saturating_add(1);
    match decoder.take(most).read_to_end(&mut decoded) {
        Ok(_) if decoded.len() > bytes_max => Err(DecodeError::TooLarge),
        Ok(_) => Ok(decoded),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(DecodeError::Cut),
        Err(_) => Err(DecodeError::Malformed),
    }
}

const READ_BYTES: usize = 4096;
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

#[cfg(test)]
mod tests;
