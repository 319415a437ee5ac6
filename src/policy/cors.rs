//! `cors`: what other origins' pages may do, WHATWG Fetch section 3.3. A preflight is answered here;
//! to the response of any other request lines are added. An origin that is not allowed gets none,
//! which is how a browser is told. Immutable.

use super::attributes::Attributes;
use super::changes::Changes;
use super::verdict::Verdict;
use crate::route::target::FixedReply;

/// A `cors` as the configuration has it; what cannot be a header was refused there.
#[derive(Clone, Debug, Default)]
pub struct CorsSpec {
    pub allow_origins: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_headers: Vec<String>,
    pub expose_headers: Vec<String>,
    pub allow_credentials: bool,
    pub max_age_seconds: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Cors {
    origins: Origins,
    methods: Names,
    headers: Names,
    /// Whole lines.
    exposed: Box<[u8]>,
    max_age: Box<[u8]>,
    credentials: bool,
    preflight: FixedReply,
}

/// Fields that are the policy's alone: what an upstream says in them is left out.
pub const OWN_FIELDS: [&str; 3] = [
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "access-control-expose-headers",
];

/// Origins in lower case.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    any: bool,
    exact: Box<[Box<[u8]>]>,
    starred: Box<[Starred]>,
}

/// What stands before and behind the star.
#[derive(Clone, Debug)]
struct Starred {
    before: Box<[u8]>,
    behind: Box<[u8]>,
}

#[derive(Clone, Debug)]
enum Names {
    /// Whatever the client asks for.
    Any,
    /// As they stand in the answer; none at all when empty.
    These(Box<[u8]>),
}

impl Cors {
    pub fn compile(spec: &CorsSpec) -> Self {
        let exposed = match spec.expose_headers.is_empty() {
            true => String::new(),
            false => {
                format!("access-control-expose-headers: {}\r\n", spec.expose_headers.join(", "))
            }
        };
        let max_age = spec.max_age_seconds;
        let max_age = max_age.map(|seconds| format!("access-control-max-age: {seconds}\r\n"));
        Self {
            origins: Origins::compile(&spec.allow_origins),
            methods: Names::compile(&spec.allow_methods),
            headers: Names::compile(&spec.allow_headers),
            exposed: exposed.into_bytes().into(),
            max_age: max_age.unwrap_or_default().into_bytes().into(),
            credentials: spec.allow_credentials,
            preflight: FixedReply::compile(200, &[], b"").expect("an empty reply"),
        }
    }

    pub fn run(&self, attributes: &Attributes<'_>, changes: &mut Changes) -> Verdict<'_> {
        let Some(origin) = only(attributes, b"origin") else { return Verdict::Continue };
        if !self.origins.allow(origin) {
            return Verdict::Continue;
        }
        let request = attributes.request();
        let wanted = only(attributes, b"access-control-request-method")
            .filter(|_| request.head.method_name.of(request.bytes) == b"OPTIONS");
        let out = changes.response_lines_mut();
        // Credentials go to no star: section 3.3.5.
        if self.origins.any && !self.credentials {
            line(out, b"access-control-allow-origin", b"*");
        } else {
            line(out, b"access-control-allow-origin", origin);
            line(out, b"vary", b"Origin");
        }
        if self.credentials {
            line(out, b"access-control-allow-credentials", b"true");
        }
        let Some(method) = wanted else {
            out.extend_from_slice(&self.exposed);
            return Verdict::Continue;
        };
        self.methods.write(out, b"access-control-allow-methods", Some(method));
        let headers = only(attributes, b"access-control-request-headers");
        self.headers.write(out, b"access-control-allow-headers", headers);
        out.extend_from_slice(&self.max_age);
        Verdict::Reply(&self.preflight)
    }
}

impl Origins {
    pub fn compile(origins: &[String]) -> Self {
        let bytes = |text: &str| text.to_ascii_lowercase().into_bytes().into_boxed_slice();
        let starred = origins.iter().filter(|origin| *origin != "*");
        let starred = starred.filter_map(|origin| origin.split_once('*'));
        Self {
            any: origins.iter().any(|origin| origin == "*"),
            exact: origins.iter().filter(|o| !o.contains('*')).map(|o| bytes(o)).collect(),
            starred: starred
                .map(|(before, behind)| Starred { before: bytes(before), behind: bytes(behind) })
                .collect(),
        }
    }

    pub fn allow(&self, origin: &[u8]) -> bool {
        if self.any || self.exact.iter().any(|exact| exact.eq_ignore_ascii_case(origin)) {
            return true;
        }
        if self.starred.is_empty() {
            return false;
        }
        let origin = origin.to_ascii_lowercase();
        self.starred.iter().any(|Starred { before, behind }| {
            let rest = origin.strip_prefix(&**before);
            let star = rest.and_then(|rest| rest.strip_suffix(&**behind));
            // A host's label, several, or a port: nothing that ends one.
            let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
            star.is_some_and(|star| !star.is_empty() && star.iter().all(inside))
        })
    }
}

impl Names {
    fn compile(names: &[String]) -> Self {
        match names.iter().any(|name| name == "*") {
            true => Self::Any,
            false => Self::These(names.join(", ").into_bytes().into()),
        }
    }

    fn write(&self, out: &mut Vec<u8>, name: &[u8], asked: Option<&[u8]>) {
        match (self, asked) {
            (Self::Any, Some(asked)) => line(out, name, asked),
            (Self::These(names), _) if !names.is_empty() => line(out, name, names),
            _ => (),
        }
    }
}

/// The value of a field that is there once.
pub(super) fn only<'a>(attributes: &Attributes<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let mut values = attributes.header(name);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests;
