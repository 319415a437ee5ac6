//! What the tests speak with: a proxy that is the real executable, origins and clients that are
//! blocking sockets and threads, raw bytes, and waits with deadlines. Nothing here but the decoder
//! of `h2_client` uses a line of the product, so that it can contradict it.

pub mod both_origin;
pub mod client;
pub mod config;
pub mod dns;
pub mod h2_client;
pub mod h2_origin;
pub mod load;
pub mod message;
pub mod metrics;
pub mod origin;
pub mod prometheus;
pub mod proxy;
pub mod raw;
pub mod scratch;
pub mod socket;
pub mod tls;
pub mod tool;
pub mod upgrade;
pub mod wait;

pub use both_origin::BothOrigin;
pub use client::Client;
pub use config::config;
pub use h2_origin::H2Origin;
pub use message::Response;
pub use origin::Origin;
pub use proxy::{Cell, Proxy};

/// Each named function is four tests: with one worker and with four, on io_uring and on epoll.
macro_rules! matrix {
    ($($name:ident,)+) => {
        $crate::harness::cells! { ($($name)+) uring_1 uring_4 epoll_1 epoll_4 }
    };
}

/// The same where the number of workers cannot matter: one worker, on both drivers.
macro_rules! drivers {
    ($($name:ident,)+) => {
        $crate::harness::cells! { ($($name)+) uring_1 epoll_1 }
    };
}

macro_rules! cells {
    (($($name:ident)+) $($cell:ident)+) => {
        $crate::harness::cells! { @ ($($name)+) ($($cell)+) }
    };
    (@ ($($name:ident)+) $cells:tt) => { $($crate::harness::cells! { @ $name $cells })+ };
    (@ $name:ident ($($cell:ident)+)) => {
        mod $name {
            $(#[test]
            fn $cell() {
                super::$name($crate::harness::proxy::cell(stringify!($cell)));
            })+
        }
    };
}

pub(crate) use {cells, drivers, matrix};
