//! The labels that several families have.

pub(super) const H: &[&str] = &[
    "backend",
    "protocol",
    "method",
    "status",
    "reason",
    "bind",
    "gateway",
    "listener",
    "route",
    "route_rule",
];
pub(super) const M: &[&str] = &["backend", "bind", "gateway", "listener", "route", "route_rule"];
pub(super) const T: &[&str] = &["bind", "gateway", "listener", "protocol"];

pub(super) const G: &[&str] = &[
    "gen_ai_operation_name",
    "gen_ai_system",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "bind",
    "gateway",
    "listener",
    "route",
    "route_rule",
];
pub(super) const GEN_AI_TOKENS: &[&str] = &[
    "gen_ai_token_type",
    "gen_ai_operation_name",
    "gen_ai_system",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "bind",
    "gateway",
    "listener",
    "route",
    "route_rule",
];
pub(super) const COST_LOOKUP: &[&str] = &[
    "status",
    "gen_ai_operation_name",
    "gen_ai_system",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "bind",
    "gateway",
    "listener",
    "route",
    "route_rule",
];
pub(super) const E: &[&str] = &["backend", "endpoint"];
