//! ClientHellos, made by hand: RFC 8446 section 4.1.2.

/// A hello that asks for `name`, in one record.
pub fn hello(name: Option<&str>) -> Vec<u8> {
    record(&message(name, 0))
}

/// The same with so many bytes of padding (RFC 7685), in records of `piece` bytes.
pub fn in_pieces(name: Option<&str>, padding: usize, piece: usize) -> Vec<u8> {
    message(name, padding).chunks(piece).flat_map(record).collect()
}

/// A record of the type handshake.
pub fn record(bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    put_16(&mut record, bytes);
    record
}

fn message(name: Option<&str>, padding: usize) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let mut entry = vec![0];
        put_16(&mut entry, name.as_bytes());
        let mut list = Vec::new();
        put_16(&mut list, &entry);
        extension(&mut extensions, 0, &list);
    }
    // Of no known kind, as GREASE puts some in.
    extension(&mut extensions, 0x1a1a, b"");
    if padding > 0 {
        extension(&mut extensions, 21, &vec![0; padding]);
    }
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.push(0);
    put_16(&mut body, &[0x13, 0x01, 0x13, 0x02]);
    body.extend_from_slice(&[1, 0]);
    put_16(&mut body, &extensions);
    let mut message = vec![1];
    message.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&body);
    message
}

fn extension(out: &mut Vec<u8>, kind: u16, bytes: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    put_16(out, bytes);
}

/// Bytes behind their length.
fn put_16(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend_from_slice(bytes);
}
