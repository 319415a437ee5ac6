use super::*;

#[test]
fn the_checksum_is_that_of_ieee() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc32(b""), 0);
}

/// Read by boto3.
#[test]
fn a_frame_as_aws_sends_it() {
    let golden = "000000760000005296d5fade0b3a6576656e742d7479706507000c6d6573736167655374617274\
                  0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d657373\
                  6167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6fa8c599";
    let frame = event("messageStart", br#"{"role":"assistant"}"#);
    let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden);
}
