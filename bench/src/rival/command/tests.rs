//! Every configuration that is written is one that its program accepts.

use std::net::Ipv4Addr;

use super::*;
use crate::affinity::Cores;
use crate::folder::Folder;
use crate::rival::certificate::Certificate;
use crate::rival::free_ports;
use crate::rival::origin::Addresses;

const WIRINGS: [Wiring; 6] =
    [Wiring::HTTP1, Wiring::H2C, Wiring::TO_H2C, Wiring::TLS, Wiring::TCP, Wiring::GRPC];

/// Writes the configurations of `subject`, one for each way it can be wired, and has each looked
/// at, with the folder that it may write to.
fn for_each_wiring(subject: Subject, look: impl Fn(Wiring, Command, &Path)) {
    let folder = Folder::create().unwrap();
    let origin = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    let site = Site {
        cores: Cores { proxy: 0, load: 0 },
        folder: folder.path(),
        origins: Addresses { http1: origin, h2c: origin, grpc: origin, holding: origin },
        certificate: Certificate::make(folder.path()).unwrap(),
        message: PathBuf::new(),
        ringway: "ringway".into(),
        descriptors_max: 1024,
    };
    for wiring in WIRINGS.into_iter().filter(|wiring| wiring.suits(subject)) {
        match (Call { site: &site, wiring, ports: free_ports().unwrap() }).of(subject) {
            Ok(command) => look(wiring, command, folder.path()),
            Err(refusal) => assert!(matches!(refusal, Refusal::Absent(_)), "{refusal}"),
        }
    }
}

/// The program says whether it would start: that is what its `flags` are for.
fn check(subject: Subject, flags: &[&str]) {
    if !program(subject.word()).is_file() {
        // envoy is in no distribution: nobody has to have it.
        let needed = env::var_os("CI").is_some() && subject.word() != Subject::Envoy.word();
        assert!(!needed, "{} is not installed", subject.name());
        return;
    }
    for_each_wiring(subject, |wiring, mut command, _| {
        let output = command.args(flags).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{}, {wiring:?}: {said}", subject.name());
    });
}

#[test]
fn rivals_accept_their_configurations() {
    check(Subject::Nginx, &["-t"]);
    check(Subject::NginxUnbuffered, &["-t"]);
    check(Subject::H2o, &["-t"]);
    check(Subject::Haproxy, &["-c"]);
    check(Subject::HaproxySpliced, &["-c"]);
    check(Subject::Envoy, &["--mode", "validate"]);
    check(Subject::NginxCapped, &["-t"]);
    check(Subject::HaproxyCapped, &["-c"]);
    check(Subject::EnvoyAdaptive, &["--mode", "validate"]);
}

/// Not a word that the dialect does not have. Whether it is served yet is the product's to say.
#[test]
fn ringway_reads_its_configurations() {
    for subject in [
        Subject::Ringway,
        Subject::RingwayToH1,
        Subject::RingwayLogged,
        Subject::RingwayManaged,
        Subject::RingwayAdaptive,
    ] {
        for_each_wiring(subject, |wiring, _, folder| {
            let text = fs::read_to_string(folder.join("ringway.yaml")).unwrap();
            let read = ringway::config::parse(&text, "ringway.yaml");
            assert!(read.is_ok(), "{wiring:?}: {text}\n{:?}", read.err());
        });
    }
}
