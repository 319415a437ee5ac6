use std::process::{Command, Stdio};

use super::*;

#[test]
fn work_and_memory_of_this_process_are_seen() {
    let mut sampler = Sampler::start(std::process::id()).expect("procfs is there");
    sampler.begin();
    let begun = Instant::now();
    let mut memory = vec![0u8; 32 << 20];
    let mut round = 0u8;
    // CPU time and not wall time: the machine may have other things to do.
    while crate::os::thread_cpu() < Duration::from_millis(300) || begun.elapsed().as_millis() < 50 {
        round = round.wrapping_add(1);
        memory.iter_mut().step_by(4096).for_each(|byte| *byte = byte.wrapping_add(round));
    }
    sampler.end();
    let usage = sampler.finish().expect("it lives");
    assert!(usage.cpu >= Duration::from_millis(30), "{usage:?}");
    assert!(usage.peak.resident_bytes >= 32 << 20 && usage.peak.descriptors >= 3, "{usage:?}");
    assert!(memory.iter().any(|byte| *byte > 0));
}

#[test]
fn a_process_that_is_gone_is_told() {
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().expect("sleep");
    let mut sampler = Sampler::start(child.id()).expect("it was just started");
    sampler.begin();
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    sampler.sample();
    sampler.end();
    assert!(sampler.finish().is_err());
    assert!(Sampler::start(child.id()).is_err());
}
