//! HTTP connections: proto and net joined. Knows no route and no policy.
