//! All a worker needs, compiled, immutable, shared.
