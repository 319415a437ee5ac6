//! What a row asks of a proxy: the protocol that clients speak to it, and the one that it speaks to
//! the origin. Every subject's configuration follows from the two.

use super::Subject;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wiring {
    pub(crate) front: Front,
    pub(crate) back: Back,
}

/// The side of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Http1,
    /// HTTP/2 by prior knowledge, without TLS.
    H2c,
    /// TLS that ends here, HTTP/2 or HTTP/1.1 as the client asks (ALPN).
    Tls,
    /// Bytes.
    Tcp,
}

/// The side of the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    Http1,
    H2c,
    /// HTTP/2 with trailers, and nothing but.
    Grpc,
}

impl Wiring {
    pub(crate) const HTTP1: Self = Self { front: Front::Http1, back: Back::Http1 };
    pub(crate) const H2C: Self = Self { front: Front::H2c, back: Back::Http1 };
    pub(crate) const TO_H2C: Self = Self { front: Front::Http1, back: Back::H2c };
    pub(crate) const TLS: Self = Self { front: Front::Tls, back: Back::Http1 };
    pub(crate) const TCP: Self = Self { front: Front::Tcp, back: Back::Http1 };
    pub(crate) const GRPC: Self = Self { front: Front::H2c, back: Back::Grpc };

    /// Whether `subject` can be wired so. nginx and h2o of Debian 12 have no HTTP/2 upstream but
    /// nginx's for gRPC, and h2o relays no bytes.
    pub(crate) fn suits(self, subject: Subject) -> bool {
        match subject {
            Subject::Nginx => self.back != Back::H2c,
            Subject::NginxUnbuffered => self.back == Back::Http1 && self.front != Front::Tcp,
            Subject::H2o => self.back == Back::Http1 && self.front != Front::Tcp,
            Subject::HaproxySpliced => self.front == Front::Tcp,
            Subject::Relay => matches!(self, Self::HTTP1 | Self::TCP),
            Subject::MonoioHttp => self == Self::HTTP1,
            Subject::RingwayToH1 | Subject::RingwayLogged => self.front == Front::Http1,
            // Those of one row, or of the overload.
            Subject::RingwayManaged
            | Subject::RingwayModels
            | Subject::NginxCapped
            | Subject::HaproxyCapped
            | Subject::EnvoyAdaptive
            | Subject::RingwayAdaptive => self == Self::HTTP1,
            Subject::Haproxy | Subject::Envoy | Subject::Ringway => true,
        }
    }
}
