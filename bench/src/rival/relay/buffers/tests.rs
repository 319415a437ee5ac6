use super::*;

#[test]
fn a_chain_keeps_its_order_and_gives_back_every_buffer() {
    let ring = IoUring::new(8).unwrap();
    let mut buffers = Buffers::register(&ring).unwrap();
    let (mut one, mut two) = (Chain::default(), Chain::default());
    for id in 0..10 {
        let piece = Piece { id, bytes: 1 + u32::from(id) };
        buffers.append(if id % 2 == 0 { &mut one } else { &mut two }, piece);
    }
    let mut taken = Vec::new();
    while let Some(piece) = buffers.take_first(&mut one) {
        taken.push(piece.id);
    }
    assert_eq!(taken, [0, 2, 4, 6, 8]);
    assert!(one.is_empty() && two.first() == Some(Piece { id: 1, bytes: 2 }));
    assert!(buffers.publish());
    assert!(!buffers.publish(), "there was nothing new");
    // A chain that ran empty starts afresh.
    buffers.append(&mut one, Piece { id: 4, bytes: 9 });
    assert_eq!(buffers.take_first(&mut one), Some(Piece { id: 4, bytes: 9 }));
    assert_eq!(buffers.take_first(&mut one), None);
}
