//! The last thing that is done to a head: the credential of a cloud is put into it, and where AWS
//! wants that, the whole request is signed. What is signed is read out of the head as it goes out,
//! so that no edit can come behind it. A request that is sent again is signed again.
//!
//! Refuses to send a request without its credential: it waits a while for the first one to be
//! brought. Routes without one of these do not come here.

use std::time::{Duration, UNIX_EPOCH};

use super::failure::Failure;
use super::forward::Message;
use super::gather;
use super::place::Routed;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::limits::{CREDENTIAL_WAIT, SKEW_SECONDS_MIN};
use crate::net::deadline::TICK;
use crate::policy::gather::Gather;
use crate::proto::aws_sigv4::{self, Keys, Request, Scope, Stamp};
use crate::proto::http1::FieldName;
use crate::snapshot::bind::Backend;
use crate::upstream::credential::{Auth, AwsSecret, Shown, Signs};

/// Where among the backends of its route this one is.
pub fn place(routed: &Routed<'_>, backend: &Backend) -> Option<u32> {
    let place = routed.route.backends.iter().position(|one| std::ptr::eq(one, backend));
    place.and_then(|place| u32::try_from(place).ok())
}

/// What the backend that is asked is shown.
fn auth<'a>(routed: &Routed<'a>, exchange: &Exchange) -> Option<&'a Auth> {
    routed.route.backends.get(exchange.outcome.backend? as usize)?.auth.as_deref()
}

/// Before the head is written: waits for the credential, and for the body that is signed.
///
/// # Errors
/// There is no credential; or the body is not to be had.
pub async fn prepare(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    auth: &Auth,
) -> Result<(), Failure> {
    let resources = &routed.view.resources;
    let until = routed.connection.now().plus(CREDENTIAL_WAIT);
    let request = routed.edits.timeouts().request;
    let late = request.map(|limit| exchange.outcome.started.plus(limit));
    while auth.credential.shown(now(routed)).is_none() {
        if routed.connection.now() >= until {
            return Err(Failure::NoCredential);
        }
        if late.is_some_and(|late| routed.connection.now() >= late) {
            return Err(Failure::RequestSlow);
        }
        resources.wheel.sleep(TICK).await;
        if routed.connection.stream.is_dead() {
            return Err(Failure::ClientGone);
        }
    }
    if auth.signs.is_none() || exchange.asked_body.is_some() {
        return Ok(());
    }
    let wanted = Gather { bytes_max: auth.body_bytes_max, text: false, replaced: false };
    gather::request(routed, exchange, wanted, request).await
}

/// Puts the credential into a head, which is all that is in `message`; `body` follows it.
///
/// # Errors
/// The credential ended meanwhile.
pub fn put(
    routed: &Routed<'_>,
    auth: &Auth,
    message: &mut Buffer,
    body: &[u8],
) -> Result<(), Failure> {
    let body = auth.signs.is_some().then(|| aws_sigv4::sha256(body));
    let lines = lines(auth, now(routed), message.filled(), body)?;
    message.truncate(message.len() - END.len());
    message.put(&lines);
    message.put(END);
    Ok(())
}

/// Puts the credential of by now into a message that was sent before, if it has one.
///
/// # Errors
/// There is none any more.
pub fn again(
    routed: &Routed<'_>,
    exchange: &Exchange,
    mut message: Message,
) -> Result<Message, Failure> {
    if let Some(auth) = auth(routed, exchange)
        && let Err(failure) = renew(routed, auth, &mut message.buffer)
    {
        routed.view.resources.buffers.give(message.buffer);
        return Err(failure);
    }
    Ok(message)
}

fn renew(routed: &Routed<'_>, auth: &Auth, message: &mut Buffer) -> Result<(), Failure> {
    let text = message.filled();
    let Some(end) = memchr::memmem::find(text, b"\r\n\r\n") else { return Ok(()) };
    let (head, behind) = text.split_at(end + 2);
    let mut renewed = Vec::with_capacity(text.len() + 64);
    let ours = if auth.signs.is_some() { &OURS[..] } else { &OURS[..1] };
    let mut body = None;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        match name_of(line) {
            Some(name) if ours.iter().any(|ours| name.eq_ignore_ascii_case(ours)) => {
                if name.eq_ignore_ascii_case(HASH) {
                    body = value_of(line).try_into().ok();
                }
            }
            _ => renewed.extend_from_slice(line),
        }
    }
    renewed.extend_from_slice(END);
    let lines = lines(auth, now(routed), &renewed, body)?;
    renewed.truncate(renewed.len() - END.len());
    renewed.extend_from_slice(&lines);
    renewed.extend_from_slice(behind);
    message.clear();
    message.put(&renewed);
    Ok(())
}

/// An answer refuses: looks whether that is for a signature.
#[cold]
pub fn hear(routed: &Routed<'_>, exchange: &Exchange, bytes: &[u8]) {
    let date = exchange.response.value(bytes, FieldName::Date);
    if let (Some(auth), Some(theirs)) = (auth(routed, exchange), date.and_then(date_of)) {
        refused(routed, auth, theirs);
    }
}

/// A signature was refused: if the clocks are why, the difference is learnt from the answer, and
/// what is signed from now on has their time.
#[cold]
fn refused(routed: &Routed<'_>, auth: &Auth, theirs: u64) {
    let now = now(routed);
    if auth.signs.is_none() || auth.their_time(now).abs_diff(theirs) <= SKEW_SECONDS_MIN {
        return;
    }
    let ahead = auth.learn_time(theirs, now);
    tracing::warn!(
        "the clock of who checks the signatures of `{}` is {ahead} seconds ahead of ours: what is \
         signed from now on has its time. Is the clock of this machine right?",
        auth.credential.name
    );
}

/// In seconds since 1970.
fn date_of(value: &[u8]) -> Option<u64> {
    let date = httpdate::parse_http_date(str::from_utf8(value).ok()?).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// What is added to a head.
fn lines(auth: &Auth, now: u64, head: &[u8], body: Option<[u8; 64]>) -> Result<Vec<u8>, Failure> {
    // What held when the request was taken on is shown, even if it ends this moment.
    let held = auth.credential.shown(0).ok_or(Failure::NoCredential)?;
    match (held.get(), &auth.signs, body) {
        (Some(Shown::Bearer(line)), None, _) => Ok(line.to_vec()),
        (Some(Shown::Keys(secret)), Some(signs), Some(body)) => {
            let stamp = Stamp::of(auth.their_time(now));
            Ok(signed(head, &body, stamp, (secret, signs)))
        }
        _ => Err(Failure::NoCredential),
    }
}

fn signed(
    head: &[u8],
    body: &[u8; 64],
    stamp: Stamp,
    (secret, signs): (&AwsSecret, &Signs),
) -> Vec<u8> {
    let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    for line in lines {
        if let Some(name) = name_of(line)
            && is_signed(name)
        {
            fields.push((name, value_of(line)));
        }
    }
    fields.push((HASH, body));
    fields.push((DATE, stamp.text()));
    let token = secret.session_token.as_deref().map(str::as_bytes);
    fields.extend(token.map(|token| (TOKEN, token)));
    let request = Request { method, target, fields: &fields, body };
    let keys =
        Keys { access_key_id: &secret.access_key_id, secret_access_key: &secret.secret_access_key };
    let scope = Scope { region: &signs.region, service: &signs.service };
    let mut out = Vec::with_capacity(512);
    let mut put = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    };
    put(HASH, body);
    put(DATE, stamp.text());
    if let Some(token) = token {
        put(TOKEN, token);
    }
    out.extend_from_slice(b"authorization: ");
    aws_sigv4::put_authorization(&mut out, &request, stamp, keys, scope);
    out.extend_from_slice(b"\r\n");
    out
}

/// What nobody on the way changes and whoever checks it looks at.
fn is_signed(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"host")
        || name.eq_ignore_ascii_case(b"content-type")
        || name.get(..6).is_some_and(|front| front.eq_ignore_ascii_case(b"x-amz-"))
}

fn name_of(line: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b':', line).map(|end| &line[..end])
}

fn value_of(line: &[u8]) -> &[u8] {
    let start = memchr::memchr(b':', line).map_or(0, |end| end + 1);
    line[start..].trim_ascii()
}

fn now(routed: &Routed<'_>) -> u64 {
    let micros = routed.view.resources.unix_micros(routed.connection.now());
    Duration::from_micros(micros).as_secs()
}

const END: &[u8] = b"\r\n";
const HASH: &[u8] = b"x-amz-content-sha256";
const DATE: &[u8] = b"x-amz-date";
const TOKEN: &[u8] = b"x-amz-security-token";
/// What is put by us alone: a client's own are dropped before.
const OURS: [&[u8]; 4] = [b"authorization", HASH, DATE, TOKEN];
