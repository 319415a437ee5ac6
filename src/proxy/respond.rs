//! The response of an endpoint on its way to the client: interim responses, the head rewritten, the
//! body as it arrives.

use std::cell::{Cell, RefCell};

use super::attempt::{Answered, Ended};
use super::coding::{self, Through};
use super::failure::Failure;
use super::gather;
use super::judge;
use super::llm::cost;
use super::place::Routed;
use super::replay;
use super::response_head::{self, Shape, Told};
use super::translated;
use super::tunnel;
use super::upload::{self, Upload};
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::http::client::h1::read_head;
use crate::http::coded::Coded;
use crate::http::transfer::Transfer;
use crate::http::watched::{Watch, Watched};
use crate::http::{Body, Broke, Exchange};
use crate::limits::INTERIM_RESPONSES_MAX;
use crate::llm::Answer;
use crate::net::deadline::Action;
use crate::net::stream::Stream;
use crate::proto::http1::{BodyLength, Output, ParseError};

/// Takes the response from its first bytes to its last. `heads` are a buffer that is free for the
/// head to be written, and what came first.
pub async fn respond(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    up: &Stream,
    heads: (Buffer, Buffer),
    upload: &mut Option<Upload<'_>>,
    slow: Failure,
) -> Ended {
    let buffers = &routed.view.resources.buffers;
    let (mut front, first) = heads;
    front.clear();
    let mut input = Some(first);
    let head = final_head(routed, exchange, up, (&mut front, &mut input), upload, slow).await;
    let (Ok(()), Some(mut input)) = (head, input) else {
        buffers.give(front);
        return Ended::Failed(head.err().unwrap_or(Failure::UpstreamClosed));
    };
    let is_turned = match routed.others {
        Some(others) => others.is_turned(routed, exchange, input.filled()),
        None => exchange.outcome.may_retry && replay::is_turned(routed, exchange),
    };
    if is_turned {
        buffers.give(front);
        return turned(routed, exchange, input);
    }
    if exchange.response.status == 101 {
        return tunnel::run(routed, exchange, up, front, input).await;
    }
    // Who looked at the bytes here would keep their buffer in every response's future.
    if translated::may_gather(routed, exchange) || cost::may_gather(routed) {
        let whole = gather::response(routed, exchange, up, input, upload);
        match Box::pin(whole).await {
            Ok(whole) => input = whole,
            Err(failure) => {
                buffers.give(front);
                return Ended::Failed(failure);
            }
        }
    }
    body(routed, exchange, up, (front, input), upload).await
}

/// Leaves a response unsent. Its connection can go on if all of it is there.
fn turned(routed: &Routed<'_>, exchange: &mut Exchange, mut input: Buffer) -> Ended {
    judge::note(routed, exchange, input.filled());
    let length = exchange.response.body_length(exchange.request.method);
    input.consume(exchange.response.len);
    let there = input.len() as u64;
    let whole = match length {
        BodyLength::None => there == 0,
        BodyLength::Fixed(bytes) => there == bytes,
        BodyLength::Chunked | BodyLength::UntilClose => false,
    };
    input.clear();
    Ended::Turned(Answered { buffer: input, clean: whole && exchange.response.keep_alive })
}

/// Reads heads, and passes interim ones on, until a final one is there.
async fn final_head(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    up: &Stream,
    (front, input): (&mut Buffer, &mut Option<Buffer>),
    upload: &mut Option<Upload<'_>>,
    slow: Failure,
) -> Result<(), Failure> {
    let limits = &routed.bind.settings.limits;
    for _ in 0..=INTERIM_RESPONSES_MAX {
        let read = read_head(up, &mut exchange.response, input, &limits.head);
        upload::beside(upload, read).await.map_err(|broke| {
            release(routed, input);
            if broke == Broke::ReadSlow { slow } else { Failure::of_download(broke) }
        })?;
        match exchange.response.status {
            101 if exchange.request.upgrade.is_none() => {
                release(routed, input);
                return Err(Failure::UpstreamSwitched);
            }
            100 | 102..=199 => interim(routed, exchange, front, input, upload).await?,
            _ => return Ok(()),
        }
    }
    release(routed, input);
    Err(Failure::UpstreamMalformed(ParseError::BadStatus))
}

/// RFC 9110 section 15.2: passed on, but to HTTP/1.0, which knows no such thing.
async fn interim(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    front: &mut Buffer,
    input: &mut Option<Buffer>,
    upload: &mut Option<Upload<'_>>,
) -> Result<(), Failure> {
    let bytes = input.as_mut().expect("a head was read from it");
    if exchange.request.version.is_1_1() {
        // What the client has heard cannot be taken back.
        exchange.outcome.may_retry = false;
        response_head::encode_interim(front, exchange, bytes.filled());
        let message = std::mem::replace(front, routed.view.resources.buffers.take());
        let send = routed.connection.send(message, &routed.bind.settings.limits);
        let (result, message) = upload::beside(upload, send).await;
        routed.view.resources.buffers.give(message);
        if let Err(broke) = result {
            release(routed, input);
            return Err(Failure::of_download(broke));
        }
        // A final answer can still be anything.
        routed.connection.head_sent.set(false);
    }
    let consumed = exchange.response.len;
    if let Some(bytes) = input {
        bytes.consume(consumed);
    }
    Ok(())
}

/// Sends the final head and the body behind it.
async fn body(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    up: &Stream,
    (mut front, mut input): (Buffer, Buffer),
    upload: &mut Option<Upload<'_>>,
) -> Ended {
    let connection = routed.connection;
    let buffers = &routed.view.resources.buffers;
    exchange.outcome.answered = Some(connection.now());
    judge::note(routed, exchange, input.filled());
    let (length, gathered) = length(exchange);
    let (mut treatment, through) = match coding::begin(routed, exchange, &mut input, length) {
        Ok(chosen) => chosen,
        Err(failure) => {
            buffers.give(front);
            buffers.give(input);
            return Ended::Failed(failure);
        }
    };
    treatment.weakened |= routed.edits.gathers_response().is_some_and(|wanted| wanted.replaced);
    let told = told(&through, length, exchange.request.version.is_1_1());
    let uploading = upload.as_ref().is_some_and(|upload| upload.outcome() != Some(Ok(())));
    if told == Told::ByClose || uploading || routed.is_closing() {
        connection.closing.set(true);
    }
    let shape = Shape { length, told, http2: up.is_lane(), treatment, gathered };
    response_head::encode(&mut front, routed, exchange, input.filled(), shape);
    input.consume(exchange.response.len);
    begun(exchange, connection.now());
    let is_small =
        |input: &Buffer| upload.is_none() && is_whole(routed, exchange, &front, input, length);
    match &through {
        Through::Nothing if is_small(&input) => return whole(routed, exchange, front, input),
        Through::Watch(watch) if told == Told::AsItCame && is_small(&input) => {
            watch.borrow_mut().see(input.filled_mut(), true, connection.now());
            return whole(routed, exchange, front, input);
        }
        _ => (),
    }
    let strips = told == Told::ByClose || !matches!(through, Through::Nothing);
    let output = if strips { Output::Strip } else { Output::Keep };
    let mut body = Body::new(length, output);
    let (moved, chunk) = (Cell::new(0), told == Told::Chunked);
    let transfer = Transfer { chunk, ..transfer(routed, exchange, up, &moved) };
    let (until, head_bytes) = (transfer.until, front.len() as u64);
    let result = match through {
        Through::Nothing => {
            upload::beside(upload, transfer.run(&mut front, &mut body, input)).await
        }
        Through::Watch(watch) => {
            let held_until = routed.others.and_then(|others| others.first_token_until(exchange));
            let waits = waits(exchange, buffers, watch);
            let watched = Watched { transfer: &transfer, watch, held_until, waits };
            upload::beside(upload, Box::pin(watched.run(&mut front, &mut body, input))).await
        }
        Through::Coder(coder) => {
            let coded = Coded { transfer: &transfer, coder, coded: 0 };
            let run = coded_body(routed, coded, &mut front, &mut body, input);
            upload::beside(upload, Box::pin(run)).await
        }
    };
    // The head leaves with the first of the body; while it is in `front` nothing was sent.
    let is_unsent = !front.is_empty();
    connection.head_sent.set(!is_unsent);
    buffers.give(front);
    exchange.outcome.response_bytes = moved.get();
    connection.sent_bytes.set(connection.sent_bytes.get() + head_bytes + moved.get());
    match result {
        Ok(buffer) => Ended::Answered(answered(exchange, length, buffer)),
        Err(broke) => {
            let is_late = until.is_some_and(|until| connection.now() >= until);
            Ended::Failed(broken(routed, exchange, (broke, is_late), (told, is_unsent)))
        }
    }
}

/// Whether what is to come of an answer is waited for piece by piece: with little memory then.
fn waits(exchange: &mut Exchange, buffers: &Buffers, watch: &RefCell<Answer>) -> bool {
    let waits = watch.borrow().is_stream();
    if waits {
        exchange.pack(buffers);
    }
    waits
}

/// What it is that a response broke off.
fn broken(
    routed: &Routed<'_>,
    exchange: &Exchange,
    (broke, is_late): (Broke, bool),
    (told, is_unsent): (Told, bool),
) -> Failure {
    let now = routed.connection.now();
    if is_unsent && routed.others.is_some_and(|others| others.is_late(exchange, now)) {
        return Failure::FirstTokenSlow;
    }
    if told == Told::ByClose && !is_unsent {
        // To end the connection cleanly would end the message cleanly.
        routed.connection.stream.reset_on_close();
    }
    cut(broke, is_late)
}

/// How the client is told where a body ends that goes through something. One that is looked at has
/// chunks of ours, where it may be any shorter or had some before.
fn told(through: &Through<'_>, length: BodyLength, is_1_1: bool) -> Told {
    match (through, length) {
        (Through::Nothing, _) => response_head::told(length, is_1_1),
        (Through::Coder(_), _) => Told::Chunked,
        (Through::Watch(_), BodyLength::None) => Told::AsItCame,
        (Through::Watch(watch), BodyLength::Fixed(_)) if !watch.borrow().has_other_length() => {
            Told::AsItCame
        }
        _ if is_1_1 => Told::Chunked,
        _ => Told::ByClose,
    }
}

/// From the endpoint to the client.
fn transfer<'a>(
    routed: &Routed<'a>,
    exchange: &Exchange,
    up: &'a Stream,
    moved: &'a Cell<u64>,
) -> Transfer<'a> {
    let place = routed.place;
    let limits = &place.bind.settings.limits;
    let whole = routed.edits.timeouts().request;
    Transfer {
        from: up,
        to: &place.connection.stream,
        read_deadline: up.deadline(),
        write_deadline: place.connection.stream.deadline(),
        read_limit: limits.read,
        read_ends: Action::EndRead,
        write_limit: limits.write,
        until: whole.map(|limit| exchange.outcome.started.plus(limit)),
        buffers: &place.view.resources.buffers,
        pipes: &place.view.resources.pipes,
        ends_with_receiver: true,
        chunk: false,
        moved,
        tee: None,
    }
}

/// The head is on its way.
fn begun(exchange: &mut Exchange, now: Instant) {
    exchange.outcome.responded = Some(now);
    exchange.outcome.status = exchange.response.status;
}

fn answered(exchange: &Exchange, length: BodyLength, buffer: Buffer) -> Answered {
    let keeps = exchange.response.keep_alive && length != BodyLength::UntilClose;
    Answered { clean: keeps && buffer.is_empty(), buffer }
}

/// How long the body is: as it came, or as it was gathered; and the latter.
fn length(exchange: &Exchange) -> (BodyLength, Option<u64>) {
    let gathered = exchange.told_body.as_ref().map(|gathered| gathered.length);
    let length = match gathered {
        Some(0) => BodyLength::None,
        Some(bytes) => BodyLength::Fixed(bytes),
        None => exchange.response.body_length(exchange.request.method),
    };
    (length, gathered)
}

/// Why a response broke off, where the request's time was over or not.
pub fn cut(broke: Broke, late: bool) -> Failure {
    match broke {
        Broke::ReadSlow | Broke::WriteSlow if late => Failure::RequestSlow,
        _ => Failure::of_download(broke),
    }
}

/// The body through an encoder, and into the books.
async fn coded_body(
    routed: &Routed<'_>,
    mut coded: Coded<'_>,
    front: &mut Buffer,
    body: &mut Body,
    input: Buffer,
) -> Result<Buffer, Broke> {
    let label = coding::label(coded.coder.encoder().coding());
    let moved = coded.transfer.moved;
    let (buffer, bytes) = coded.run(front, body, input).await?;
    routed.view.resources.shard.coded(label, bytes, moved.get());
    Ok(buffer)
}

/// The common case: all of a small response is there, and the connection goes on after it.
fn is_whole(
    routed: &Routed<'_>,
    exchange: &Exchange,
    front: &Buffer,
    body: &Buffer,
    length: BodyLength,
) -> bool {
    let body_bytes = match length {
        BodyLength::None => 0,
        BodyLength::Fixed(bytes) => bytes,
        BodyLength::Chunked | BodyLength::UntilClose => return false,
    };
    body.len() as u64 == body_bytes
        && front.len() <= body.headroom()
        && !exchange.has_more()
        && routed.connection.may_leave(front.len() + body.len())
}

/// Head and body leave in one write that nobody waits for.
fn whole(routed: &Routed<'_>, exchange: &mut Exchange, mut front: Buffer, body: Buffer) -> Ended {
    let mut message = body;
    exchange.outcome.response_bytes = message.len() as u64;
    let fits = message.put_front(front.filled());
    debug_assert!(fits, "there is room for the head in front of the body");
    routed.connection.send_last(message);
    front.clear();
    Ended::Answered(Answered { buffer: front, clean: exchange.response.keep_alive })
}

fn release(routed: &Routed<'_>, input: &mut Option<Buffer>) {
    if let Some(buffer) = input.take() {
        routed.view.resources.buffers.give(buffer);
    }
}
