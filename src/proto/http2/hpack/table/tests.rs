use super::*;
use crate::base::random::Random;

/// The same as a list of pairs, newest first.
struct Model {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    size_max: usize,
}

impl Model {
    fn size(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len() + 32).sum()
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        self.entries.insert(0, (name.to_vec(), value.to_vec()));
        self.resize(self.size_max);
    }

    fn resize(&mut self, size_max: usize) {
        self.size_max = size_max;
        while self.size() > self.size_max {
            self.entries.pop();
        }
    }
}

fn agree(table: &Table, model: &Model) {
    assert_eq!((table.len(), table.size), (model.entries.len(), model.size()));
    for (age, (name, value)) in model.entries.iter().enumerate() {
        assert_eq!(table.recent(age), Some((&name[..], &value[..])));
    }
    assert_eq!(table.recent(model.entries.len()), None);
    assert_eq!(table.recent(usize::MAX - 1), None);
}

#[test]
fn it_does_what_a_list_of_pairs_does() {
    let random = Random::seeded(0x7ab1e);
    let mut table = Table::new(4096);
    let mut model = Model { entries: Vec::new(), size_max: 4096 };
    for round in 0..30_000 {
        let bytes = |max| vec![round as u8; random.below(max) as usize];
        match random.below(200) {
            0 => {
                let size_max = random.below(4097) as usize;
                table.resize(size_max);
                model.resize(size_max);
            }
            1 => {
                table.resize(0);
                model.resize(0);
                agree(&table, &model);
                table.resize(4096);
                model.resize(4096);
            }
            2 => {
                let value = bytes(6000);
                table.add(FieldName::Other, b"large", &value);
                model.add(b"large", &value);
            }
            _ => {
                let (name, value) = (bytes(40), bytes(200));
                table.add(FieldName::Other, &name, &value);
                model.add(&name, &value);
            }
        }
        agree(&table, &model);
        assert!(table.bytes.len() <= 4096 + 4096 / 2, "dead bytes do not pile up");
    }
}

#[test]
fn an_entry_keeps_its_number() {
    let mut table = Table::new(100);
    let number = table.next_number();
    assert!(table.add(FieldName::Other, b"one", b"1"));
    assert_eq!(table.age_of(number), 0);
    assert!(table.add(FieldName::Other, b"two", b"2"));
    assert_eq!(table.recent(table.age_of(number)), Some((&b"one"[..], &b"1"[..])));
    assert!(table.add(FieldName::Other, b"three", b"3"));
    assert_eq!(table.recent(table.age_of(number)), None);
    assert!(!table.add(FieldName::Other, &[b'x'; 69], b""), "larger than the table");
    assert_eq!(table.len(), 0);
}
