//! The paths of all hosts as trees of segments, for exact paths and segment-wise prefixes: one walk
//! over a request's path finds the exact one and every prefix of it. A regular expression stands
//! where the segments end that every path it matches begins with. Immutable; what is found are
//! ranges of tables that the caller has.

use std::collections::HashMap;
use std::ops::Range;

use memchr::memchr;

use super::index::{Index, hash};

/// Trees of segments, one root a host.
#[derive(Debug)]
pub(super) struct Forest {
    nodes: Box<[Node]>,
    children: Index,
    text: Box<[u8]>,
}

#[derive(Debug)]
struct Node {
    parent: u32,
    segment: Range<u32>,
    has_children: bool,
    prefix_len: u32,
    /// The nearest node above that has a prefix or a gate.
    above: Option<u32>,
    exact: Range<u32>,
    prefix: Range<u32>,
    gates: Range<u32>,
}

/// Where the walk over a path ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    node: u32,
    /// The node stands for the whole path, not for a part of it.
    whole: bool,
}

impl Forest {
    /// Goes down from `root` as far as the tree has what the path says. An empty path is `/`; one
    /// that is no path (`*` of OPTIONS) ends at the root, where the prefix `/` takes it.
    #[inline]
    pub(super) fn walk(&self, root: u32, path: &[u8]) -> Walk {
        let mut rest = match path {
            [] => path,
            [b'/', rest @ ..] => rest,
            _ => return Walk { node: root, whole: false },
        };
        let mut node = root;
        while self.nodes[node as usize].has_children {
            let end = memchr(b'/', rest);
            let segment = end.map_or(rest, |end| &rest[..end]);
            let Some(child) = self.child(node, segment) else { break };
            node = child;
            let Some(end) = end else { return Walk { node, whole: true } };
            rest = &rest[end + 1..];
        }
        Walk { node, whole: false }
    }

    /// What was put under this very path.
    #[inline]
    pub(super) fn exact(&self, walk: Walk) -> Option<Range<u32>> {
        walk.whole.then(|| self.nodes[walk.node as usize].exact.clone())
    }

    /// What was put under prefixes of the path, the longest first, with its length.
    #[inline]
    pub(super) fn prefixes(&self, walk: Walk) -> impl Iterator<Item = (Range<u32>, usize)> {
        self.upwards(walk).map(|node| (node.prefix.clone(), node.prefix_len as usize))
    }

    /// The gates of all expressions that may match the path.
    pub(super) fn gates(&self, walk: Walk) -> impl Iterator<Item = Range<u32>> {
        self.upwards(walk).map(|node| node.gates.clone())
    }

    #[inline]
    fn upwards(&self, walk: Walk) -> impl Iterator<Item = &Node> {
        let mut next = Some(walk.node);
        std::iter::from_fn(move || {
            let node = &self.nodes[next? as usize];
            next = node.above;
            Some(node)
        })
    }

    #[inline]
    fn child(&self, parent: u32, segment: &[u8]) -> Option<u32> {
        self.children.find(hash(parent, segment), |place| {
            let node = &self.nodes[place as usize];
            node.parent == parent
                && self.text[node.segment.start as usize..node.segment.end as usize] == *segment
        })
    }
}

/// A forest as it grows; `T` is what is put under a path, `G` a gate.
#[derive(Debug)]
pub(super) struct Draft<T, G> {
    nodes: Vec<DraftNode<T, G>>,
    children: HashMap<(u32, Box<[u8]>), u32>,
    text: Vec<u8>,
}

#[derive(Debug)]
struct DraftNode<T, G> {
    parent: u32,
    segment: Range<u32>,
    has_children: bool,
    prefix_len: u32,
    exact: Vec<T>,
    prefix: Vec<T>,
    gates: Vec<G>,
}

impl<T, G> Draft<T, G> {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), children: HashMap::new(), text: Vec::new() }
    }

    pub(super) fn root(&mut self) -> u32 {
        self.push(NO_PARENT, b"", 0)
    }

    /// The list of what is put under exactly `path`, which begins with `/`.
    pub(super) fn exact(&mut self, root: u32, path: &[u8]) -> &mut Vec<T> {
        debug_assert!(path.starts_with(b"/"), "the compiler checked it");
        let node = self.descend(root, path);
        &mut self.nodes[node as usize].exact
    }

    /// The list of what is put under the prefix `path`, which does not end with `/`.
    pub(super) fn prefix(&mut self, root: u32, path: &[u8]) -> &mut Vec<T> {
        debug_assert!(!path.ends_with(b"/"), "the compiler trimmed it");
        let node = if path.is_empty() { root } else { self.descend(root, path) };
        &mut self.nodes[node as usize].prefix
    }

    /// The list of the gates for what is below `path`, without the `/` that follows it.
    pub(super) fn gates(&mut self, root: u32, path: &[u8]) -> &mut Vec<G> {
        let node = if path.is_empty() { root } else { self.descend(root, path) };
        &mut self.nodes[node as usize].gates
    }

    /// The forest, and all that was put into it, list after list.
    pub(super) fn freeze(self) -> (Forest, Vec<T>, Vec<G>) {
        let pairs: Vec<(u64, u32)> = self
            .children
            .iter()
            .map(|((parent, segment), &child)| (hash(*parent, segment), child))
            .collect();
        let (mut things, mut gates) = (Vec::new(), Vec::new());
        let mut nodes: Vec<Node> = Vec::with_capacity(self.nodes.len());
        for draft in self.nodes {
            // A parent is made before its children, so it is in `nodes`.
            let parent = nodes.get(draft.parent as usize);
            let has_any = |node: &Node| !node.prefix.is_empty() || !node.gates.is_empty();
            let above = match parent.is_some_and(has_any) {
                true => Some(draft.parent),
                false => parent.and_then(|parent| parent.above),
            };
            nodes.push(Node {
                parent: draft.parent,
                segment: draft.segment,
                has_children: draft.has_children,
                prefix_len: draft.prefix_len,
                above,
                exact: append(&mut things, draft.exact),
                prefix: append(&mut things, draft.prefix),
                gates: append(&mut gates, draft.gates),
            });
        }
        let forest = Forest {
            nodes: nodes.into(),
            children: Index::compile(&pairs),
            text: self.text.into(),
        };
        (forest, things, gates)
    }

    fn descend(&mut self, root: u32, path: &[u8]) -> u32 {
        let mut node = root;
        for segment in path[1..].split(|&byte| byte == b'/') {
            let key = (node, Box::from(segment));
            node = match self.children.get(&key) {
                Some(&child) => child,
                None => {
                    let above = &mut self.nodes[node as usize];
                    above.has_children = true;
                    let prefix_len = above.prefix_len + 1 + segment.len() as u32;
                    let child = self.push(node, segment, prefix_len);
                    self.children.insert(key, child);
                    child
                }
            };
        }
        node
    }

    fn push(&mut self, parent: u32, segment: &[u8], prefix_len: u32) -> u32 {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(segment);
        self.nodes.push(DraftNode {
            parent,
            segment: start..self.text.len() as u32,
            has_children: false,
            prefix_len,
            exact: Vec::new(),
            prefix: Vec::new(),
            gates: Vec::new(),
        });
        self.nodes.len() as u32 - 1
    }
}

fn append<T>(things: &mut Vec<T>, more: Vec<T>) -> Range<u32> {
    let start = things.len() as u32;
    things.extend(more);
    start..things.len() as u32
}

const NO_PARENT: u32 = u32::MAX;

#[cfg(test)]
mod tests;
