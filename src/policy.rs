//! The steps of one route, compiled.
