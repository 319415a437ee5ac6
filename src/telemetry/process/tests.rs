use super::*;

#[test]
fn procfs_is_read_by_field() {
    let mut metrics = ProcessMetrics::default();
    let own = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15 16 7 18 1234 20 21";
    metrics.read_stat(own, "cpu 1 2\nbtime 1000\nprocesses 9\n");
    metrics.read_status("Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\n");
    metrics.read_limits("Limit\nMax open files            1024                 4096    files\n");
    let expected = ProcessMetrics {
        cpu: Duration::from_secs(3),
        open_fds: 0,
        max_fds: 1024,
        virtual_memory_bytes: 2048 * 1024,
        resident_memory_bytes: 512 * 1024,
        start_time: Duration::from_millis(1_012_340),
        threads: 7,
    };
    assert_eq!(metrics, expected);
}

#[test]
fn what_procfs_does_not_say_is_zero() {
    let mut metrics = ProcessMetrics::default();
    metrics.read_stat("", "");
    metrics.read_stat("1 (x", "btime x");
    metrics.read_status("VmRSS:");
    metrics.read_limits("Max open files unlimited unlimited files");
    assert_eq!(metrics, ProcessMetrics::default());
}

#[test]
fn this_process_is_alive() {
    let metrics = ProcessMetrics::read();
    assert!(metrics.threads >= 1 && metrics.open_fds >= 3 && metrics.max_fds >= metrics.open_fds);
    assert!(metrics.resident_memory_bytes > 0);
    assert!(metrics.virtual_memory_bytes >= metrics.resident_memory_bytes);
    // It began after 2020, and not in the future.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(metrics.start_time.as_secs() > 1_577_836_800);
    assert!(metrics.start_time <= now + Duration::from_secs(1));
}

#[test]
fn the_memory_in_use_is_told_by_a_file_that_stays_open() {
    let resident = Resident::open().unwrap();
    assert!(resident.bytes().unwrap() > 0);
    let block = std::hint::black_box(vec![1_u8; 64 << 20]);
    // Some less than the block: the kernel adds up late.
    assert!(resident.bytes().unwrap() >= 48 << 20, "read anew");
    drop(block);
}
