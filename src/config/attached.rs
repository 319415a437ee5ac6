//! `policies` at the top of the file: policies that say themselves what they are for. Of a gateway or a
//! listener they are what its routes have by default; of a route or a named backend, what it has
//! beside its own. What is nearer goes before, policy by policy; every `authorization` holds.

use serde::Serialize;

use super::Config;
use super::backend::BackendPolicies;
use super::diagnostic::nearest;
use super::policy::RoutePolicies;
use super::policy::inherited::ListenerPolicies;
use super::reader::{Cursor, Mark, Session};
use super::route::Route;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttachedPolicy {
    pub name: Named,
    pub target: Target,
    #[serde(skip_serializing_if = "Phase::is_route")]
    pub phase: Phase,
    pub policy: Attached,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    pub name: String,
    pub namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    Gateway(GatewayTarget),
    Route(RouteTarget),
    Backend(BackendTarget),
}

/// All of these. The listeners of `binds` belong to the gateway `default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayTarget {
    pub gateway_name: String,
    pub gateway_namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTarget {
    pub name: String,
    pub namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BackendTarget {
    Backend(Named),
}

/// When it has its say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// As a policy of the routes.
    #[default]
    Route,
    /// As one of the gateway or listener itself.
    Gateway,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Attached {
    Routes(Box<RoutePolicies>),
    Gateway(Box<ListenerPolicies>),
    Backend(Box<BackendPolicies>),
}

/// With where each of them stands.
pub fn read_list(cursor: &Cursor<'_>) -> Vec<(AttachedPolicy, Mark)> {
    let one = |c: &Cursor<'_>| Some((AttachedPolicy::read(c)?, c.mark()));
    cursor.list().iter().filter_map(one).collect()
}

/// What they are for has to be there.
pub fn check(session: &Session<'_>, config: &Config, marks: &[Mark]) {
    for (attached, mark) in config.policies.iter().zip(marks) {
        let (kind, wanted, known) = match &attached.target {
            Target::Gateway(target) => ("gateway", &target.gateway_name, gateways(config)),
            Target::Route(target) => {
                ("route", &target.name, routes(config).filter_map(|r| r.name.as_deref()).collect())
            }
            Target::Backend(BackendTarget::Backend(named)) => {
                let names = config.backends.iter().map(|backend| backend.name.as_str());
                ("backend", &named.name, names.collect())
            }
        };
        if !known.contains(&wanted.as_str()) {
            let hint = nearest(wanted, known.iter().copied());
            let hint = hint.map(|near| format!("did you mean `{near}`?"));
            session.fail(mark, &format!("no {kind} has the name `{wanted}`"), hint);
        }
    }
}

fn gateways(config: &Config) -> Vec<&str> {
    let default = (!config.binds.is_empty()).then_some(DEFAULT);
    config.gateways.keys().map(String::as_str).chain(default).collect()
}

/// All of them, wherever they stand.
fn routes(config: &Config) -> impl Iterator<Item = &Route> {
    let inside = config.binds.iter().flat_map(|bind| &bind.listeners);
    let inside = inside.flat_map(|listener| &listener.routes);
    let attached = config.routes.iter().map(|attached| &attached.route);
    let grouped = config.route_groups.iter().flat_map(|group| &group.routes);
    inside.chain(attached).chain(grouped)
}

impl AttachedPolicy {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", Named::read);
        let target = table.must("target", Target::read);
        let phases = [("route", Phase::Route), ("gateway", Phase::Gateway)];
        let phase = table.or("phase", Phase::Route, |c| c.word(&phases, &[]));
        let of_gateway = matches!(target, Some(Target::Gateway(_)));
        if phase == Phase::Gateway && target.is_some() && !of_gateway {
            table.fail("phase gateway is for a target that is a gateway");
        }
        let policy = table.must("policy", |c| match (&target, phase) {
            (Some(Target::Backend(_)), _) => {
                BackendPolicies::read(c).map(|found| Attached::Backend(Box::new(found)))
            }
            (_, Phase::Gateway) => {
                ListenerPolicies::read(c).map(|found| Attached::Gateway(Box::new(found)))
            }
            _ => RoutePolicies::read(c).map(|found| Attached::Routes(Box::new(found))),
        });
        table.finish();
        Some(Self { name: name?, target: target?, phase, policy: policy? })
    }
}

impl Named {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", Cursor::owned);
        let namespace = table.or("namespace", DEFAULT.to_owned(), Cursor::owned);
        table.unsupported(&["section"]);
        table.finish();
        Some(Self { name: name?, namespace })
    }
}

impl Target {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["listenerSet"]);
        let target = match table.one_of(&["gateway", "route", "backend"]) {
            Some(("gateway", value)) => GatewayTarget::read(&value).map(Self::Gateway),
            Some(("route", value)) => RouteTarget::read(&value).map(Self::Route),
            Some((_, value)) => BackendTarget::read(&value).map(Self::Backend),
            None => None,
        };
        table.finish();
        target
    }
}

impl GatewayTarget {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let gateway_name = table.must("gatewayName", Cursor::owned);
        let target = Self {
            gateway_namespace: table.or("gatewayNamespace", DEFAULT.to_owned(), Cursor::owned),
            listener_name: table.maybe("listenerName", Cursor::owned),
            port: table.maybe("port", |c| c.integer(1..=65535)),
            gateway_name: gateway_name.unwrap_or_default(),
        };
        table.finish();
        (!target.gateway_name.is_empty()).then_some(target)
    }

    pub fn is(&self, gateway: &str, listener: Option<&str>, port: u16) -> bool {
        let named = self.listener_name.as_deref();
        self.gateway_name == gateway
            && (named.is_none() || named == listener)
            && self.port.is_none_or(|wanted| wanted == port)
    }

    /// The more it asks for, the nearer it is.
    pub fn closeness(&self) -> usize {
        2 * usize::from(self.listener_name.is_some()) + usize::from(self.port.is_some())
    }
}

impl RouteTarget {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", Cursor::owned);
        let namespace = table.or("namespace", DEFAULT.to_owned(), Cursor::owned);
        let rule_name = table.maybe("ruleName", Cursor::owned);
        table.unsupported(&["kind"]);
        table.finish();
        Some(Self { name: name?, namespace, rule_name })
    }

    pub fn is(&self, route: &Route) -> bool {
        route.name.as_ref() == Some(&self.name)
            && route.namespace.as_deref().unwrap_or(DEFAULT) == self.namespace
            && (self.rule_name.is_none() || self.rule_name == route.rule_name)
    }
}

impl BackendTarget {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["service"]);
        let named = table.must("backend", Named::read);
        table.finish();
        named.map(Self::Backend)
    }
}

impl Phase {
    const fn is_route(&self) -> bool {
        matches!(self, Self::Route)
    }
}

/// Of gateways and namespaces.
const DEFAULT: &str = "default";
