//! Why a session ended: closed sets with a label each for the counters. Owns no state.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// What ended a session, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsError {
    Handshake(HandshakeFailure),
    /// After the handshake.
    Record(RecordFailure),
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// The bytes are no TLS records: most often plain HTTP on a port for HTTPS.
    NotTls,
    /// Records they are, and what is in them breaks the protocol.
    Malformed,
    NoSharedVersion,
    /// No cipher suite, key exchange group or signature scheme in common.
    NoSharedCipher,
    NoSharedProtocol,
    BadCertificate(CertificateFault),
    /// There is no certificate for the name that the client asked for.
    UnknownName,
    /// The peer gave up; the number of its alert, RFC 8446 section 6.
    Alert(u8),
    /// More bytes than a handshake may have.
    Oversized,
    /// The connection ended within the handshake.
    Closed,
    /// It did not end in time.
    Slow,
    /// The fault is ours: no random bytes, a broken setting.
    Internal,
}

/// What is wrong with a certificate of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    Missing,
    Expired,
    NotYetValid,
    UnknownIssuer,
    WrongName,
    /// A server's certificate from a client, or the other way round.
    WrongPurpose,
    Revoked,
    BadSignature,
    Malformed,
}

/// Why an established session broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFailure {
    /// A record that does not decrypt, or is none.
    BadRecord,
    /// A message that has no place after the handshake.
    Unexpected,
    /// The connection ended, and the peer had not said that it is done.
    Truncated,
    Oversized,
    Alert(u8),
    /// So much was sent with one key that no more may be.
    Exhausted,
    Internal,
}

impl HandshakeFailure {
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotTls => "not_tls",
            Self::Malformed => "malformed",
            Self::NoSharedVersion => "no_shared_version",
            Self::NoSharedCipher => "no_shared_cipher",
            Self::NoSharedProtocol => "no_shared_protocol",
            Self::BadCertificate(fault) => fault.label(),
            Self::UnknownName => "unknown_name",
            Self::Alert(_) => "alert",
            Self::Oversized => "oversized",
            Self::Closed => "closed",
            Self::Slow => "slow",
            Self::Internal => "internal",
        }
    }
}

impl CertificateFault {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "certificate_missing",
            Self::Expired => "certificate_expired",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::UnknownIssuer => "certificate_unknown_issuer",
            Self::WrongName => "certificate_wrong_name",
            Self::WrongPurpose => "certificate_wrong_purpose",
            Self::Revoked => "certificate_revoked",
            Self::BadSignature => "certificate_bad_signature",
            Self::Malformed => "certificate_malformed",
        }
    }
}

impl RecordFailure {
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadRecord => "bad_record",
            Self::Unexpected => "unexpected_message",
            Self::Truncated => "truncated",
            Self::Oversized => "oversized",
            Self::Alert(_) => "alert",
            Self::Exhausted => "key_exhausted",
            Self::Internal => "internal",
        }
    }
}

impl TlsError {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Handshake(failure) => failure.label(),
            Self::Record(failure) => failure.label(),
        }
    }

    pub(super) fn of(error: &Error, established: bool) -> Self {
        if established {
            Self::Record(record_failure(error))
        } else {
            Self::Handshake(handshake_failure(error))
        }
    }
}

/// What rustls says when a resolver knows no certificate. It has no variant of its own; a test
/// holds the words to those of the version in use.
const NO_CERTIFICATE: &str = "no server certificate chain resolved";

fn handshake_failure(error: &Error) -> HandshakeFailure {
    use HandshakeFailure as Failure;
    match error {
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::InvalidEmptyPayload
            | InvalidMessage::MessageTooLarge,
        ) => Failure::NotTls,
        Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge)
        | Error::PeerSentOversizedRecord => Failure::Oversized,
        Error::PeerIncompatible(what) => incompatible(what),
        Error::NoApplicationProtocol => Failure::NoSharedProtocol,
        Error::NoCertificatesPresented => Failure::BadCertificate(CertificateFault::Missing),
        Error::InvalidCertificate(what) => Failure::BadCertificate(fault(what)),
        Error::AlertReceived(AlertDescription::CloseNotify) => Failure::Closed,
        Error::AlertReceived(alert) => Failure::Alert(u8::from(*alert)),
        Error::General(words) if words == NO_CERTIFICATE => Failure::UnknownName,
        Error::General(_)
        | Error::FailedToGetCurrentTime
        | Error::FailedToGetRandomBytes
        | Error::EncryptError => Failure::Internal,
        _ => Failure::Malformed,
    }
}

const fn incompatible(what: &PeerIncompatible) -> HandshakeFailure {
    match what {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        // Clients send it since TLS 1.2, and rustls asks for it before it looks at the version.
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => HandshakeFailure::NoSharedVersion,
        _ => HandshakeFailure::NoSharedCipher,
    }
}

const fn fault(error: &CertificateError) -> CertificateFault {
    use CertificateError as Error;
    match error {
        Error::Expired | Error::ExpiredContext { .. } => CertificateFault::Expired,
        Error::NotValidYet | Error::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        Error::UnknownIssuer => CertificateFault::UnknownIssuer,
        Error::NotValidForName | Error::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        Error::InvalidPurpose | Error::InvalidPurposeContext { .. } => {
            CertificateFault::WrongPurpose
        }
        Error::Revoked => CertificateFault::Revoked,
        Error::BadSignature
        | Error::UnsupportedSignatureAlgorithmContext { .. }
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            CertificateFault::BadSignature
        }
        _ => CertificateFault::Malformed,
    }
}

fn record_failure(error: &Error) -> RecordFailure {
    match error {
        Error::DecryptError | Error::InvalidMessage(_) => RecordFailure::BadRecord,
        Error::PeerSentOversizedRecord => RecordFailure::Oversized,
        Error::AlertReceived(alert) => RecordFailure::Alert(u8::from(*alert)),
        Error::EncryptError
        | Error::FailedToGetRandomBytes
        | Error::FailedToGetCurrentTime
        | Error::General(_) => RecordFailure::Internal,
        _ => RecordFailure::Unexpected,
    }
}
