//! `Session`: the TLS state of one connection, without a socket. Ciphertext comes in a buffer and
//! goes out in another; what was decrypted lands in a third. The caller owns all three, and may
//! give them back while the connection idles: a session keeps no bytes of its own.
//!
//! Records are shown to rustls one by one. So a record whose plaintext has no room stays as it
//! came, and the bytes that rustls has seen but not yet done with (a handshake message of several
//! records) are known: they stay at the front of the input until it has.
//!
//! Refuses a handshake message in pieces once the session stands: nobody sends that, and to write
//! while half of one waits would need the buffer that the reader has.

mod framing;
mod turn;

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::{
    ClientConfig, CommonState, HandshakeKind, ProtocolVersion, ServerConfig, SupportedCipherSuite,
};

use self::framing::Record;
use self::turn::Turn;
use super::failure::{HandshakeFailure, RecordFailure, TlsError};
use super::identity::Identity;
use super::parameters::{Alpn, Version};
use crate::base::buffer::Buffer;
use crate::limits::{
    TLS_HANDSHAKE_BYTES_MAX, TLS_OVERHEAD_BYTES_MAX, TLS_PLAIN_BYTES_MAX, TLS_SMALL_RECORD_BYTES,
    TLS_SMALL_RECORDS_BYTES,
};

/// What `advance` came to. Whatever it is: `out` is to be sent if it holds something, and nothing
/// is to be read before `NeedRead`, for the input may hold more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing more can be done with the input; it has room for the rest of a record. An end of
    /// the connection that comes now is a truncation, see `Session::ended`.
    NeedRead,
    /// The handshake is done. Said once.
    Established,
    /// So many bytes of plaintext were appended.
    Plain(usize),
    /// A record waits, and there is no room for its plaintext.
    NeedRoom,
    /// The peer sent all it had to send: nothing will be read any more, and said again each time.
    PeerClosed,
}

/// Boxed, so that a stream which is plain text does not carry the size of one that is not.
enum Connection {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

pub struct Session {
    connection: Connection,
    /// The name the peer asked for, or was asked for.
    name: Option<Box<str>>,
    /// Bytes at the front of the input that rustls has seen and still needs.
    shown: usize,
    /// Ciphertext of the handshake so far.
    handshake_bytes: usize,
    /// Plaintext sent since the last rest.
    burst_bytes: usize,
    established: bool,
    peer_closed: bool,
    close_sent: bool,
    /// What ended the session. rustls is not asked again: it would send a second alert.
    broken: Option<TlsError>,
}

impl Session {
    /// The server's side of a new connection. `name` is what the ClientHello asks for, if anybody
    /// has looked (`proto::client_hello`): rustls does not tell it through this interface, and who
    /// chooses among listeners has to look before there is a session.
    ///
    /// # Errors
    /// Broken settings: `Internal`.
    pub fn server(config: Arc<ServerConfig>, name: Option<&str>) -> Result<Self, TlsError> {
        let connection = UnbufferedServerConnection::new(config);
        let connection = connection.map_err(|error| TlsError::of(&error, false))?;
        Ok(Self::new(Connection::Server(Box::new(connection)), name))
    }

    /// The client's side. The first `advance` makes the ClientHello.
    ///
    /// # Errors
    /// Broken settings: `Internal`.
    pub fn client(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, TlsError> {
        let text = name.to_str().into_owned();
        let connection = UnbufferedClientConnection::new(config, name);
        let connection = connection.map_err(|error| TlsError::of(&error, false))?;
        Ok(Self::new(Connection::Client(Box::new(connection)), Some(&text)))
    }

    fn new(connection: Connection, name: Option<&str>) -> Self {
        Self {
            connection,
            name: name.map(Into::into),
            shown: 0,
            handshake_bytes: 0,
            burst_bytes: 0,
            established: false,
            peer_closed: false,
            close_sent: false,
            broken: None,
        }
    }

    /// Does what can be done with the ciphertext in `input`, which is consumed as far as it is
    /// used. What must be sent is appended to `out`, which grows if it has to: a handshake flight
    /// is as long as the certificates are. As many records are decrypted as fit in `plain`; none
    /// without it.
    ///
    /// # Errors
    /// The session is over. `out` may hold an alert that tells the peer why.
    pub fn advance(
        &mut self,
        input: &mut Buffer,
        out: &mut Buffer,
        plain: Option<&mut Buffer>,
    ) -> Result<Step, TlsError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let mut opened = 0;
        let step = self.step(input, out, plain, &mut opened);
        if let Err(error) = step {
            self.broken = Some(error);
            self.put_alert(out);
        }
        // What was good before something else came is delivered before that is told.
        if opened > 0 { Ok(Step::Plain(opened)) } else { step }
    }

    fn step(
        &mut self,
        input: &mut Buffer,
        out: &mut Buffer,
        mut plain: Option<&mut Buffer>,
        opened: &mut usize,
    ) -> Result<Step, TlsError> {
        loop {
            let turn = self.turn(input, out, plain.as_deref_mut())?;
            match turn {
                Turn::Opened(count) => *opened += count,
                Turn::PeerClosed => {
                    self.peer_closed = true;
                    self.shown = 0;
                }
                Turn::Again | Turn::Waiting => {}
            }
            if matches!(turn, Turn::Waiting)
                && let Some(step) = self.waiting(input, plain.as_deref())?
            {
                return Ok(step);
            }
        }
    }

    /// rustls has done what it can with what it was shown: what comes next?
    fn waiting(
        &mut self,
        input: &mut Buffer,
        plain: Option<&Buffer>,
    ) -> Result<Option<Step>, TlsError> {
        if !self.established && !self.common().is_handshaking() {
            self.established = true;
            return Ok(Some(Step::Established));
        }
        if self.peer_closed {
            // What follows a close_notify is ignored, RFC 8446 section 6.1.
            input.clear();
            return Ok(Some(Step::PeerClosed));
        }
        if self.established && self.shown > 0 {
            return Err(TlsError::Record(RecordFailure::Unexpected));
        }
        match framing::next(&input.filled()[self.shown..]) {
            Record::Whole(bytes) if !self.fits(bytes, plain) => Ok(Some(Step::NeedRoom)),
            Record::Whole(bytes) => self.show(bytes).map(|()| None),
            Record::Garbage if self.established => Err(TlsError::Record(RecordFailure::BadRecord)),
            Record::Garbage => Err(TlsError::Handshake(HandshakeFailure::NotTls)),
            Record::Partial(missing) => {
                reserve(input, missing);
                Ok(Some(Step::NeedRead))
            }
        }
    }

    fn show(&mut self, count: usize) -> Result<(), TlsError> {
        self.shown += count;
        if !self.established {
            self.handshake_bytes += count;
            if self.handshake_bytes > TLS_HANDSHAKE_BYTES_MAX {
                return Err(TlsError::Handshake(HandshakeFailure::Oversized));
            }
        }
        Ok(())
    }

    /// Any record may bring application data: in TLS 1.3 its head does not tell.
    fn fits(&self, wire_bytes: usize, plain: Option<&Buffer>) -> bool {
        let bytes_max = framing::plain_bytes_max(wire_bytes, self.version());
        !self.established || plain.is_some_and(|plain| plain.spare() >= bytes_max)
    }

    /// Encrypts the front of `plain` into as many records as `out` has room for, and says how many
    /// bytes that were. The first `TLS_SMALL_RECORDS_BYTES` of a burst go in small records, the
    /// rest in full ones. 0 bytes when there is no room, or no session yet.
    ///
    /// # Errors
    /// The session is over, or its key has encrypted all that it may.
    pub fn seal(&mut self, plain: &[u8], out: &mut Buffer) -> Result<usize, TlsError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if !self.established || self.close_sent {
            return Ok(0);
        }
        let mut sealed = 0;
        while sealed < plain.len() {
            let bytes = self.record_bytes(plain.len() - sealed, out.spare(), sealed);
            if bytes == 0 {
                break;
            }
            let taken = self.seal_record(&plain[sealed..sealed + bytes], out)?;
            if taken == 0 && self.common().wants_write() {
                // A change of keys has to go first, and takes room: once more without that.
                continue;
            }
            if taken == 0 {
                break;
            }
            sealed += taken;
            self.burst_bytes = self.burst_bytes.saturating_add(taken);
        }
        Ok(sealed)
    }

    /// A record is cut short to what `out` has room for only when it would be the first, and not
    /// to a crumb: the rest is better sent with the next buffer.
    fn record_bytes(&self, left: usize, spare: usize, sealed: usize) -> usize {
        let full = match self.burst_bytes {
            ..TLS_SMALL_RECORDS_BYTES => TLS_SMALL_RECORD_BYTES,
            _ => TLS_PLAIN_BYTES_MAX,
        };
        let wanted = left.min(full);
        let room = spare.saturating_sub(TLS_OVERHEAD_BYTES_MAX);
        let is_cut = room < wanted;
        if is_cut && (sealed > 0 || room < CUT_BYTES_MIN) { 0 } else { wanted.min(room) }
    }

    /// The caller has nothing to send for now: the next bytes start a burst.
    pub fn rest(&mut self) {
        self.burst_bytes = 0;
    }

    /// Appends a close_notify: nothing will be sent any more. Without a session there is nothing
    /// to close, and no key to say it with.
    pub fn close(&mut self, out: &mut Buffer) {
        if self.established && !self.close_sent && self.broken.is_none() {
            self.close_sent = true;
            self.put_close(out);
        }
    }

    /// What it means that the connection ends here: a clean end, or a truncation.
    ///
    /// # Errors
    /// What broke the session before; else `Closed` within a handshake, `Truncated` after it.
    pub fn ended(&self) -> Result<(), TlsError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        match (self.established, self.peer_closed) {
            (false, _) => Err(TlsError::Handshake(HandshakeFailure::Closed)),
            (true, false) => Err(TlsError::Record(RecordFailure::Truncated)),
            (true, true) => Ok(()),
        }
    }

    pub const fn is_established(&self) -> bool {
        self.established
    }

    pub const fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The protocol that both agreed upon. Nothing when the peer offered none.
    pub fn alpn(&self) -> Option<Alpn> {
        self.common().alpn_protocol().and_then(Alpn::parse)
    }

    /// The name that the client asked for.
    pub fn server_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The version in use; TLS 1.2 until it is known.
    pub fn version(&self) -> Version {
        match self.common().protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => Version::Tls13,
            _ => Version::Tls12,
        }
    }

    pub fn cipher(&self) -> Option<&'static str> {
        let suite = self.common().negotiated_cipher_suite();
        suite.and_then(|suite: SupportedCipherSuite| suite.suite().as_str())
    }

    /// Did the handshake go on from an earlier session, without certificates?
    pub fn resumed(&self) -> bool {
        self.common().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Who the peer is by its certificate. To be asked once, after the handshake: it is parsed
    /// anew each time.
    pub fn identity(&self) -> Option<Identity> {
        let chain = self.common().peer_certificates()?;
        Identity::parse(chain.first()?)
    }

    fn common(&self) -> &CommonState {
        match &self.connection {
            Connection::Server(server) => server,
            Connection::Client(client) => client,
        }
    }
}

/// No record is cut to less than this.
const CUT_BYTES_MIN: usize = 512;

/// Room for `bytes` more: by moving what is there to the front, or else by growing.
fn reserve(buffer: &mut Buffer, bytes: usize) {
    const BLANK: [u8; 512] = [0; 512];
    if buffer.spare() >= bytes {
        return;
    }
    buffer.compact();
    if buffer.spare() < bytes {
        let filled = buffer.len();
        for _ in 0..bytes.div_ceil(BLANK.len()) {
            buffer.put(&BLANK);
        }
        buffer.truncate(filled);
    }
}

#[cfg(test)]
mod tests;
