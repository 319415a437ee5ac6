//! What a pipeline made of a request's first line: written by the steps, read by who encodes the
//! head for the upstream. A worker owns a few and reuses them, so that nothing is allocated once
//! its text has grown to the usual size. Who runs no step need not look into it.

use std::ops::Range;
use std::time::Duration;

use super::api_key::Place;
use super::rate_limit::Decision;
use crate::route::rewrite::{Address, AuthorityChange, Redirect, Rewrite};

#[derive(Clone, Debug, Default)]
pub struct Changes {
    text: Vec<u8>,
    method: Option<Range<usize>>,
    target: Option<Range<usize>>,
    authority: AuthorityChange,
    authority_text: Range<usize>,
    location: Range<usize>,
    /// Whole lines that are appended to the request, and to whatever answers it.
    request_lines: Vec<u8>,
    response_lines: Vec<u8>,
    /// Of a reply that expressions made.
    reply_fields: Vec<u8>,
    reply_body: Vec<u8>,
    delay: Duration,
    rare: Option<Box<Rare>>,
    /// What the rate limits said.
    decision: Option<Decision>,
}

/// What few requests have. In a box, which takes no room on other connections; it is kept, so that
/// one is made once.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Where the key of who asks stands in the head.
    key_places: Vec<Place>,
    /// In the place of the request's.
    body: Option<Vec<u8>>,
}

/// What becomes of the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAuthority<'a> {
    /// No step said anything: what the proxy does by default.
    Unset,
    /// As it was received.
    Keep,
    /// The name of the backend.
    Auto,
    To(&'a [u8]),
}

impl Changes {
    /// Forgets the last request.
    pub fn clear(&mut self) {
        self.text.clear();
        self.method = None;
        self.target = None;
        self.authority = AuthorityChange::Unset;
        self.location = 0..0;
        self.request_lines.clear();
        self.response_lines.clear();
        self.delay = Duration::ZERO;
        self.forget_key_places();
        drop(self.take_body());
    }

    pub fn method(&self) -> Option<&[u8]> {
        Some(&self.text[self.method.clone()?])
    }

    /// Path and query.
    pub fn target(&self) -> Option<&[u8]> {
        Some(&self.text[self.target.clone()?])
    }

    pub fn authority(&self) -> NewAuthority<'_> {
        match self.authority {
            AuthorityChange::Unset => NewAuthority::Unset,
            AuthorityChange::Keep => NewAuthority::Keep,
            AuthorityChange::Auto => NewAuthority::Auto,
            AuthorityChange::Written => NewAuthority::To(&self.text[self.authority_text.clone()]),
        }
    }

    /// Where `Verdict::Redirect` sends the client.
    pub fn location(&self) -> &[u8] {
        &self.text[self.location.clone()]
    }

    /// Whole lines for the request.
    #[inline]
    pub fn request_lines(&self) -> &[u8] {
        &self.request_lines
    }

    /// Whole lines for whatever answers the request.
    #[inline]
    pub fn response_lines(&self) -> &[u8] {
        &self.response_lines
    }

    /// The fields and the body of `Verdict::Made`.
    pub fn reply(&self) -> (&[u8], &[u8]) {
        (&self.reply_fields, &self.reply_body)
    }

    /// The body that takes the place of the request's, told once.
    pub fn take_body(&mut self) -> Option<Vec<u8>> {
        self.rare.as_mut()?.body.take()
    }

    pub(super) fn set_body(&mut self, body: Vec<u8>) {
        self.rare.get_or_insert_default().body = Some(body);
    }

    pub fn take_decision(&mut self) -> Option<Decision> {
        self.decision.take()
    }

    pub(super) fn decided(&mut self, decision: Decision) {
        self.decision = Some(decision);
    }

    /// Where the key of who asks stands in the head, and is to be taken out.
    pub fn key_places(&self) -> &[Place] {
        self.rare.as_ref().map_or(&[], |rare| &rare.key_places)
    }

    pub(super) fn key_stands(&mut self, at: Place) {
        self.rare.get_or_insert_default().key_places.push(at);
    }

    /// They were taken out.
    pub fn forget_key_places(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.key_places.clear();
        }
    }

    /// How long the request is held, told once.
    pub fn take_delay(&mut self) -> Duration {
        std::mem::take(&mut self.delay)
    }

    pub(super) fn delay(&mut self, by: Duration) {
        self.delay = by;
    }

    /// Takes the lines of these names out, which are in lower case.
    pub(super) fn drop_request_lines(&mut self, names: &[Box<[u8]>]) {
        let lines = std::mem::take(&mut self.request_lines);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            if !names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                self.request_lines.extend_from_slice(line);
            }
        }
    }

    /// Whatever was said of path and query does not count.
    pub fn forget_target(&mut self) {
        self.target = None;
    }

    /// Says one line more to whom the request goes.
    pub fn add_request_line(&mut self, line: &[u8]) {
        self.request_lines.extend_from_slice(line);
    }

    pub(super) fn request_lines_mut(&mut self) -> &mut Vec<u8> {
        &mut self.request_lines
    }

    pub(super) fn response_lines_mut(&mut self) -> &mut Vec<u8> {
        &mut self.response_lines
    }

    pub(super) fn reply_mut(&mut self) -> (&mut Vec<u8>, &mut Vec<u8>) {
        self.reply_fields.clear();
        self.reply_body.clear();
        (&mut self.reply_fields, &mut self.reply_body)
    }

    pub(super) fn set_method(&mut self, method: &[u8]) {
        self.method = Some(self.append(method));
    }

    pub(super) fn set_target(&mut self, target: &[u8]) {
        self.target = Some(self.append(target));
    }

    pub(super) fn set_authority(&mut self, authority: &[u8]) {
        self.authority_text = self.append(authority);
        self.authority = AuthorityChange::Written;
    }

    /// What the rewrite says nothing about stays as an earlier step left it.
    pub(super) fn rewrite(&mut self, rewrite: &Rewrite, address: &Address<'_>) {
        let start = self.text.len();
        if rewrite.write_target(address, &mut self.text) {
            self.target = Some(start..self.text.len());
        }
        let start = self.text.len();
        let change = rewrite.write_authority(address, &mut self.text);
        if change != AuthorityChange::Unset {
            self.authority = change;
            self.authority_text = start..self.text.len();
        }
    }

    pub(super) fn redirect(&mut self, redirect: &Redirect, address: &Address<'_>) {
        let start = self.text.len();
        redirect.write_location(address, &mut self.text);
        self.location = start..self.text.len();
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        start..self.text.len()
    }
}
