use super::*;

fn events(bus: &Bus<()>, count: usize) -> Vec<(u32, Stop)> {
    let mut stops = Vec::new();
    while stops.len() < count {
        match bus.events.wait().expect("a worker is missing") {
            Event::Stopped { worker, why } => stops.push((worker.0, why)),
            Event::Started { .. } => (),
            other => panic!("{other:?}"),
        }
    }
    stops.sort_by_key(|(worker, _)| *worker);
    stops
}

#[test]
fn however_a_worker_ends_control_learns_it() {
    let (crew, bus) = Crew::start(4, false, |seat: Seat<()>| {
        let worker = seat.worker;
        Box::new(move || {
            seat.pulse.beat();
            seat.events.send(Event::Started { worker }).map_err(|_| "nobody listens")?;
            match worker.0 {
                0 => Ok(()),
                1 => Err("no ring".to_owned()),
                2 => panic!("index {} is out of bounds", 7),
                _ => std::panic::panic_any(7_u8),
            }
        })
    })
    .unwrap();
    let expected = [
        (0, Stop::Drained),
        (1, Stop::Failed("no ring".into())),
        (2, Stop::Panicked("index 7 is out of bounds".into())),
        (3, Stop::Panicked("no message".into())),
    ];
    assert_eq!(events(&bus, 4), expected);
    assert!(crew.join());
    assert!(bus.pulses.iter().all(|pulse| pulse.count() == 1));
}

#[test]
fn a_thread_that_does_not_end_is_not_waited_for() {
    let (crew, bus) = Crew::start(1, false, |seat: Seat<()>| {
        Box::new(move || {
            while seat.commands.wait().is_some() {}
            Ok(())
        })
    })
    .unwrap();
    assert!(!crew.join());
    drop(bus);
}

#[test]
fn workers_are_pinned_when_there_are_cores_for_all() {
    let (_, bus) = Crew::start(1, true, |seat: Seat<()>| {
        Box::new(move || {
            let mine = core_affinity::get_core_ids().unwrap_or_default();
            drop(seat);
            if mine.len() == 1 { Ok(()) } else { Err(format!("{mine:?}")) }
        })
    })
    .unwrap();
    assert_eq!(events(&bus, 1), [(0, Stop::Drained)]);
    assert_eq!(cores(100_000, true).iter().flatten().count(), 0);
    assert_eq!(cores(1, false), [None]);
}
