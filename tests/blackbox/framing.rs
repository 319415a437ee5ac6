//! Bad input, in both directions: what two parsers could read differently gets a clear answer and a
//! close, is counted, and never becomes a second request, a panic or a hang. RFC 9112 section 11.

mod chunk;
mod cut;
mod request;
mod response;
