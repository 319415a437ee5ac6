use std::fs::File;
use std::io::{Read, Seek, Write};

use super::*;

/// A file of a line, as something that a descriptor can be told apart by.
fn file(line: &str) -> File {
    let path = std::env::temp_dir().join(format!("ringway-rights-{}-{line}", std::process::id()));
    let mut file =
        File::options().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(line.as_bytes()).unwrap();
    file
}

fn line(fd: OwnedFd) -> String {
    let mut file = File::from(fd);
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn messages_and_descriptors_arrive_in_order() {
    let (here, there) = pair().unwrap();
    assert_eq!(receive(there.as_fd()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let files = [file("a"), file("b"), file("c")];
    send(here.as_fd(), b"first", &[files[0].as_fd(), files[1].as_fd()]).unwrap();
    send(here.as_fd(), b"second", &[]).unwrap();
    send(here.as_fd(), b"third", &[files[2].as_fd()]).unwrap();
    drop(here);
    for (bytes, lines) in
        [(&b"first"[..], vec!["a", "b"]), (b"second", vec![]), (b"third", vec!["c"])]
    {
        let (got, descriptors) = receive(there.as_fd()).unwrap();
        assert_eq!(got, bytes);
        assert_eq!(descriptors.into_iter().map(line).collect::<Vec<_>>(), lines);
    }
    let (end, none) = receive(there.as_fd()).unwrap();
    assert!(end.is_empty() && none.is_empty(), "the other end is closed");
}

#[test]
fn as_many_as_there_may_be_in_one_message() {
    let (here, there) = pair().unwrap();
    let file = file("many");
    let most = vec![file.as_fd(); RIGHTS_PER_MESSAGE_MAX];
    send(here.as_fd(), b"x", &most).unwrap();
    assert_eq!(receive(there.as_fd()).unwrap().1.len(), RIGHTS_PER_MESSAGE_MAX);
    let over = vec![file.as_fd(); RIGHTS_PER_MESSAGE_MAX + 1];
    assert_eq!(send(here.as_fd(), b"x", &over).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let long = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    assert_eq!(send(here.as_fd(), &long, &[]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_socket_at_a_path_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("ringway-rights-{}.sock", std::process::id()));
    let listener = listen(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    assert_eq!(accept(listener.as_fd()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let client = connect(&path).unwrap();
    let accepted = accept(listener.as_fd()).unwrap();
    let me = Credentials { pid: std::process::id(), uid: own_uid() };
    assert_eq!(peer(accepted.as_fd()).unwrap(), me);
    assert_eq!(peer(client.as_fd()).unwrap(), me);
    drop(listener);
    assert_eq!(connect(&path).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn what_was_not_given_cannot_be_taken() {
    assert!(take(1 << 20).is_err());
}
