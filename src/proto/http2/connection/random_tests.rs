//! Two engines joined back to back, and two drivers that do what comes to their mind: whatever the
//! order and the splits, no byte is lost or changed, no stream is left, no window leaks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tests::{NOW, raw, settings};
use super::*;
use crate::base::random::Random;
use crate::limits::H2_STREAMS_MAX;

/// What a driver knows of a stream.
struct Lane {
    key: StreamKey,
    /// Bytes of the body to send, of those sent, and whether that was all.
    total: usize,
    sent: usize,
    head_sent: bool,
    finished: bool,
    /// The same of what comes; the total is in the head.
    total_in: Option<usize>,
    received: usize,
    held: usize,
    end_seen: bool,
    reset: bool,
}

struct End {
    connection: Connection,
    role: Role,
    lanes: BTreeMap<u32, Lane>,
    /// On its way to this end.
    wire: Vec<u8>,
    now: Instant,
    completed: usize,
    resets: usize,
}

impl End {
    fn new(role: Role) -> Self {
        let now = NOW;
        let connection = Connection::new(role, &Settings::default(), now);
        Self {
            connection,
            role,
            lanes: BTreeMap::new(),
            wire: Vec::new(),
            now,
            completed: 0,
            resets: 0,
        }
    }

    fn byte(role: Role, id: u32, offset: usize) -> u8 {
        (offset * 7 + id as usize * 31 + usize::from(role == Role::Server)) as u8
    }

    fn lane(&mut self, key: StreamKey, total: usize) {
        let lane = Lane {
            key,
            total,
            sent: 0,
            head_sent: false,
            finished: false,
            total_in: None,
            received: 0,
            held: 0,
            end_seen: false,
            reset: false,
        };
        assert!(self.lanes.insert(key.id, lane).is_none(), "each stream begins once");
    }

    fn block(random: &Random, total: usize) -> Vec<u8> {
        let long = if random.below(20) == 0 { 50_000 } else { 200 };
        let mut block = (total as u32).to_be_bytes().to_vec();
        block.resize(4 + random.below(long) as usize, 0);
        block[..4].copy_from_slice(&(total as u32).to_be_bytes());
        block.resize(block.len().max(4), 0);
        block
    }

    fn total(random: &Random) -> usize {
        let most = [1, 100, 20_000, 300_000][random.below(4) as usize];
        random.below(most) as usize
    }

    fn open(&mut self, random: &Random) {
        if self.connection.check_vacancy().is_err() {
            return;
        }
        let total = Self::total(random);
        let key = self.connection.open(&Self::block(random, total), total == 0).expect("vacancy");
        self.lane(key, total);
        let lane = self.lanes.get_mut(&key.id).expect("just inserted");
        (lane.head_sent, lane.finished) = (true, total == 0);
    }

    /// Sends some more on a stream, its head first.
    fn send(&mut self, id: u32, most: usize, random: &Random) {
        let role = self.role;
        let Some(lane) = self.lanes.get_mut(&id).filter(|lane| !lane.finished && !lane.reset)
        else {
            return;
        };
        if !self.connection.can_send(lane.key) {
            return;
        }
        if !lane.head_sent {
            lane.head_sent = true;
            lane.finished = lane.total == 0;
            let block = Self::block(random, lane.total);
            assert!(self.connection.send_head(lane.key, &block, lane.finished));
            return;
        }
        let size = (lane.total - lane.sent).min(most);
        let last = lane.sent + size == lane.total;
        let trailers = last && random.below(3) == 0;
        let bytes: Vec<_> =
            (lane.sent..lane.sent + size).map(|at| Self::byte(role, id, at)).collect();
        let taken = self.connection.send_body(lane.key, &bytes, last && !trailers);
        lane.sent += taken;
        lane.finished = last && taken == size;
        if lane.finished && trailers {
            assert!(self.connection.send_head(lane.key, b"trailers", true));
        }
    }

    /// Takes in some of what is on its way.
    fn receive(&mut self, most: usize, random: &Random) {
        let mut given = self.wire.len().min(most);
        loop {
            let advanced = self.connection.advance(&self.wire[..given], self.now);
            let Advanced { consumed, event } = advanced.expect("both ends keep the rules");
            let Some(event) = event else {
                self.wire.drain(..consumed);
                return;
            };
            let (role, lanes, resets) = (self.role, &mut self.lanes, &mut self.resets);
            let begun = Self::note(role, lanes, resets, event);
            self.wire.drain(..consumed);
            given -= consumed;
            if let Some(begun) = begun {
                self.begin(begun, random);
            }
        }
    }

    fn begin(&mut self, (key, total_in, end): (StreamKey, usize, bool), random: &Random) {
        match self.role {
            Role::Server => self.lane(key, Self::total(random)),
            Role::Client => self.connection.head_is_final(key),
        }
        let lane = self.lanes.get_mut(&key.id).expect("it has begun");
        (lane.total_in, lane.end_seen) = (Some(total_in), end);
    }

    /// Checks an event against what the other end must have sent.
    fn note(
        role: Role,
        lanes: &mut BTreeMap<u32, Lane>,
        resets: &mut usize,
        event: Event<'_>,
    ) -> Option<(StreamKey, usize, bool)> {
        match event {
            Event::Head { stream, kind: HeadKind::Message, block, end } => {
                let total = frame::u32_at(block, 0) as usize;
                assert_eq!(total == 0, end);
                return Some((stream, total, end));
            }
            Event::Head { stream, kind: HeadKind::Trailers, block, end } => {
                assert!(end && block == b"trailers");
                lanes.get_mut(&stream.id).expect("known").end_seen = true;
            }
            Event::Body { stream, bytes, end } => {
                let lane = lanes.get_mut(&stream.id).expect("known");
                let from = lane.received;
                let other = if role == Role::Server { Role::Client } else { Role::Server };
                let right = (from..).map(|at| Self::byte(other, stream.id, at));
                assert!(bytes.iter().copied().eq(right.take(bytes.len())), "bytes as sent");
                lane.received += bytes.len();
                lane.held += bytes.len();
                lane.end_seen = end;
                assert!(!lane.reset);
            }
            Event::Reset { stream, code, by_peer } => {
                assert!(by_peer, "{code:?} for {stream:?}");
                *resets += 1;
                lanes.get_mut(&stream.id).expect("known").reset = true;
            }
            Event::Discarded { .. } | Event::Settings(_) | Event::SettingsTaken => {}
            Event::GoAway { .. } | Event::Unprocessed { .. } => panic!("nobody drains"),
        }
        None
    }

    fn release(&mut self, id: u32, most: usize) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            let bytes = lane.held.min(most);
            lane.held -= bytes;
            self.connection.release(lane.key, bytes);
        }
    }

    /// Ends what is complete or was reset.
    fn end_some(&mut self) {
        let done = |lane: &Lane| lane.reset || (lane.finished && lane.end_seen && lane.held == 0);
        let ended: Vec<_> =
            self.lanes.iter().filter(|(_, lane)| done(lane)).map(|(id, _)| *id).collect();
        for id in ended {
            let lane = self.lanes.remove(&id).expect("just seen");
            if !lane.reset {
                assert_eq!(Some(lane.received), lane.total_in, "stream {id}");
                self.completed += 1;
            }
            self.connection.ended(lane.key);
        }
    }

    fn give_up(&mut self, id: u32) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            self.connection.reset(lane.key, ErrorCode::CANCEL);
            lane.reset = true;
        }
    }

    fn some_id(&self, random: &Random) -> Option<u32> {
        let at = random.below(self.lanes.len() as u64) as usize;
        self.lanes.keys().nth(at).copied()
    }
}

/// What one end wrote is on its way to the other.
fn carry(from: &mut End, to: &mut End) {
    let mut written = Vec::new();
    from.connection.swap_out(&mut written);
    to.wire.append(&mut written);
}

fn act(end: &mut End, random: &Random, opens: &mut u32) {
    end.now = end.now.plus(Duration::from_millis(20));
    let id = end.some_id(random);
    match (random.below(12), id) {
        (0..=2, _) if end.role == Role::Client && *opens > 0 => {
            *opens -= 1;
            end.open(random);
        }
        (3..=5, Some(id)) => end.send(id, random.below(100_000) as usize, random),
        (6, Some(id)) if random.below(8) == 0 => end.give_up(id),
        (7, Some(id)) => end.release(id, random.below(50_000) as usize),
        (8, _) => end.end_some(),
        (9, _) => {
            while let Some(key) = end.connection.next_ready() {
                end.send(key.id, random.below(60_000) as usize, random);
            }
        }
        _ => end.receive(random.below(40_000) as usize, random),
    }
}

fn settle(ends: &mut [End; 2], random: &Random) {
    for _ in 0..500 {
        let [client, server] = ends;
        carry(client, server);
        carry(server, client);
        for end in ends.iter_mut() {
            end.now = end.now.plus(Duration::from_millis(1));
            end.receive(usize::MAX, random);
            let ids: Vec<_> = end.lanes.keys().copied().collect();
            for id in ids {
                end.release(id, usize::MAX);
                end.send(id, usize::MAX, random);
            }
            end.end_some();
        }
        let quiet = |end: &End| end.lanes.is_empty() && end.wire.is_empty();
        if ends.iter().all(|end| quiet(end) && end.connection.out().is_empty()) {
            return;
        }
    }
    panic!("it does not come to an end");
}

fn run(seed: u64) -> (usize, usize) {
    let random = Random::seeded(seed);
    let mut ends = [End::new(Role::Client), End::new(Role::Server)];
    let mut opens = 60;
    for _ in 0..1_500 {
        let who = random.below(2) as usize;
        act(&mut ends[who], &random, &mut opens);
        let [client, server] = &mut ends;
        match random.below(40) {
            0..=9 => carry(client, server),
            10..=19 => carry(server, client),
            // A smaller window in the middle of all: the client's windows go below zero.
            20 => {
                carry(server, client);
                client.wire.extend(settings(&[(4, random.below(65_537) as u32)]));
            }
            _ => {}
        }
    }
    let [client, server] = &mut ends;
    carry(server, client);
    client.wire.extend(settings(&[(4, 65_536)]));
    settle(&mut ends, &random);

    let [client, server] = &ends;
    for (from, to) in [(client, server), (server, client)] {
        assert_eq!(to.connection.live(), 0, "seed {seed}: a stream is left");
        assert_eq!(to.connection.window_in.held(), 0, "seed {seed}: window lost");
        let sendable = from.connection.window_out.available();
        assert_eq!(sendable as i32, to.connection.window_in.available(), "seed {seed}");
        let slots = to.connection.streams.capacities().0;
        assert!(slots <= H2_STREAMS_MAX.next_power_of_two() as usize, "seed {seed}: {slots} slots");
    }
    (client.completed, client.resets + server.resets)
}

#[test]
fn random_exchanges_lose_nothing() {
    let mut completed = 0;
    let mut resets = 0;
    for seed in 0..16 {
        let run = run(seed);
        completed += run.0;
        resets += run.1;
    }
    assert!(completed > 400 && resets > 40, "{completed} completed, {resets} resets");
}

#[path = "../../../../fuzz/http2_checks.rs"]
mod checks;
use crate::{base, proto};

/// Frames that resemble real ones, with a byte changed here and there.
#[test]
fn random_frames_end_the_same_however_they_are_split() {
    for seed in 0..3_000 {
        let random = Random::seeded(seed);
        let mut bytes = vec![random.next() as u8];
        for _ in 0..random.below(12) {
            let length = [0, 1, 4, 5, 6, 8, 20][random.below(7) as usize];
            let (kind, flags) = (random.below(11) as u8, random.next() as u8 & 0x2d);
            let payload: Vec<u8> = (0..length).map(|_| random.below(4) as u8).collect();
            let stream = random.below(6) as u32;
            bytes.extend(raw(kind, flags, stream, &payload));
        }
        if random.below(4) == 0 {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next() as u8;
        }
        checks::frames(&bytes);
    }
}
