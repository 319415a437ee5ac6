use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// Is the bell's descriptor readable, within `patience`?
#[expect(unsafe_code, reason = "poll has no safe wrapper here")]
fn rings<T>(inbox: &Inbox<T>, patience: Duration) -> bool {
    let mut waited = libc::pollfd { fd: inbox.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let limit_ms = i32::try_from(patience.as_millis()).unwrap();
    // SAFETY: one valid pollfd.
    unsafe { libc::poll(&raw mut waited, 1, limit_ms) == 1 }
}

fn rings_now<T>(inbox: &Inbox<T>) -> bool {
    rings(inbox, Duration::ZERO)
}

#[test]
fn letters_come_in_order_and_the_bell_falls_silent() {
    let (mailbox, inbox) = mailbox(8).unwrap();
    assert!(!rings_now(&inbox));
    for letter in 0..5 {
        mailbox.send(letter).unwrap();
    }
    assert!(rings_now(&inbox));
    assert_eq!(inbox.drain().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(!rings_now(&inbox));
    mailbox.send(5).unwrap();
    assert!(rings_now(&inbox), "a silenced bell rings again");
}

#[test]
fn a_full_mailbox_gives_the_letter_back() {
    let (mailbox, inbox) = mailbox(2).unwrap();
    assert_eq!(mailbox.room(), 2);
    mailbox.send(1).unwrap();
    mailbox.send(2).unwrap();
    assert_eq!((mailbox.room(), mailbox.send(3)), (0, Err(Unsent::Full(3))));
    assert_eq!(inbox.take(), Ok(1));
    assert_eq!(mailbox.send(3), Ok(()));
    drop(inbox);
    assert_eq!(mailbox.send(4), Err(Unsent::Closed(4)));
}

#[test]
fn the_last_sender_to_leave_rings() {
    let (first, inbox) = mailbox::<u8>(2).unwrap();
    let second = first.clone();
    drop(first);
    assert!(!rings_now(&inbox));
    assert_eq!(inbox.take(), Err(Empty::Yet));
    let leaving = thread::spawn(move || drop(second));
    assert!(rings(&inbox, PATIENCE), "the reader was not woken");
    assert_eq!(inbox.take(), Err(Empty::ForEver));
    leaving.join().unwrap();
}

fn insist<T>(mailbox: &Mailbox<T>, mut letter: T) {
    while let Err(Unsent::Full(back)) = mailbox.send(letter) {
        letter = back;
        thread::yield_now();
    }
}

/// Many senders against one reader that goes to sleep whenever it can: no letter is lost, and the
/// reader never sleeps on one.
#[test]
fn no_letter_is_slept_upon() {
    const SENDERS: usize = 4;
    const LETTERS: usize = 20_000;
    let (mailbox, inbox) = mailbox(16).unwrap();
    let sent = Arc::new(mailbox);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let mailbox = Arc::clone(&sent);
            thread::spawn(move || {
                (0..LETTERS).for_each(|number| insist(&mailbox, (sender, number)))
            })
        })
        .collect();
    drop(sent);
    let mut next = [0; SENDERS];
    while next.iter().sum::<usize>() < SENDERS * LETTERS {
        assert!(rings(&inbox, PATIENCE), "slept on a letter");
        for (sender, number) in inbox.drain() {
            assert_eq!(next[sender], number, "in the order of each sender");
            next[sender] += 1;
        }
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn control_awaits_its_letters() {
    let (mailbox, inbox) = mailbox(4).unwrap();
    let sender = thread::spawn(move || {
        for number in 0..1000 {
            while mailbox.send(number).is_err() {
                thread::yield_now();
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let received = runtime.block_on(async {
        let inbox = crate::bus::Awaited::new(inbox).unwrap();
        let mut received = Vec::new();
        while let Some(number) = tokio::time::timeout(PATIENCE, inbox.next()).await.unwrap() {
            received.push(number);
        }
        received
    });
    assert_eq!(received, (0..1000).collect::<Vec<_>>());
    sender.join().unwrap();
}
