//! Plain data and arithmetic that every band above may use: no I/O, no words of the domain.

pub mod buffer;
pub mod cidr;
pub mod clock;
pub mod ewma;
pub mod hash;
pub mod id;
pub mod mapping;
pub mod pattern;
pub mod random;
pub mod ring;
