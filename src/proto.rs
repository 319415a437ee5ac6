//! Wire formats as pure functions and state machines: bytes in, bytes out.
