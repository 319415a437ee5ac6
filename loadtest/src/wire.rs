//! Wire formats from the client's side, as pure functions: bytes in, bytes out.

pub(crate) mod events;
pub(crate) mod frame;
pub(crate) mod response;
