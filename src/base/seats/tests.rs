use super::*;

fn seat(seats: &Seats, key: u64, most: u32) -> Option<Place> {
    match seats.take(key, most) {
        Taken::Seat(place) => Some(place),
        Taken::Full => None,
        Taken::Uncounted => panic!("there is room for {key}"),
    }
}

#[test]
fn so_many_of_each_key() {
    let seats = Seats::new(1000);
    let places: Vec<_> =
        (0..100).map(|key| [key; 3].map(|key| seat(&seats, key, 3).unwrap())).collect();
    assert_eq!(seats.in_use(), 100);
    for (key, places) in (0..).zip(&places) {
        assert_eq!(seat(&seats, key, 3), None);
        seats.leave(places[0]);
        assert!(seat(&seats, key, 3).is_some());
        assert_eq!(seat(&seats, key, 3), None);
    }
    for places in places {
        places.into_iter().for_each(|place| seats.leave(place));
    }
    assert_eq!(seats.in_use(), 0);
}

#[test]
fn what_finds_no_place_says_so() {
    let seats = Seats::new(4);
    let taken: Vec<_> = (0..1000).map(|key| seats.take(key, 1)).collect();
    let seated = taken.iter().filter(|taken| matches!(taken, Taken::Seat(_))).count();
    assert_eq!(seated, 8);
    assert!(!taken.contains(&Taken::Full));
    assert_eq!(seats.in_use(), 8);
}

#[test]
fn workers_count_together() {
    const MOST: u32 = 10;
    let seats = Seats::new(1000);
    let come_and_go = || {
        for turn in 0..20_000 {
            let places: Vec<_> = (0..4).filter_map(|_| seat(&seats, turn % 3, MOST)).collect();
            places.into_iter().for_each(|place| seats.leave(place));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(come_and_go);
        }
    });
    assert_eq!(seats.in_use(), 0);
    let places: Vec<_> = (0..MOST).map(|_| seat(&seats, 0, MOST).unwrap()).collect();
    assert_eq!(seat(&seats, 0, MOST), None);
    places.into_iter().for_each(|place| seats.leave(place));
}
