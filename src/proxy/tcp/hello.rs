//! Reads what a client asks for in TLS, without answering it.

use std::time::Duration;

use crate::base::buffer::Buffer;
use crate::http::server::h1::Connection;
use crate::limits::{CLIENT_HELLO_BYTES_MAX, READ_BUFFER_BYTES};
use crate::net::deadline::Action;
use crate::proto::Parsed;
use crate::proto::client_hello::{self, ClientHello, ClientHelloError};
use crate::telemetry::value::Refusal;

const _: () = assert!(CLIENT_HELLO_BYTES_MAX <= READ_BUFFER_BYTES);

/// Why there is no hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHello {
    Refused(Refusal),
    /// Not one byte came.
    Gone,
}

/// Reads until the hello is whole; it begins in `input`, which comes back with all that was read.
pub async fn read(
    connection: &Connection,
    mut input: Buffer,
    limit: Duration,
) -> (Buffer, Result<ClientHello, NoHello>) {
    let deadline = connection.stream.deadline();
    deadline.set(connection.now(), limit, Action::EndRead);
    let result = loop {
        match client_hello::parse(input.filled()) {
            Ok(Parsed::Complete(hello)) => break Ok(hello),
            Ok(Parsed::Partial) => {}
            Err(error) => break Err(NoHello::Refused(refusal(error))),
        }
        if input.spare() == 0 {
            // A hello that still lacks bytes is smaller than a buffer.
            input.compact();
        }
        let (read, back) = connection.stream.recv(input).await;
        input = back;
        match read {
            Ok(count @ 1..) => {
                let received = connection.received_bytes.get() + count as u64;
                connection.received_bytes.set(received);
            }
            _ if deadline.fired() => break Err(NoHello::Refused(Refusal::HelloSlow)),
            _ if input.is_empty() => break Err(NoHello::Gone),
            _ => break Err(NoHello::Refused(Refusal::HelloCut)),
        }
    };
    deadline.clear();
    (input, result)
}

const fn refusal(error: ClientHelloError) -> Refusal {
    match error {
        ClientHelloError::NotTls | ClientHelloError::NotAClientHello => Refusal::HelloNotTls,
        ClientHelloError::Oversized => Refusal::HelloOversized,
        _ => Refusal::HelloMalformed,
    }
}
