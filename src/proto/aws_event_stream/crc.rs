//! CRC-32 as in ISO 3309 and zlib, eight bytes at a time.

/// The checksum of `bytes`.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let mut eights = bytes.chunks_exact(8);
    for eight in &mut eights {
        let low = crc.to_le_bytes();
        crc = TABLES[7][usize::from(eight[0] ^ low[0])]
            ^ TABLES[6][usize::from(eight[1] ^ low[1])]
            ^ TABLES[5][usize::from(eight[2] ^ low[2])]
            ^ TABLES[4][usize::from(eight[3] ^ low[3])]
            ^ TABLES[3][usize::from(eight[4])]
            ^ TABLES[2][usize::from(eight[5])]
            ^ TABLES[1][usize::from(eight[6])]
            ^ TABLES[0][usize::from(eight[7])];
    }
    for byte in eights.remainder() {
        crc = (crc >> 8) ^ TABLES[0][usize::from(*byte ^ crc.to_le_bytes()[0])];
    }
    !crc
}

/// What a byte does to a checksum that so many more bytes come behind.
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut later = 1;
    while later < 8 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[later - 1][byte];
            tables[later][byte] = (crc >> 8) ^ tables[0][(crc & 0xFF) as usize];
            byte += 1;
        }
        later += 1;
    }
    tables
};

const POLYNOMIAL: u32 = 0xEDB8_8320;

#[cfg(test)]
#[test]
fn checksums_of_every_length() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc32(b""), 0);
    let bytes: Vec<u8> = (0..100).map(|number: u8| number.wrapping_mul(37)).collect();
    for end in 0..bytes.len() {
        let mut slow = u32::MAX;
        for byte in &bytes[..end] {
            slow ^= u32::from(*byte);
            (0..8).for_each(|_| slow = (slow >> 1) ^ ((slow & 1) * POLYNOMIAL));
        }
        assert_eq!(crc32(&bytes[..end]), !slow);
    }
}
