//! The Debian package is not built here, which takes a release build: what it is made of is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{deployed, said, text};

#[test]
fn what_is_packaged_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let (_, section) = manifest.split_once("[package.metadata.deb]").expect("the section");
    let section = section.split_once("\n[").map_or(section, |(section, _)| section);
    let assets = section.lines().filter_map(|line| line.trim().strip_prefix("[\""));
    let paths: Vec<&str> = assets.filter_map(|asset| asset.split('"').next()).collect();
    assert!(paths.len() > 10, "{paths:?}");
    let script = text("debian/build");
    for path in paths {
        let made = path.strip_prefix("target/");
        let there = match (made, path.strip_suffix("/*")) {
            (Some(made), _) if made.starts_with("package/") => script.contains(path),
            (Some(made), _) => made == "release/ringway",
            (None, Some(folder)) => root.join(folder).is_dir(),
            (None, None) => root.join(path).is_file(),
        };
        assert!(there, "{path}");
    }
    for key in ["maintainer-scripts = \"deploy/debian\"", "/etc/ringway/gateway.yaml"] {
        assert!(section.contains(key), "{key}");
    }
    let version = format!("ringway ({}-1)", env!("CARGO_PKG_VERSION"));
    assert!(text("debian/changelog").starts_with(&version), "the changelog is of {version}");
}

#[test]
fn scripts_are_sound() {
    for (shell, name) in [
        ("sh", "debian/postinst"),
        ("sh", "debian/prerm"),
        ("sh", "debian/postrm"),
        ("bash", "debian/build"),
        ("bash", "irq.sh"),
    ] {
        let judged = Command::new(shell).arg("-n").arg(deployed(name)).output().expect("a shell");
        assert!(judged.status.success(), "{name}: {}", said(&judged));
        assert!(text(name).contains("set -e"), "{name} goes on behind an error");
    }
}

/// The user of the unit is the one that the package makes.
#[test]
fn the_user_is_made() {
    let unit = text("systemd/ringway.service");
    let user = unit.lines().find_map(|line| line.strip_prefix("User=")).expect("a user");
    let made = text("systemd/ringway.sysusers");
    assert!(made.lines().any(|line| line.split_whitespace().take(2).eq(["u", user])), "{made}");
}
