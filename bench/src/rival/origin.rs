//! The origins that every subject stands in front of, on the load's core: nginx for HTTP/1.1 and
//! for HTTP/2 without TLS, and one of our own for gRPC ([`super::grpc`]). Each row needs one.

use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use super::wiring::Back;
use super::{Refusal, Running, command, free_ports, grpc, models, template};
use crate::affinity::Cores;
use crate::child::Child;
use crate::load::{Error, probe};

/// 1 KiB by `return`: head and body in one segment.
pub(crate) const MEMORY_PATH: &str = "/memory";
/// What the origin was told in X-Forwarded-For.
pub(crate) const FORWARDED_PATH: &str = "/forwarded";
/// Static files: head and body in two segments.
pub(crate) const FILES: [(&str, usize); 3] =
    [("/1k", MEMORY_BYTES), ("/64k", 64 * 1024), ("/1m", 1024 * 1024)];
/// Addresses that it has, from 127.0.0.1 on.
pub(crate) const ENDPOINTS: u8 = 100;
pub(crate) const MEMORY_BYTES: usize = 1024;

pub(crate) struct Origins {
    http1: Running,
    h2c: Running,
    grpc: Running,
    holding: SocketAddrV4,
}

/// Where they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) http1: SocketAddrV4,
    pub(crate) h2c: SocketAddrV4,
    pub(crate) grpc: SocketAddrV4,
    /// A provider whose streams stay open.
    pub(crate) holding: SocketAddrV4,
}

impl Origins {
    pub(crate) fn start(
        cores: Cores,
        folder: &Path,
        descriptors_max: u64,
    ) -> Result<Self, Refusal> {
        let files = folder.join("files");
        fs::create_dir(&files)?;
        for (path, bytes) in FILES {
            fs::write(files.join(&path[1..]), content(bytes))?;
        }
        fs::write(files.join(models::STREAM_FILE), models::stream())?;
        let nginx = |back, listen| {
            let place = Place { cores, folder, files: &files, descriptors_max };
            place.start_nginx(back, listen)
        };
        let (http1, h2c) = (nginx(Back::Http1, "")?, nginx(Back::H2c, "http2")?);
        Ok(Self { http1, h2c, grpc: start_grpc(cores, folder)?, holding: models::hold()? })
    }

    pub(crate) fn addresses(&self) -> Addresses {
        let (http1, h2c) = (self.http1.address, self.h2c.address);
        Addresses { http1, h2c, grpc: self.grpc.address, holding: self.holding }
    }
}

impl Addresses {
    pub(crate) fn of(&self, back: Back) -> SocketAddrV4 {
        match back {
            Back::Http1 => self.http1,
            Back::H2c => self.h2c,
            Back::Grpc => self.grpc,
        }
    }
}

struct Place<'a> {
    cores: Cores,
    folder: &'a Path,
    files: &'a Path,
    descriptors_max: u64,
}

impl Place<'_> {
    fn start_nginx(&self, back: Back, listen: &str) -> Result<Running, Refusal> {
        let folder = self.folder.join(format!("origin-{back:?}"));
        fs::create_dir(&folder)?;
        let [address] = free_ports()?;
        // What is one endpoint for all subjects is a hundred for one.
        let port = address.port();
        let more =
            (2..=ENDPOINTS).map(|n| format!("listen 127.0.0.{n}:{port} {listen};\n        "));
        let more: Vec<String> = more.collect();
        let text = template::fill(
            include_str!("../../rivals/origin-nginx.conf"),
            &[
                ("PORT", &address.port().to_string()),
                ("LISTEN", listen),
                ("MORE", &more.concat()),
                ("FOLDER", &folder.display().to_string()),
                ("FILES", &self.files.display().to_string()),
                ("DESCRIPTORS", &self.descriptors_max.to_string()),
                ("CONNECTIONS", &self.descriptors_max.to_string()),
                ("USER", template::nginx_user()),
                ("MEMORY_PATH", MEMORY_PATH),
                ("FORWARDED_PATH", FORWARDED_PATH),
                ("STREAM_FILE", models::STREAM_FILE),
                ("COMPLETION", &models::completion()),
                ("BODY", &String::from_utf8_lossy(&content(MEMORY_BYTES))),
            ],
        );
        let command = command::nginx_command(&folder.join("nginx.conf"), &text)?;
        let child = Child::spawn(command, self.cores.load, &folder, "nginx")?;
        let mut running = Running { child, address };
        running.wait_until(|| match back {
            Back::Http1 => probe::fetch(address, MEMORY_PATH).map(drop),
            Back::H2c | Back::Grpc => probe::fetch_h2c(address, MEMORY_PATH).map(drop),
        })?;
        Ok(running)
    }
}

fn start_grpc(cores: Cores, folder: &Path) -> Result<Running, Refusal> {
    let [address] = free_ports()?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("grpc-origin").arg(address.to_string());
    let child = Child::spawn(command, cores.load, folder, "grpc-origin")?;
    let mut running = Running { child, address };
    // Asked without a proxy it says no, and so shows that it is there.
    running.wait_until(|| match probe::call(address, grpc::PATH, grpc::MESSAGE) {
        Err(Error::Trailers(_)) => Ok(()),
        answer => answer.map(drop),
    })?;
    Ok(running)
}

/// A body in which a byte too few, too many or out of place shows.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..bytes).map(|at| letters[(at * 7 + at / letters.len()) % letters.len()]).collect()
}
