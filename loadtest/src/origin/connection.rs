//! One HTTP/1.1 connection: request after request, each read whole, answered by the kind of the
//! origin, and played step by step.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::answer::{Answer, Step, block};
use super::faults::Fault;
use super::request::{self, Chunks, Head, Length, Request};
use super::running::Local;
use super::socket::{READ_BYTES, Socket, add};
use super::{Kind, websocket};

/// A whole request: its head in `input`, its body beside it.
struct Arrival {
    input: Vec<u8>,
    head: Head,
    body: Vec<u8>,
    /// Of the body as it came, kept or not.
    body_bytes: u64,
    /// What came behind the request.
    rest: Vec<u8>,
}

enum Next {
    Keep,
    Close,
    Reset,
}

pub(super) async fn serve(mut socket: Socket, local: &Local) {
    let mut pending = Vec::new();
    loop {
        let arrival = match read(&mut socket, std::mem::take(&mut pending), local).await {
            Ok(Some(arrival)) => arrival,
            Ok(None) => return,
            Err(status) => {
                add(&local.counters.malformed, 1);
                let answer = Answer::full(status, &[("connection", "close")], b"");
                let _ = play(&mut socket, answer, Vec::new()).await;
                return socket.finish().await;
            }
        };
        let (answer, delay) = decide(&arrival, local);
        if !delay.is_zero() {
            monoio::time::sleep(delay).await;
        }
        // Boxed: most connections of a big crowd are idle most of the time.
        match Box::pin(play(&mut socket, answer, arrival.rest)).await {
            Ok((Next::Keep, rest)) if arrival.head.keep => pending = rest,
            Ok((Next::Reset, _)) => return socket.reset(),
            Ok(_) => return socket.finish().await,
            Err(_) => return,
        }
    }
}

/// What to answer, and how long to think about it.
fn decide(arrival: &Arrival, local: &Local) -> (Answer, Duration) {
    let request = Request::new(&arrival.input, &arrival.head);
    let (setup, mut random) = (&*local.setup, local.random.borrow_mut());
    let number = local.counters.requests.load(std::sync::atomic::Ordering::Relaxed);
    add(&local.counters.requests, 1);
    let asked = request.field("x-fault").and_then(|text| text.parse::<Fault>().ok());
    let fault = asked.or_else(|| setup.faults.pick(number, &mut random));
    let body = Body { kept: &arrival.body, bytes: arrival.body_bytes };
    let retry_after = setup.faults.retry_after_seconds;
    let (answer, spoiled) = match &setup.kind {
        Kind::Http(http) => (http.answer(request, &body, fault, retry_after), fault),
        Kind::Sse(sse) => (sse.answer(request, fault, retry_after), fault),
        Kind::Llm(llm) => llm.answer(request, &body, fault, retry_after),
        Kind::Tcp(_) => unreachable!("TCP has no requests"),
    };
    let answer = spoiled.map_or_else(|| answer.clone(), |fault| fault.spoil(answer.clone()));
    if spoiled.is_some() {
        add(&local.counters.faults, 1);
    }
    let answer = if request.method() == "HEAD" { answer.without_body() } else { answer };
    let work = setup.pace.delay.pick(&mut random);
    let delay = local.slots.as_ref().map_or(work, |slots| {
        let now = Instant::now();
        slots.borrow_mut().done_at(now, work).duration_since(now)
    });
    (answer, delay)
}

/// What of a request's body its answer may depend on.
pub(super) struct Body<'a> {
    pub(super) kept: &'a [u8],
    pub(super) bytes: u64,
}

/// `None`: the peer is gone. An error is the status that says what is wrong.
async fn read(
    socket: &mut Socket,
    mut input: Vec<u8>,
    local: &Local,
) -> Result<Option<Arrival>, u16> {
    let head = loop {
        match request::parse(&input) {
            Ok(Some(head)) => break head,
            Ok(None) if input.len() > HEAD_BYTES_MAX => return Err(431),
            Ok(None) => (),
            Err(request::Malformed) => return Err(400),
        }
        let (result, back) = socket.read(input, HEAD_READ_BYTES).await;
        input = back;
        if !result.is_ok_and(|count| count > 0) {
            return Ok(None);
        }
    };
    let rest = input.split_off(head.bytes);
    let mut arrival = Arrival { input, head, body: Vec::new(), body_bytes: 0, rest };
    let whole = match arrival.head.body {
        Length::Known(0) => true,
        _ => Box::pin(read_body(socket, &mut arrival, local)).await?,
    };
    Ok(whole.then_some(arrival))
}

/// Whether the body came whole. Keeps no more of it than the kind of the origin looks at.
async fn read_body(socket: &mut Socket, arrival: &mut Arrival, local: &Local) -> Result<bool, u16> {
    let request = Request::new(&arrival.input, &arrival.head);
    if request.field("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        let sent = socket.write_all(Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n")).await;
        if sent.is_err() {
            return Ok(false);
        }
    }
    let keeps = match &local.setup.kind {
        Kind::Http(http) => http.looks_at_body(request),
        Kind::Llm(_) => true,
        Kind::Sse(_) | Kind::Tcp(_) => false,
    };
    let (mut chunks, mut buffer) = (Chunks::default(), std::mem::take(&mut arrival.rest));
    loop {
        let came = arrival.body_bytes;
        let (body, bytes) = (&mut arrival.body, &mut arrival.body_bytes);
        let mut content = |part: &[u8]| {
            *bytes += part.len() as u64;
            if keeps {
                body.extend_from_slice(part);
            }
        };
        let (taken, over) = match arrival.head.body {
            Length::Chunked => chunks.push(&buffer, &mut content).map_err(|_| 400u16)?,
            Length::Known(length) => {
                let wanted = length - came;
                let taken = buffer.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
                content(&buffer[..taken]);
                (taken, wanted == taken as u64)
            }
        };
        buffer.drain(..taken);
        if over {
            arrival.rest = buffer;
            return Ok(true);
        }
        if arrival.body.len() > BODY_BYTES_MAX {
            return Err(413);
        }
        let (result, back) = socket.read(buffer, READ_BYTES).await;
        buffer = back;
        if !result.is_ok_and(|count| count > 0) {
            return Ok(false);
        }
    }
}

/// Sends an answer. What came behind the request is given on to whatever follows it.
async fn play(socket: &mut Socket, answer: Answer, rest: Vec<u8>) -> io::Result<(Next, Vec<u8>)> {
    let (began, keep) = (Instant::now(), answer.keep);
    for step in answer.steps {
        match step {
            Step::At(at) => {
                let wait = at.saturating_sub(began.elapsed());
                if wait >= TIMER_GRAIN {
                    monoio::time::sleep(wait).await;
                }
            }
            Step::Send(bytes) => socket.write_all(bytes).await?,
            Step::Fill(bytes) => fill(socket, bytes).await?,
            Step::Reset => return Ok((Next::Reset, rest)),
            Step::Hang => {
                hang(socket).await;
                return Ok((Next::Close, rest));
            }
            Step::WebSocket => {
                Box::pin(websocket::echo(socket, rest)).await?;
                return Ok((Next::Close, Vec::new()));
            }
        }
    }
    Ok((if keep { Next::Keep } else { Next::Close }, rest))
}

async fn fill(socket: &mut Socket, mut left: u64) -> io::Result<()> {
    let block = block();
    while left > 0 {
        let piece = block.slice(..block.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        left -= piece.len() as u64;
        socket.write_all(piece).await?;
    }
    Ok(())
}

async fn hang(socket: &mut Socket) {
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let (result, back) = socket.read(buffer, HEAD_READ_BYTES).await;
        buffer = back;
        if !result.is_ok_and(|count| count > 0) {
            return;
        }
    }
}

const HEAD_BYTES_MAX: usize = 256 * 1024;
const HEAD_READ_BYTES: usize = 4096;
/// Of what is kept: the biggest prompt.
const BODY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The timer of the runtime counts milliseconds: to wait for less would be to wait for more.
const TIMER_GRAIN: Duration = Duration::from_micros(500);
