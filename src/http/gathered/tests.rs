use std::time::Duration;

use super::*;
use crate::net::tests::{Rig, on_both_drivers, write};
use crate::proto::http1::{BodyLength, Output};

const LONG: Duration = Duration::from_secs(20);

/// What came of a body of this framing, `first` of it being there at once, and what was behind it.
async fn run(
    rig: &Rig,
    length: BodyLength,
    input: &[u8],
    first: usize,
    bytes_max: usize,
) -> Result<(Vec<u8>, Vec<u8>), Unwhole> {
    let (from, sender) = rig.pair();
    let buffers = Rc::new(Buffers::default());
    let mut came = buffers.take();
    came.put(&input[..first]);
    let rest = input[first..].to_vec();
    let sending = std::thread::spawn(move || {
        write(&sender, &rest);
        // Whether it is still there is nobody's business.
        let _ = sender.shutdown(std::net::Shutdown::Write);
    });
    let mut gathered = Gathered::new(&buffers, b"head");
    let from = &from;
    let gather = Gather { from, bytes_max, read_limit: LONG, until: None, buffers: &buffers };
    let mut body = Body::new(length, Output::Strip);
    let result = gather.run(&mut body, came, &mut gathered).await;
    sending.join().unwrap();
    let got = result.map(|behind| {
        let came_behind = behind.filled().to_vec();
        buffers.give(behind);
        assert_eq!(gathered.body().len() as u64, gathered.length);
        assert!(gathered.bytes.as_ref().unwrap().filled().starts_with(b"head"));
        let held = gathered.bytes.as_ref().unwrap().capacity();
        assert!(buffers.out_bytes() >= held, "what is held is in the books");
        (gathered.body().to_vec(), came_behind)
    });
    drop(gathered);
    assert_eq!(buffers.out_bytes(), 0, "the books are even");
    got
}

#[test]
fn a_body_of_any_framing_is_gathered() {
    on_both_drivers(|rig| async move {
        let large = crate::net::tests::pattern(700_000);
        for first in [0, 1, 3, 9] {
            let (body, behind) =
                run(&rig, BodyLength::Fixed(5), b"hello+more", first, 5).await.unwrap();
            assert_eq!(body, b"hello");
            assert!(first < 5 || behind == b"+more"[..first - 5], "what comes behind is kept");
            let chunked = b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n";
            let got = run(&rig, BodyLength::Chunked, chunked, first, 5).await;
            assert_eq!(got.map(|(body, _)| body), Ok(b"hello".to_vec()));
            let got = run(&rig, BodyLength::UntilClose, &large, first, large.len()).await;
            assert!(got == Ok((large.clone(), Vec::new())), "all of a large one");
        }
    });
}

#[test]
fn what_is_not_whole_is_told() {
    on_both_drivers(|rig| async move {
        let cases: [(BodyLength, &[u8], Unwhole); 4] = [
            (BodyLength::Chunked, b"6\r\nhello!\r\n0\r\n\r\n", Unwhole::TooLarge),
            (BodyLength::UntilClose, b"hello!", Unwhole::TooLarge),
            (BodyLength::Fixed(5), b"hell", Unwhole::Broke(Broke::ReadClosed)),
            (BodyLength::Chunked, b"5\r\nhel", Unwhole::Broke(Broke::ReadClosed)),
        ];
        for (length, input, expected) in cases {
            for first in 0..=input.len() {
                assert_eq!(run(&rig, length, input, first, 5).await, Err(expected), "{length:?}");
            }
        }
    });
}

#[test]
fn another_body_takes_the_place_of_one() {
    let buffers = Rc::new(Buffers::default());
    let mut gathered = Gathered::new(&buffers, b"head");
    gathered.append(b"old body");
    for made in [&b"new"[..], b"", &[7; 300_000], b"x"] {
        gathered.replace(made);
        assert_eq!((gathered.length, gathered.body()), (made.len() as u64, made));
        let bytes = gathered.bytes.as_ref().unwrap();
        assert_eq!(bytes.filled(), [b"head", made].concat());
    }
    gathered.show(vec![0; 1000]);
    assert!(buffers.out_bytes() > 300_000);
    drop(gathered);
    assert_eq!(buffers.out_bytes(), 0);
}
