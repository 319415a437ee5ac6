//! Plain data and arithmetic that every band above may use: no I/O, no words of the domain.

pub mod account;
pub mod buffer;
pub mod cidr;
pub mod clock;
pub mod ewma;
pub mod gcra;
pub mod hash;
pub mod id;
pub mod keyed;
pub mod mapping;
pub mod pattern;
pub mod period;
pub mod prefix;
pub mod random;
pub mod ring;
pub mod seats;
