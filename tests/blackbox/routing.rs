//! Where a request goes, and what a route does to it on the way.

mod find;
mod policy;
