//! The rows: which work, whose figure is the base, and the bar that Ringway has to keep.

use super::{Row, Unit, Work};
use crate::load::Life;
use crate::load::h2load::Dialect;
use crate::rival::models::{COMPLETIONS_PATH, HELD_PATH, MESSAGES_PATH};
use crate::rival::origin::{FILES, MEMORY_BYTES, MEMORY_PATH};
use crate::rival::wiring::Wiring;
use crate::rival::{Subject, grpc};

/// Those of plain HTTP/1.1 first, then those of the other protocols, each in the order of its issue.
pub(crate) const ROWS: [Row; 24] = [
    Row {
        word: "small",
        title: "1 KiB in one segment, 64 kept-alive connections",
        bar: Some(0.82),
        floor_bar: Some(1.12),
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "static",
        title: "1 KiB static file (two segments), 64 kept-alive connections",
        bar: Some(0.90),
        ..closed(FILES[0].0, FILES[0].1, 64)
    },
    Row {
        word: "p99",
        title: "the same, latency at 60 % of nginx's capacity, from the intended time of sending",
        unit: Unit::MicrosLate,
        bar: Some(1.0),
        work: Work::Paced { path: FILES[0].0, body_bytes: FILES[0].1, connections: 64, load: 0.6 },
        ..closed(FILES[0].0, FILES[0].1, 64)
    },
    // Few connections, so that bodies stay in the cache: nginx is at its best so. With 16 and more
    // it pays a third more a MiB, and the ratios would flatter everybody else.
    Row {
        word: "1m",
        title: "1 MiB bodies, 4 kept-alive connections",
        unit: Unit::MicrosPerMebibyte,
        base: &[Subject::Nginx, Subject::NginxUnbuffered],
        bar: Some(0.60),
        ..closed(FILES[2].0, FILES[2].1, 4)
    },
    Row {
        word: "64k",
        title: "64 KiB bodies, 64 kept-alive connections",
        base: &[Subject::Nginx, Subject::NginxUnbuffered],
        bar: Some(0.80),
        ..closed(FILES[1].0, FILES[1].1, 64)
    },
    Row {
        word: "connect",
        title: "a new connection for each request, 1 KiB in one segment, 64 at a time",
        bar: Some(0.95),
        work: Work::Closed {
            path: MEMORY_PATH,
            request_bytes: 0,
            body_bytes: MEMORY_BYTES,
            connections: 64,
            life: Life::OneRequest,
        },
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "idle",
        title: "10,000 idle kept-alive connections: user memory",
        unit: Unit::KibibytesPerConnection,
        absolute_bar: Some(1.5),
        work: Work::Idle { connections: 10_000 },
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "log",
        title: "access log on, 1 KiB in one segment, 64 kept-alive connections",
        base: &[Subject::Ringway],
        candidate: Subject::RingwayLogged,
        bar: Some(1.05),
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "policies",
        title: "10,000 routes, 20 policies, 100 endpoints, 1 KiB, 64 kept-alive connections",
        base: &[Subject::Ringway],
        candidate: Subject::RingwayManaged,
        bar: Some(1.10),
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "h2c",
        title: "h2c in, HTTP/1.1 out, 1 KiB, 64 connections x 10 streams",
        wiring: Wiring::H2C,
        work: h2load(MEMORY_PATH, MEMORY_BYTES, 64, 10, Dialect::H2c),
        base: &[Subject::H2o],
        bar: Some(0.85),
        ..BLANK
    },
    Row {
        word: "h2tls",
        title: "HTTP/2 over TLS in, HTTP/1.1 out, 1 KiB, 64 connections x 10 streams",
        wiring: Wiring::TLS,
        work: h2load(MEMORY_PATH, MEMORY_BYTES, 64, 10, Dialect::H2Tls),
        base: &[Subject::H2o],
        bar: Some(0.85),
        ..BLANK
    },
    Row {
        word: "h1h2c",
        title: "HTTP/1.1 in, h2c out, 1 KiB, 64 kept-alive connections",
        wiring: Wiring::TO_H2C,
        base: &[Subject::RingwayToH1],
        bar: Some(0.75),
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "https",
        title: "HTTPS, HTTP/1.1, 1 KiB, 64 kept-alive connections",
        wiring: Wiring::TLS,
        work: h2load(MEMORY_PATH, MEMORY_BYTES, 64, 1, Dialect::Http1Tls),
        bar: Some(0.90),
        ..BLANK
    },
    Row {
        word: "handshake",
        title: "full handshakes (TLS 1.3, ECDSA P-256) with one request each, 8 at a time",
        wiring: Wiring::TLS,
        unit: Unit::MicrosPerHandshake,
        work: Work::Handshakes { connections: 8, resumed: false },
        bar: Some(1.0),
        ..BLANK
    },
    Row {
        word: "resume",
        title: "resumed handshakes (TLS 1.3, tickets) with one request each, 8 at a time",
        wiring: Wiring::TLS,
        unit: Unit::MicrosPerHandshake,
        work: Work::Handshakes { connections: 8, resumed: true },
        bar: Some(1.0),
        ..BLANK
    },
    Row {
        word: "tls1m",
        title: "1 MiB bodies over TLS, HTTP/1.1, 4 kept-alive connections",
        wiring: Wiring::TLS,
        unit: Unit::MicrosPerMebibyte,
        work: h2load(FILES[2].0, FILES[2].1, 4, 1, Dialect::Http1Tls),
        base: &[Subject::Nginx, Subject::NginxUnbuffered],
        bar: Some(1.0),
        ..BLANK
    },
    Row {
        word: "tcp",
        title: "TCP relay, ping-pong of 1 KiB, 64 connections",
        wiring: Wiring::TCP,
        work: Work::Closed {
            path: MEMORY_PATH,
            request_bytes: 1024,
            body_bytes: MEMORY_BYTES,
            connections: 64,
            life: Life::KeptAlive,
        },
        base: &[Subject::Haproxy],
        bar: Some(0.90),
        ..BLANK
    },
    Row {
        word: "tcp1m",
        title: "TCP relay, 1 MiB at a time, 4 connections",
        wiring: Wiring::TCP,
        unit: Unit::MicrosPerMebibyte,
        base: &[Subject::Haproxy, Subject::HaproxySpliced],
        bar: Some(0.90),
        ..closed(FILES[2].0, FILES[2].1, 4)
    },
    Row {
        word: "grpc",
        title: "gRPC unary, h2c in and out, 64 connections x 10 streams",
        wiring: Wiring::GRPC,
        work: h2load(grpc::PATH, grpc::MESSAGE.len(), 64, 10, Dialect::H2c),
        base: &[Subject::Envoy],
        bar: Some(0.40),
        ..BLANK
    },
    Row {
        word: "llm",
        title: "chat completion, native, 1 KiB prompt and answer, 64 kept-alive connections",
        bar: Some(1.35),
        ..asked(COMPLETIONS_PATH, false)
    },
    Row {
        word: "llm-stream",
        title: "50-chunk stream in one piece, native, usage asked for and hidden, 64 connections",
        bar: Some(1.5),
        ..asked(COMPLETIONS_PATH, true)
    },
    Row {
        word: "llm-translate",
        title: "Messages to Completions and back, 1 KiB prompt and answer, 64 connections",
        absolute_bar: Some(45.0),
        ..asked(MESSAGES_PATH, false)
    },
    Row {
        word: "llm-translate-stream",
        title: "Messages to Completions and back, 50-chunk stream in one piece, 64 connections",
        absolute_bar: Some(90.0),
        ..asked(MESSAGES_PATH, true)
    },
    Row {
        word: "llm-memory",
        title: "2,000 streams that wait for their second event: user memory",
        unit: Unit::KibibytesPerConnection,
        absolute_bar: Some(8.0),
        base: &[Subject::RingwayModels],
        work: Work::Held { path: HELD_PATH, connections: 2000 },
        ..asked(HELD_PATH, true)
    },
];

/// What most rows have in common.
const BLANK: Row = closed(MEMORY_PATH, MEMORY_BYTES, 64);

const fn closed(path: &'static str, body_bytes: usize, connections: usize) -> Row {
    Row {
        word: "",
        title: "",
        unit: Unit::MicrosPerRequest,
        wiring: Wiring::HTTP1,
        work: Work::Closed {
            path,
            request_bytes: 0,
            body_bytes,
            connections,
            life: Life::KeptAlive,
        },
        base: &[Subject::Nginx],
        candidate: Subject::Ringway,
        bar: None,
        floor_bar: None,
        absolute_bar: None,
    }
}

const fn asked(path: &'static str, streams: bool) -> Row {
    Row {
        work: Work::Asked { path, streams, connections: 64 },
        base: &[Subject::Ringway],
        candidate: Subject::RingwayModels,
        ..BLANK
    }
}

const fn h2load(
    path: &'static str,
    body_bytes: usize,
    connections: usize,
    streams: usize,
    dialect: Dialect,
) -> Work {
    Work::H2load { path, body_bytes, connections, streams, dialect }
}
