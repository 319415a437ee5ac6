use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

const IDLE: Duration = Duration::from_millis(60);
const LIFE: Duration = Duration::from_millis(300);

fn limited(
    bytes: usize,
    idle: Duration,
) -> (Limited<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
    let turn = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let (near, far) = duplex(bytes);
    let unanswered = Arc::new(Semaphore::new(1));
    (Limited::new(near, turn, unanswered, (idle, LIFE)), far)
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_connection_that_idles_ends() {
    run(async {
        let (mut near, mut far) = limited(64, IDLE);
        let begun = Instant::now();
        far.write_all(b"x").await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), b'x');
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= IDLE);
    });
}

#[test]
fn a_client_that_reads_nothing_is_not_waited_for() {
    run(async {
        let (mut near, _far) = limited(4, IDLE);
        let error = near.write_all(b"more than fits").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    });
}

#[test]
fn dripping_does_not_keep_a_connection_for_ever() {
    run(async {
        let begun = Instant::now();
        // However late the next byte comes on a machine that stalls, it is no silence.
        let (mut near, mut far) = limited(64, 100 * LIFE);
        tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                tokio::time::sleep(LIFE / 30).await;
            }
        });
        while near.read_u8().await.is_ok() {}
        assert!(begun.elapsed() >= LIFE);
    });
}
