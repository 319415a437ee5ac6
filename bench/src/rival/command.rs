//! How each subject is called: its configuration file, filled in and written, and its command line.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::wiring::{Back, Front, Wiring};
use super::{Refusal, Site, Subject, template};

mod envoy;
mod managed;

/// One subject that is to be started, and where.
pub(super) struct Call<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) wiring: Wiring,
    /// The proxy's own, then three for those who have an admin side.
    pub(super) ports: [SocketAddrV4; 4],
}

/// How Ringway is set up, beside what a row asks of all.
struct Setting {
    access_log: &'static str,
    /// `policies: ...`, of the route.
    route_policies: String,
    /// In place of the origin.
    backend: Option<String>,
    /// Behind the route.
    more_routes: String,
}

impl Default for Setting {
    fn default() -> Self {
        let (route_policies, more_routes) = Default::default();
        Self { access_log: "off", route_policies, backend: None, more_routes }
    }
}

impl Call<'_> {
    pub(super) fn of(&self, subject: Subject) -> Result<Command, Refusal> {
        match subject {
            // It has no queue: who finds all connections in use is refused.
            Subject::NginxCapped => self.nginx("on", &format!("max_conns={ORIGIN_SLOTS}")),
            Subject::HaproxyCapped => {
                self.haproxy("timeout queue 20ms", &format!("maxconn {ORIGIN_SLOTS}"))
            }
            Subject::Nginx if self.wiring.front == Front::Tcp => self.nginx_stream(),
            Subject::Nginx => self.nginx("on", ""),
            Subject::NginxUnbuffered => self.nginx("off", ""),
            Subject::H2o => self.h2o(),
            Subject::Haproxy => self.haproxy("", ""),
            Subject::HaproxySpliced => self.haproxy("option splice-auto", ""),
            Subject::Envoy => self.envoy(false),
            Subject::EnvoyAdaptive => self.envoy(true),
            Subject::Relay => self.own("relay"),
            Subject::MonoioHttp if cfg!(feature = "monoio-http") => self.own("monoio-http"),
            Subject::MonoioHttp => Err(Refusal::Absent("built without the feature".into())),
            Subject::Ringway | Subject::RingwayToH1 => self.ringway(&Setting::default()),
            Subject::RingwayLogged => {
                self.ringway(&Setting { access_log: "stdout", ..Setting::default() })
            }
            Subject::RingwayManaged => self.ringway(&managed::setting(self.origin())),
            Subject::RingwayModels => self.ringway(&self.models()),
            Subject::RingwayAdaptive => self.ringway(&Setting {
                route_policies: "policies: {adaptiveConcurrency: {}}".to_owned(),
                ..Setting::default()
            }),
        }
    }

    fn nginx(&self, buffering: &str, server: &str) -> Result<Command, Refusal> {
        let certificate = &self.site.certificate;
        let listen = match self.wiring.front {
            Front::Http1 | Front::Tcp => "",
            Front::H2c => "http2",
            Front::Tls => "ssl http2",
        };
        let descriptors = self.site.descriptors_max.to_string();
        let text = template::fill(
            include_str!("../../rivals/nginx.conf"),
            &[
                ("PORT", &self.port()),
                ("LISTEN", listen),
                ("CHAIN", &shown(&certificate.chain)),
                ("KEY", &shown(&certificate.key)),
                ("ORIGIN", &self.origin().to_string()),
                ("FOLDER", &shown(self.site.folder)),
                ("DESCRIPTORS", &descriptors),
                ("CONNECTIONS", &descriptors),
                ("USER", template::nginx_user()),
                ("BUFFERING", buffering),
                ("SERVER", server),
            ],
        );
        nginx_command(&self.site.folder.join("nginx.conf"), &text)
    }

    fn nginx_stream(&self) -> Result<Command, Refusal> {
        let module = NGINX_STREAM_MODULES.iter().find(|path| Path::new(path).is_file());
        let Some(module) = module else {
            return Err(Refusal::Absent("no stream module (Debian: libnginx-mod-stream)".into()));
        };
        let descriptors = self.site.descriptors_max.to_string();
        let text = template::fill(
            include_str!("../../rivals/nginx-stream.conf"),
            &[
                ("MODULE", module),
                ("PORT", &self.port()),
                ("ORIGIN", &self.origin().to_string()),
                ("FOLDER", &shown(self.site.folder)),
                ("DESCRIPTORS", &descriptors),
                ("CONNECTIONS", &descriptors),
                ("USER", template::nginx_user()),
            ],
        );
        nginx_command(&self.site.folder.join("nginx.conf"), &text)
    }

    fn h2o(&self) -> Result<Command, Refusal> {
        let certificate = &self.site.certificate;
        let (chain, key) = (shown(&certificate.chain), shown(&certificate.key));
        let tls = format!("ssl: {{certificate-file: {chain}, key-file: {key}, {H2O_TLS}}}");
        let text = template::fill(
            include_str!("../../rivals/h2o.conf"),
            &[
                ("PORT", &self.port()),
                ("ORIGIN", &self.origin().to_string()),
                ("USER", if template::is_root() { "user: root" } else { "" }),
                ("TLS", if self.wiring.front == Front::Tls { &tls } else { "" }),
            ],
        );
        let mut command = Command::new(program("h2o"));
        command.arg("-c").arg(self.written("h2o.conf", &text)?);
        Ok(command)
    }

    fn haproxy(&self, option: &str, server: &str) -> Result<Command, Refusal> {
        let both = shown(&self.site.certificate.both);
        let tls = format!("ssl crt {both} alpn h2,http/1.1");
        let http = format!("{HAPROXY_HTTP_OPTIONS}\n    {option}");
        let (mode, options, bind) = match self.wiring.front {
            Front::Http1 => ("http", http.as_str(), ""),
            Front::H2c => ("http", http.as_str(), "proto h2"),
            Front::Tls => ("http", http.as_str(), tls.as_str()),
            Front::Tcp => ("tcp", option, ""),
        };
        let text = template::fill(
            include_str!("../../rivals/haproxy.cfg"),
            &[
                ("PORT", &self.port()),
                ("ORIGIN", &self.origin().to_string()),
                ("CONNECTIONS", &CONNECTIONS_MAX.to_string()),
                ("MODE", mode),
                ("OPTIONS", options),
                ("BIND", bind),
                ("SERVER", if self.wiring.back == Back::Http1 { server } else { "proto h2" }),
            ],
        );
        let mut command = Command::new(program("haproxy"));
        command.arg("-db").arg("-f").arg(self.written("haproxy.cfg", &text)?);
        Ok(command)
    }

    fn ringway(&self, setting: &Setting) -> Result<Command, Refusal> {
        let certificate = &self.site.certificate;
        let [address, admin, stats, readiness] = self.ports.map(|address| address.port());
        let (port, admin, stats) = (address.to_string(), admin.to_string(), stats.to_string());
        let (readiness, origin) = (readiness.to_string(), self.origin().to_string());
        let mut values = vec![
            ("PORT", port.as_str()),
            ("ADMIN_PORT", &admin),
            ("STATS_PORT", &stats),
            ("READINESS_PORT", &readiness),
            ("ACCESS_LOG", setting.access_log),
        ];
        let (chain, key) = (shown(&certificate.chain), shown(&certificate.key));
        let tls = format!("tls: {{cert: {chain}, key: {key}}}");
        let text = if self.wiring.front == Front::Tcp {
            values.push(("ORIGIN", &origin));
            template::fill(include_str!("../../rivals/ringway-tcp.yaml"), &values)
        } else {
            let ends_tls = self.wiring.front == Front::Tls;
            let multiplexes = self.wiring.back != Back::Http1;
            let policies = if multiplexes { RINGWAY_H2_UPSTREAM } else { "" };
            let backend = setting
                .backend
                .clone()
                .unwrap_or_else(|| format!("host: {origin:?}\n        {policies}"));
            values.extend([
                ("PROTOCOL", if ends_tls { "HTTPS" } else { "HTTP" }),
                ("TLS", if ends_tls { &tls } else { "" }),
                ("ROUTE_POLICIES", &setting.route_policies),
                ("BACKEND", &backend),
            ]);
            let text = include_str!("../../rivals/ringway.yaml");
            let text = template::fill(text, &values);
            text + &setting.more_routes
        };
        let mut command = Command::new(&self.site.ringway);
        command.arg("-f").arg(self.written("ringway.yaml", &text)?).args(["--workers", "1"]);
        Ok(command)
    }

    /// Where the longest prefix wins, what is under `/v1` is a provider of models.
    fn models(&self) -> Setting {
        let route = |prefix: &str, at: SocketAddrV4| {
            format!(
                "    - matches: [{{path: {{pathPrefix: {prefix}}}}}]\n      \
                 backends: [{{ai: {{name: models, provider: {{openAI: {{}}}}, hostOverride: \"{at}\"}}}}]\n"
            )
        };
        let more_routes = route("/v1", self.origin()) + &route("/held", self.site.origins.holding);
        Setting { more_routes, ..Setting::default() }
    }

    /// A rival that lives in this executable, behind a hidden subcommand.
    fn own(&self, subcommand: &str) -> Result<Command, Refusal> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(subcommand).arg(self.ports[0].to_string()).arg(self.origin().to_string());
        Ok(command)
    }

    fn origin(&self) -> SocketAddrV4 {
        self.site.origins.of(self.wiring.back)
    }

    fn port(&self) -> String {
        self.ports[0].port().to_string()
    }

    fn written(&self, name: &str, text: &str) -> Result<PathBuf, Refusal> {
        let path = self.site.folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// Its configuration is `text`, kept at `path`.
pub(super) fn nginx_command(path: &Path, text: &str) -> Result<Command, Refusal> {
    fs::write(path, text)?;
    let mut command = Command::new(program("nginx"));
    // Its compiled-in error log is out of bounds for an ordinary user: `-e` names another.
    command.args(["-e", "stderr", "-c"]).arg(path);
    Ok(command)
}

/// Distributions keep servers in folders that an ordinary user's PATH does not have.
pub(super) fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| name.into())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Requests that the origin of the overload works on at a time.
pub(crate) const ORIGIN_SLOTS: u32 = 32;
/// Clients that haproxy must admit: the idle row's, with room.
const CONNECTIONS_MAX: usize = 10_240;
const HAPROXY_HTTP_OPTIONS: &str =
    "option forwardfor\n    option http-keep-alive\n    http-reuse always";
/// The certificate names nobody to ask about it.
const H2O_TLS: &str = "ocsp-update-interval: 0";
const RINGWAY_H2_UPSTREAM: &str = "policies: {http: {version: HTTP/2.0}}";
/// Where Debian and Fedora have it.
const NGINX_STREAM_MODULES: [&str; 2] = [
    "/usr/lib/nginx/modules/ngx_stream_module.so",
    "/usr/lib64/nginx/modules/ngx_stream_module.so",
];

#[cfg(test)]
mod tests;
