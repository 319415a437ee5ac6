//! Images, documents, audio and video: a format, which is the end of the name of a file, and bytes
//! in base64.

use super::super::Refused;
use super::super::fields::Fields;
use super::super::object::Object;
use super::super::prompt::{Media, MediaKind, Source};
use super::blob;

/// Reads what stands below `image`, `document`, `audio` or `video`.
pub(super) fn read(kind: MediaKind, mut fields: Fields<'_>) -> Result<Media, Refused> {
    let format = fields.text("format")?;
    let name = fields.text("name")?;
    let source = fields.needs_object("source", |mut source| {
        if source.has("s3Location") {
            let why = "is read by Bedrock alone, and the model is of another provider; send bytes";
            return Err(source.refuse("s3Location", why));
        }
        if let Some(bytes) = source.text("bytes")? {
            return Ok(Source::Data(bytes));
        }
        if let Some(text) = source.text("text")? {
            return Ok(Source::Text(text));
        }
        let mut texts = Vec::new();
        source.objects("content", |mut part| {
            texts.push(part.needs_text("text")?);
            Ok(())
        })?;
        match texts.is_empty() {
            true => Err(source.refuse("bytes", "is missing")),
            false => Ok(Source::Text(texts.join("\n"))),
        }
    })?;
    let source = match source {
        Source::Data(data) if format.as_deref() == Some("txt") => {
            let text = blob::decode(&data).and_then(|bytes| String::from_utf8(bytes).ok());
            text.map_or(Source::Data(data), Source::Text)
        }
        source => source,
    };
    let mime = match (format, &source) {
        (_, Source::Text(_)) => "text/plain".to_owned(),
        (None, _) => return Err(fields.refuse("format", "is missing")),
        (Some(format), _) => match mime(kind, &format) {
            Some(mime) => mime.to_owned(),
            None => return Err(fields.refuse("format", "is none that is known")),
        },
    };
    Ok(Media { kind, mime, source, name, detail: None })
}

/// Appends a block of media: its name and what is below it.
pub(super) fn write(media: &Media, block: &mut Object<'_>) -> Result<(), Refused> {
    let (name, field) = match media.kind {
        MediaKind::Image => ("image", "images"),
        MediaKind::Document => ("document", "documents"),
        MediaKind::Audio => ("audio", "audio"),
        MediaKind::Video => ("video", "videos"),
    };
    let refuse = |why: &str| Refused(format!("messages: {field} {why}").into());
    let (format, bytes) = match &media.source {
        Source::Url(_) => return Err(refuse("must be sent as base64: Bedrock fetches no address")),
        Source::File(_) => return Err(refuse("must be sent as base64: Bedrock keeps no files")),
        Source::Text(text) => ("txt", blob::encode(text.as_bytes())),
        Source::Data(data) => match format(media.kind, &media.mime) {
            Some(format) => (format, data.clone()),
            None => {
                let mime = if media.mime.is_empty() { "no type" } else { media.mime.as_str() };
                return Err(refuse(&format!("of type {mime} cannot be told to Bedrock")));
            }
        },
    };
    block.object(name, |object| {
        object.text("format", format);
        if media.kind == MediaKind::Document {
            object.text("name", &document_name(media.name.as_deref()));
        }
        object.object("source", |source| source.text("bytes", &bytes));
    });
    Ok(())
}

/// Bedrock takes letters, digits, single spaces, hyphens and brackets.
fn document_name(name: Option<&str>) -> String {
    let mut told = String::new();
    for symbol in name.unwrap_or_default().chars().take(DOCUMENT_NAME_CHARS_MAX) {
        let fits = symbol.is_ascii_alphanumeric() || "-()[]".contains(symbol);
        match symbol {
            _ if fits => told.push(symbol),
            ' ' if !told.ends_with(' ') => told.push(' '),
            ' ' => (),
            _ => told.push('-'),
        }
    }
    if told.is_empty() { "document".to_owned() } else { told }
}

fn mime(kind: MediaKind, format: &str) -> Option<&'static str> {
    let mut known = FORMATS.iter().filter(|(of, ..)| *of == kind);
    known.find(|(_, known, _)| *known == format).map(|(.., mime)| *mime)
}

fn format(kind: MediaKind, mime: &str) -> Option<&'static str> {
    let mut known = FORMATS.iter().filter(|(of, ..)| *of == kind);
    known.find(|(.., known)| known.eq_ignore_ascii_case(mime)).map(|(_, format, _)| *format)
}

const DOCUMENT_NAME_CHARS_MAX: usize = 200;

/// The first of a type is the one that is written.
const FORMATS: [(MediaKind, &str, &str); 36] = [
    (MediaKind::Image, "png", "image/png"),
    (MediaKind::Image, "jpeg", "image/jpeg"),
    (MediaKind::Image, "jpeg", "image/jpg"),
    (MediaKind::Image, "gif", "image/gif"),
    (MediaKind::Image, "webp", "image/webp"),
    (MediaKind::Document, "pdf", "application/pdf"),
    (MediaKind::Document, "csv", "text/csv"),
    (MediaKind::Document, "doc", "application/msword"),
    (
        MediaKind::Document,
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (MediaKind::Document, "xls", "application/vnd.ms-excel"),
    (
        MediaKind::Document,
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (MediaKind::Document, "html", "text/html"),
    (MediaKind::Document, "txt", "text/plain"),
    (MediaKind::Document, "md", "text/markdown"),
    (MediaKind::Audio, "mp3", "audio/mpeg"),
    (MediaKind::Audio, "mp3", "audio/mp3"),
    (MediaKind::Audio, "wav", "audio/wav"),
    (MediaKind::Audio, "wav", "audio/x-wav"),
    (MediaKind::Audio, "opus", "audio/opus"),
    (MediaKind::Audio, "aac", "audio/aac"),
    (MediaKind::Audio, "flac", "audio/flac"),
    (MediaKind::Audio, "ogg", "audio/ogg"),
    (MediaKind::Audio, "mp4", "audio/mp4"),
    (MediaKind::Audio, "m4a", "audio/x-m4a"),
    (MediaKind::Audio, "mka", "audio/x-matroska"),
    (MediaKind::Audio, "webm", "audio/webm"),
    (MediaKind::Audio, "pcm", "audio/pcm"),
    (MediaKind::Video, "mp4", "video/mp4"),
    (MediaKind::Video, "mov", "video/quicktime"),
    (MediaKind::Video, "mkv", "video/x-matroska"),
    (MediaKind::Video, "webm", "video/webm"),
    (MediaKind::Video, "flv", "video/x-flv"),
    (MediaKind::Video, "mpeg", "video/mpeg"),
    (MediaKind::Video, "mpg", "video/mpg"),
    (MediaKind::Video, "wmv", "video/x-ms-wmv"),
    (MediaKind::Video, "three_gp", "video/3gpp"),
];
