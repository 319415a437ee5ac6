//! The live streams of a connection: slots that are reused, found by id, and the queue of those that
//! wait for their turn to send. Bounded by whoever opens: this grows to the most it ever held.

use super::StreamKey;
use super::ids::IdTable;
use super::stream::{Stream, Waiting};

#[derive(Default, Debug)]
pub(super) struct Streams {
    slots: Vec<Stream>,
    free: Vec<u32>,
    ids: IdTable,
    /// The ends of the queue; `NOBODY` in both when it is empty.
    ends: Option<(u32, u32)>,
}

const NOBODY: u32 = u32::MAX;

impl Streams {
    /// Streams whose work has not ended.
    #[inline]
    pub(super) fn live(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    #[inline]
    pub(super) fn insert(&mut self, stream: Stream) -> StreamKey {
        let id = stream.id;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = stream;
                slot
            }
            None => {
                self.slots.push(stream);
                // Later, ending a stream never allocates.
                self.free.reserve(self.slots.capacity());
                (self.slots.len() - 1) as u32
            }
        };
        self.ids.insert(id, slot);
        StreamKey { id, slot }
    }

    #[inline]
    pub(super) fn find(&self, id: u32) -> Option<StreamKey> {
        self.ids.find(id).map(|slot| StreamKey { id, slot })
    }

    /// The stream itself, unless its work has ended.
    #[inline]
    pub(super) fn stream(&mut self, key: StreamKey) -> Option<&mut Stream> {
        self.slots.get_mut(key.slot as usize).filter(|stream| stream.id == key.id)
    }

    #[inline]
    pub(super) fn peek(&self, key: StreamKey) -> Option<&Stream> {
        self.slots.get(key.slot as usize).filter(|stream| stream.id == key.id)
    }

    /// The slots in use from `slot` on.
    pub(super) fn next_from(&self, slot: u32) -> Option<StreamKey> {
        let mut slots = self.slots.iter().zip(0..).skip(slot as usize);
        slots
            .find(|(stream, _)| stream.id != 0)
            .map(|(stream, slot)| StreamKey { id: stream.id, slot })
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = (StreamKey, &mut Stream)> {
        let used = self.slots.iter_mut().zip(0..).filter(|(stream, _)| stream.id != 0);
        used.map(|(stream, slot)| (StreamKey { id: stream.id, slot }, stream))
    }

    pub(super) fn remove(&mut self, key: StreamKey) {
        self.leave(key);
        self.ids.remove(key.id);
        self.slots[key.slot as usize].id = 0;
        self.free.push(key.slot);
    }

    /// To the end of the queue, unless it is in it.
    pub(super) fn enqueue(&mut self, key: StreamKey) {
        let tail = self.ends.map_or(NOBODY, |(_, tail)| tail);
        let Some(stream) = self.stream(key).filter(|stream| stream.waiting != Waiting::Turn) else {
            return;
        };
        stream.waiting = Waiting::Turn;
        (stream.previous, stream.next) = (tail, NOBODY);
        self.ends = match self.ends {
            None => Some((key.slot, key.slot)),
            Some((head, tail)) => {
                self.slots[tail as usize].next = key.slot;
                Some((head, key.slot))
            }
        };
    }

    /// Out of the queue, wherever it is in it; it waits for nothing any more.
    pub(super) fn leave(&mut self, key: StreamKey) {
        let Some(stream) = self.stream(key) else { return };
        let waited = std::mem::replace(&mut stream.waiting, Waiting::No);
        if waited != Waiting::Turn {
            return;
        }
        let (previous, next) = (stream.previous, stream.next);
        let (head, tail) = self.ends.expect("a stream that waits is in the queue");
        if previous != NOBODY {
            self.slots[previous as usize].next = next;
        }
        if next != NOBODY {
            self.slots[next as usize].previous = previous;
        }
        let head = if head == key.slot { next } else { head };
        let tail = if tail == key.slot { previous } else { tail };
        self.ends = (head != NOBODY).then_some((head, tail));
    }

    /// The stream that has waited longest for its turn.
    #[inline]
    pub(super) fn first(&self) -> Option<StreamKey> {
        let (head, _) = self.ends?;
        Some(StreamKey { id: self.slots[head as usize].id, slot: head })
    }

    #[cfg(test)]
    pub(super) fn capacities(&self) -> (usize, usize) {
        (self.slots.capacity(), self.free.capacity())
    }
}
