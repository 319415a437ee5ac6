//! The command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use serde_json::json;

use crate::control::restart::gate;
use crate::control::source::{Source, Text};
use crate::limits::WORKERS_MAX;

/// A reverse proxy for Linux: one shared-nothing io_uring worker a core.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "ringway", version, after_help = EXAMPLES)]
#[command(group = ArgGroup::new("source"), args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    pub command: Option<Action>,

    /// Configuration file; it is watched, and read again on SIGHUP.
    #[arg(short, long, value_name = "FILE", group = "source")]
    pub file: Option<PathBuf>,

    /// Configuration as text.
    #[arg(short, long, value_name = "YAML", group = "source")]
    pub config: Option<String>,

    /// Proxy everything to one place: HOST:PORT or unix:/PATH.
    #[arg(long, value_name = "HOST:PORT", group = "source", value_parser = destination)]
    pub to: Option<String>,

    /// Where `--to` listens.
    #[arg(long, value_name = "IP:PORT", requires = "to", default_value_t = LISTEN)]
    pub listen: SocketAddr,

    /// Say what is wrong with the configuration, and exit.
    #[arg(long)]
    pub validate_only: bool,

    /// Worker threads; one for each core if neither this nor the configuration says so.
    #[arg(long, value_name = "N", value_parser = worker_count)]
    pub workers: Option<usize>,

    /// Print the bound addresses on stdout, as one line of JSON, once requests are served.
    #[arg(long)]
    pub announce: bool,

    /// Where `ringway upgrade` finds this process; goes before config.ringway.upgrade.socket.
    #[arg(long, value_name = "PATH")]
    pub upgrade_socket: Option<PathBuf>,

    /// Take over from the process at this upgrade socket, which drains once this one serves.
    #[arg(long, value_name = "PATH", conflicts_with = "validate_only")]
    pub take_over: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Put a new process in the place of the one that runs, without losing a connection.
    Upgrade(Upgrade),
    /// Say what of this machine stands in the way, and the command that mends it.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the manual page: `ringway man | man -l -`.
    Man,
    /// Print what a shell completes command lines by.
    Completions { shell: Shell },
}

/// The running process starts the new one: its own program, from the path that it was started by,
/// with its own arguments, unless others are given.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Upgrade {
    /// Where it is found.
    #[arg(long, value_name = "PATH", default_value_os_t = upgrade_socket())]
    pub upgrade_socket: PathBuf,

    /// Another program.
    #[arg(long, value_name = "PATH")]
    pub program: Option<String>,

    /// Other arguments, all of them: `ringway upgrade -- -f new.yaml`.
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<String>,
}

impl Options {
    /// Where the configuration comes from; `built_in` is used when nothing says so.
    pub fn source(&self, built_in: &str) -> Source {
        if let Some(path) = &self.file {
            return Source::File(path.clone());
        }
        let fixed =
            |origin: &str, text: String| Source::Fixed(Text { text, origin: origin.into() });
        match (&self.config, &self.to) {
            (Some(text), _) => fixed("--config", text.clone()),
            (None, Some(to)) => fixed("--to", one_route(self.listen, to)),
            (None, None) => fixed("the built-in configuration", built_in.to_owned()),
        }
    }

    /// Nothing was asked for: somebody is trying it out.
    pub fn built_in(&self) -> bool {
        self.file.is_none() && self.config.is_none() && self.to.is_none()
    }
}

/// As JSON, which is YAML in which nothing needs a guess about quotes.
fn one_route(listen: SocketAddr, to: &str) -> String {
    let bind = json!({
        "port": listen.port(),
        "address": listen.ip(),
        "listeners": [{ "routes": [{ "backends": [{ "host": to }] }] }],
    });
    format!("{:#}\n", json!({ "binds": [bind] }))
}

fn upgrade_socket() -> PathBuf {
    gate::default_path().unwrap_or_else(|| PathBuf::from(UPGRADE_SOCKET))
}

fn destination(text: &str) -> Result<String, String> {
    if text.strip_prefix("unix:").is_some_and(|path| path.starts_with('/')) {
        return Ok(text.to_owned());
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(format!("without `{scheme}://`: {}", rest.trim_end_matches('/')));
    }
    let valid = text.parse::<SocketAddr>().is_ok()
        || text.rsplit_once(':').is_some_and(|(host, port)| {
            let named = !host.is_empty() && !host.contains([':', '/', ' ', '[', ']']);
            named && port.parse::<u16>().is_ok_and(|port| port != 0)
        });
    if valid { Ok(text.to_owned()) } else { Err("HOST:PORT or unix:/PATH is wanted".to_owned()) }
}

fn worker_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=WORKERS_MAX).contains(count));
    count.ok_or_else(|| format!("a number from 1 to {WORKERS_MAX} is wanted"))
}

/// Loopback: an open proxy on all addresses is something to ask for.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// With `RuntimeDirectory=ringway` in its unit.
const UPGRADE_SOCKET: &str = "/run/ringway/upgrade.sock";

const EXAMPLES: &str = "\
Examples:
  ringway                                         try it: a proxy and an origin in one process
  ringway --to 127.0.0.1:9000                     proxy 127.0.0.1:8080 to one place
  ringway --to app.internal:80 --listen [::]:80   the same, for everybody
  ringway -f gateway.yaml                         serve a configuration file
  ringway -f gateway.yaml --validate-only         check it
  ringway upgrade                                 a new process in the place of the one that runs
  ringway doctor                                  check the machine

Signals:
  SIGTERM, SIGINT, SIGQUIT   drain, then exit; a second SIGTERM or SIGINT exits at once
  SIGHUP                     read the configuration again, reopen log files
  SIGUSR2                    the same as `ringway upgrade`

Exit codes:
  0     drained, even when connections had to be cut; a valid configuration with --validate-only;
        upgraded; a machine on which nothing has to be mended
  1     the configuration is wrong, or serving it could not start; not upgraded: the running
        process goes on; the doctor found a failure
  2     wrong command line
  3     no worker is left
  130   a second SIGINT
  143   a second SIGTERM";

#[cfg(test)]
mod tests;
