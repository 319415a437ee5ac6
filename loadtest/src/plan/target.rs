//! One thing to ask for: where, how, and how often in proportion to the others.

use super::{Check, Template, Url};

#[derive(Clone, Debug)]
pub struct Target {
    pub url: Url,
    pub method: String,
    /// Sent as they are, after `Host`. Values are templates.
    pub headers: Vec<(String, Template)>,
    /// Empty is no body. Of a WebSocket or of TCP, the message.
    pub body: Template,
    /// Its share of the requests, against the other targets'.
    pub weight: u32,
    /// What a right answer is, instead of the plan's check.
    pub check: Option<Check>,
}

impl Target {
    pub fn get(url: Url) -> Self {
        Self {
            url,
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: Template::constant(""),
            weight: 1,
            check: None,
        }
    }
}
