//! The origin that every subject stands in front of: nginx, on the load's core.

use std::fs;
use std::path::Path;

use super::{Refusal, Running, command, free_ports, template};
use crate::affinity::Cores;
use crate::child::Child;

/// 1 KiB by `return`: head and body in one segment.
pub(crate) const MEMORY_PATH: &str = "/memory";
/// What the origin was told in X-Forwarded-For.
pub(crate) const FORWARDED_PATH: &str = "/forwarded";
/// Static files: head and body in two segments.
pub(crate) const FILES: [(&str, usize); 3] =
    [("/1k", MEMORY_BYTES), ("/64k", 64 * 1024), ("/1m", 1024 * 1024)];
pub(crate) const MEMORY_BYTES: usize = 1024;

pub(crate) fn start(cores: Cores, folder: &Path, descriptors_max: u64) -> Result<Running, Refusal> {
    let folder = folder.join("origin");
    let files = folder.join("files");
    fs::create_dir_all(&files)?;
    for (path, bytes) in FILES {
        fs::write(files.join(&path[1..]), content(bytes))?;
    }
    let [address] = free_ports()?;
    let text = template::fill(
        include_str!("../../rivals/origin-nginx.conf"),
        &[
            ("PORT", &address.port().to_string()),
            ("FOLDER", &folder.display().to_string()),
            ("FILES", &files.display().to_string()),
            ("DESCRIPTORS", &descriptors_max.to_string()),
            ("CONNECTIONS", &descriptors_max.to_string()),
            ("USER", template::nginx_user()),
            ("MEMORY_PATH", MEMORY_PATH),
            ("FORWARDED_PATH", FORWARDED_PATH),
            ("BODY", &String::from_utf8_lossy(&content(MEMORY_BYTES))),
        ],
    );
    let command = command::nginx_command(&folder.join("nginx.conf"), &text)?;
    let child = Child::spawn(command, cores.load, &folder, "nginx")?;
    let mut running = Running { child, address };
    running.wait_for(address, MEMORY_PATH)?;
    Ok(running)
}

/// A body in which a byte too few, too many or out of place shows.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..bytes).map(|at| letters[(at * 7 + at / letters.len()) % letters.len()]).collect()
}
