//! One turn of rustls' state machine: the only code that meets its states. What a turn says is put
//! into the caller's buffers at once, so that nothing rustls has made can be lost.

use rustls::Error;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, ReadTraffic, UnbufferedStatus,
    WriteTraffic,
};

use super::super::failure::{RecordFailure, TlsError};
use super::{Connection, Session, reserve};
use crate::base::buffer::Buffer;

/// What one turn came to.
pub(super) enum Turn {
    /// So many bytes of plaintext.
    Opened(usize),
    PeerClosed,
    /// Something was put in `out`, or noted: there is more to do.
    Again,
    /// All that was shown is used.
    Waiting,
}

/// A close_notify, and a key update that may have to go before it.
const CLOSE_BYTES: usize = 128;

/// What both sides' connections have in common, and rustls writes twice.
trait Side {
    type Data;
    fn without_input(&mut self) -> UnbufferedStatus<'_, 'static, Self::Data>;
}

impl Session {
    pub(super) fn turn(
        &mut self,
        input: &mut Buffer,
        out: &mut Buffer,
        plain: Option<&mut Buffer>,
    ) -> Result<Turn, TlsError> {
        let shown = &mut input.filled_mut()[..self.shown];
        let (discard, turn) = match &mut self.connection {
            Connection::Server(server) => take(server.process_tls_records(shown), out, plain),
            Connection::Client(client) => take(client.process_tls_records(shown), out, plain),
        };
        debug_assert!(discard <= self.shown, "rustls discards what it was shown");
        self.shown -= discard;
        input.consume(discard);
        turn.map_err(|error| TlsError::of(&error, self.established))
    }

    /// Lets rustls say why it gave up. Messages are given out before any input is looked at, so it
    /// is asked only while it has one: it would meet its own error again.
    pub(super) fn put_alert(&mut self, out: &mut Buffer) {
        while self.common().wants_write() {
            let turn = match &mut self.connection {
                Connection::Server(server) => take(server.without_input(), out, None),
                Connection::Client(client) => take(client.without_input(), out, None),
            };
            if !matches!(turn, (_, Ok(Turn::Again))) {
                return;
            }
        }
    }

    /// Seals one record; 0 when it does not fit behind what rustls has to send before it.
    pub(super) fn seal_record(
        &mut self,
        plain: &[u8],
        out: &mut Buffer,
    ) -> Result<usize, TlsError> {
        debug_assert_eq!(self.shown, 0, "an established session has used all it was shown");
        let sealed = match &mut self.connection {
            Connection::Server(server) => seal(&mut **server, plain, out),
            Connection::Client(client) => seal(&mut **client, plain, out),
        };
        sealed.map_err(TlsError::Record)
    }

    pub(super) fn put_close(&mut self, out: &mut Buffer) {
        debug_assert_eq!(self.shown, 0, "an established session has used all it was shown");
        match &mut self.connection {
            Connection::Server(server) => close(&mut **server, out),
            Connection::Client(client) => close(&mut **client, out),
        }
    }
}

impl Side for UnbufferedServerConnection {
    type Data = rustls::server::ServerConnectionData;

    fn without_input(&mut self) -> UnbufferedStatus<'_, 'static, Self::Data> {
        self.process_tls_records(&mut [])
    }
}

impl Side for UnbufferedClientConnection {
    type Data = rustls::client::ClientConnectionData;

    fn without_input(&mut self) -> UnbufferedStatus<'_, 'static, Self::Data> {
        self.process_tls_records(&mut [])
    }
}

/// Carries out what rustls asks for; the first number is what it is done with at the front of the
/// input.
fn take<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    out: &mut Buffer,
    plain: Option<&mut Buffer>,
) -> (usize, Result<Turn, Error>) {
    let UnbufferedStatus { discard, state } = status;
    match state {
        Err(error) => (discard, Err(error)),
        Ok(ConnectionState::ReadTraffic(traffic)) => match plain {
            Some(plain) => open(traffic, plain, discard),
            None => (discard, Err(Error::General("data without room for it".into()))),
        },
        Ok(ConnectionState::PeerClosed) => (discard, Ok(Turn::PeerClosed)),
        Ok(
            ConnectionState::WriteTraffic(_)
            | ConnectionState::BlockedHandshake
            | ConnectionState::Closed,
        ) => (discard, Ok(Turn::Waiting)),
        Ok(state) => (discard, put_aside(state, out).map(|()| Turn::Again)),
    }
}

fn open<Data>(
    mut traffic: ReadTraffic<'_, '_, Data>,
    plain: &mut Buffer,
    mut discard: usize,
) -> (usize, Result<Turn, Error>) {
    let mut opened = 0;
    while let Some(record) = traffic.next_record() {
        match record {
            Ok(record) => {
                discard += record.discard;
                opened += record.payload.len();
                plain.put(record.payload);
            }
            Err(error) => return (discard, Err(error)),
        }
    }
    (discard, Ok(Turn::Opened(opened)))
}

/// The states that only want to send something.
fn put_aside<Data>(state: ConnectionState<'_, '_, Data>, out: &mut Buffer) -> Result<(), Error> {
    match state {
        ConnectionState::EncodeTlsData(message) => encode(message, out),
        ConnectionState::TransmitTlsData(sent) => {
            // It is in `out`, and `out` is always sent.
            sent.done();
            Ok(())
        }
        // Edge-triggered, and noted by whoever reads.
        ConnectionState::PeerClosed => Ok(()),
        _ => Err(Error::General("a state that the settings exclude".into())),
    }
}

/// A message that does not fit would be lost with the borrow of it, so `out` grows.
fn encode<Data>(mut message: EncodeTlsData<'_, Data>, out: &mut Buffer) -> Result<(), Error> {
    loop {
        let short = fill(out, |spare| match message.encode(spare) {
            Ok(count) => (count, Ok(0)),
            Err(EncodeError::InsufficientSize(size)) => (0, Ok(size.required_size)),
            Err(EncodeError::AlreadyEncoded) => (0, Err(Error::EncryptError)),
        });
        match short? {
            0 => return Ok(()),
            bytes => reserve(out, bytes),
        }
    }
}

fn seal<S: Side>(side: &mut S, plain: &[u8], out: &mut Buffer) -> Result<usize, RecordFailure> {
    let sealed = writing(side, out, |traffic, spare| match traffic.encrypt(plain, spare) {
        Ok(count) => (count, Ok(plain.len())),
        Err(EncryptError::InsufficientSize(_)) => (0, Ok(0)),
        Err(EncryptError::EncryptExhausted) => (0, Err(RecordFailure::Exhausted)),
    });
    sealed.unwrap_or(Err(RecordFailure::Unexpected))
}

fn close<S: Side>(side: &mut S, out: &mut Buffer) {
    reserve(out, CLOSE_BYTES);
    // A session that broke has said so with an alert; it has no close_notify to send.
    let _ =
        writing(side, out, |traffic, spare| (traffic.queue_close_notify(spare).unwrap_or(0), ()));
}

/// Turns until rustls is ready to encrypt. It is shown no input and needs none: `advance` leaves no
/// handshake message half done. Nothing if the session is over.
fn writing<S: Side, R>(
    side: &mut S,
    out: &mut Buffer,
    write: impl FnOnce(&mut WriteTraffic<'_, S::Data>, &mut [u8]) -> (usize, R),
) -> Option<R> {
    loop {
        match side.without_input().state.ok()? {
            ConnectionState::WriteTraffic(mut traffic) => {
                return Some(fill(out, |spare| write(&mut traffic, spare)));
            }
            ConnectionState::Closed => return None,
            state => put_aside(state, out).ok()?,
        }
    }
}

/// Lets `write` fill some of the spare room; it says how much.
fn fill<R>(out: &mut Buffer, write: impl FnOnce(&mut [u8]) -> (usize, R)) -> R {
    let filled = out.len();
    // Every byte of a block is initialised, so the window may be opened before it is written.
    out.wrote(out.spare());
    let (count, result) = write(&mut out.filled_mut()[filled..]);
    out.truncate(filled + count);
    result
}
