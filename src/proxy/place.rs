//! `Place`: where an exchange takes place. Everything it is judged by, borrowed.

use std::cell::RefCell;
use std::rc::Rc;

use super::lease::Caller;
use super::llm::Others;
use crate::http::server::h1::Connection;
use crate::llm::Answer;
use crate::policy::Pipeline;
use crate::snapshot::bind::{Bind, Route};
use crate::snapshot::view::View;
use crate::upstream::retry::Retry;

#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub view: &'a Rc<View>,
    pub bind: &'a Bind,
    pub connection: &'a Connection,
}

impl Place<'_> {
    /// For whom connections to endpoints are asked for here.
    pub fn caller(&self) -> Caller<'_> {
        let write = self.bind.settings.limits.write;
        Caller { view: self.view, write, client: Some(self.connection) }
    }

    /// The response that is to come is the connection's last: we drain, or it had its share.
    pub fn is_closing(&self) -> bool {
        self.view.resources.draining.get()
            || self.connection.requests.get() >= self.bind.settings.limits.requests_max
            || self.is_old()
    }

    /// The connection is as old as it may get. A lane is as old as it likes: what carries it is not.
    fn is_old(&self) -> bool {
        let (connection, limits) = (self.connection, &self.bind.settings.limits);
        let is_old = |limit| connection.now() >= connection.opened.plus(limit);
        !connection.carrier.http2 && limits.connection.is_some_and(is_old)
    }
}

/// A place with the route that was found.
#[derive(Clone, Copy)]
pub struct Routed<'a> {
    pub place: Place<'a>,
    pub route: &'a Route,
    /// Whose edits of heads hold: the route's, or those of the backend that was chosen, which
    /// contain the route's.
    pub edits: &'a Pipeline,
    /// Bytes of the path that a prefix match took, for rewrites.
    pub prefix_len: usize,
    /// Lines that steps add to whatever answers the request.
    pub lines: &'a [u8],
    /// Who looks at the body of the answer, where the pipeline says that somebody does.
    pub watch: Option<&'a RefCell<Answer>>,
    /// Whether an answer is left unsent for what it says: the request goes to somebody else.
    pub others: Option<&'a Others<'a>>,
}

impl<'a> Routed<'a> {
    /// What is tried again here; none where whoever sends the request does that.
    pub fn retry(&self) -> Option<&'a Retry> {
        self.route.retry.as_deref().filter(|_| self.others.is_none())
    }
}

impl<'a> std::ops::Deref for Routed<'a> {
    type Target = Place<'a>;

    fn deref(&self) -> &Place<'a> {
        &self.place
    }
}
