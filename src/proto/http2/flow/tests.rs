use super::*;

#[test]
fn a_send_window_stays_within_its_bounds() {
    let mut window = SendWindow::new(10);
    window.take(10);
    assert!(window.shift(-5) && window.available() == 0);
    assert!(window.open(7) && window.available() == 2);
    assert!(window.open(i32::MAX as u32 - 2) && !window.open(1));
    assert_eq!(window.available(), i32::MAX as usize, "a refused update changes nothing");
}

#[test]
fn a_receive_window_gives_back_halves_and_keeps_its_sum() {
    let mut window = ReceiveWindow::new(1000, 4000);
    assert!(!window.take(1001) && window.take(600));
    assert_eq!((window.release(499), window.release(1)), (0, 500));
    assert_eq!((window.available(), window.held(), window.size()), (900, 100, 1000));
    assert!(window.take(900));
    assert_eq!(window.release(1000), 2000, "used up and consumed: doubled");
    assert_eq!((window.available(), window.held(), window.size()), (2000, 0, 2000));
    assert!(window.take(2000) && window.release(2000) == 4000);
    assert!(window.take(4000) && window.release(4000) == 4000, "not above its bound");
    assert!(window.take(100));
    window.shrink(3950);
    assert!(window.take(0) && !window.take(1));
}
