//! HTTP/1.1 through the proxy, as honest clients and origins speak it: RFC 9110, RFC 9112.

mod body;
mod connection;
mod expect;
mod field;
mod interim;
mod real_client;
mod retry;
mod reuse;
mod upload;
