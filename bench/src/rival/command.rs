//! How each subject is called: its configuration file, filled in and written, and its command line.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::{Refusal, Site, Subject, template};

/// `ports` are the proxy's own, then three for those who have an admin side.
pub(super) fn of(
    subject: Subject,
    site: &Site<'_>,
    ports: [SocketAddrV4; 4],
) -> Result<Command, Refusal> {
    let [address, ..] = ports;
    match subject {
        Subject::Nginx => nginx(site, address, "on"),
        Subject::NginxUnbuffered => nginx(site, address, "off"),
        Subject::Haproxy => haproxy(site, address),
        Subject::Relay => own("relay", site, address),
        Subject::MonoioHttp if cfg!(feature = "monoio-http") => own("monoio-http", site, address),
        Subject::MonoioHttp => Err(Refusal::Absent("built without the feature".into())),
        Subject::Ringway => ringway(site, ports, "off"),
        Subject::RingwayLogged => ringway(site, ports, "stdout"),
    }
}

fn nginx(site: &Site<'_>, address: SocketAddrV4, buffering: &str) -> Result<Command, Refusal> {
    let text = template::fill(
        include_str!("../../rivals/nginx.conf"),
        &[
            ("PORT", &address.port().to_string()),
            ("ORIGIN", &site.origin.to_string()),
            ("FOLDER", &site.folder.display().to_string()),
            ("DESCRIPTORS", &site.descriptors_max.to_string()),
            ("CONNECTIONS", &site.descriptors_max.to_string()),
            ("USER", template::nginx_user()),
            ("BUFFERING", buffering),
        ],
    );
    nginx_command(&site.folder.join("nginx.conf"), &text)
}

/// Its configuration is `text`, kept at `path`.
pub(super) fn nginx_command(path: &Path, text: &str) -> Result<Command, Refusal> {
    fs::write(path, text)?;
    let mut command = Command::new(program("nginx"));
    // Its compiled-in error log is out of bounds for an ordinary user: `-e` names another.
    command.args(["-e", "stderr", "-c"]).arg(path);
    Ok(command)
}

fn haproxy(site: &Site<'_>, address: SocketAddrV4) -> Result<Command, Refusal> {
    let text = template::fill(
        include_str!("../../rivals/haproxy.cfg"),
        &[
            ("PORT", &address.port().to_string()),
            ("ORIGIN", &site.origin.to_string()),
            ("CONNECTIONS", &CONNECTIONS_MAX.to_string()),
        ],
    );
    let path = site.folder.join("haproxy.cfg");
    fs::write(&path, text)?;
    let mut command = Command::new(program("haproxy"));
    command.arg("-db").arg("-f").arg(path);
    Ok(command)
}

fn ringway(
    site: &Site<'_>,
    ports: [SocketAddrV4; 4],
    access_log: &str,
) -> Result<Command, Refusal> {
    let [address, admin, stats, readiness] = ports;
    let text = template::fill(
        include_str!("../../rivals/ringway.yaml"),
        &[
            ("PORT", &address.port().to_string()),
            ("ORIGIN", &site.origin.to_string()),
            ("ADMIN_PORT", &admin.port().to_string()),
            ("STATS_PORT", &stats.port().to_string()),
            ("READINESS_PORT", &readiness.port().to_string()),
            ("ACCESS_LOG", access_log),
        ],
    );
    let path = site.folder.join("ringway.yaml");
    fs::write(&path, text)?;
    let mut command = Command::new(&site.ringway);
    command.arg("-f").arg(path).args(["--workers", "1"]);
    Ok(command)
}

/// A rival that lives in this executable, behind a hidden subcommand.
fn own(subcommand: &str, site: &Site<'_>, address: SocketAddrV4) -> Result<Command, Refusal> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(subcommand).arg(address.to_string()).arg(site.origin.to_string());
    Ok(command)
}

/// Distributions keep servers in folders that an ordinary user's PATH does not have.
pub(super) fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| name.into())
}

/// Clients that haproxy must admit: the idle row's, with room.
const CONNECTIONS_MAX: usize = 10_240;
