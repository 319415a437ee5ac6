//! A pinned thread that carries traffic.
