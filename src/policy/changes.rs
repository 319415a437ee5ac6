//! What a pipeline made of a request's first line: written by the steps, read by who encodes the
//! head for the upstream. A worker owns a few and reuses them, so that nothing is allocated once
//! its text has grown to the usual size. Who runs no step need not look into it.

use std::ops::Range;

use crate::route::rewrite::{Address, AuthorityChange, Redirect, Rewrite};

#[derive(Debug, Default)]
pub struct Changes {
    text: Vec<u8>,
    method: Option<Range<usize>>,
    target: Option<Range<usize>>,
    authority: AuthorityChange,
    authority_text: Range<usize>,
    location: Range<usize>,
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
