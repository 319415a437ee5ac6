//! Local sockets whose messages carry descriptors: SOCK_SEQPACKET with SCM_RIGHTS. A message comes
//! whole, with all its descriptors, or not at all: one that was cut is an error.
//!
//! For control's thread: nothing here waits (`WouldBlock`), and nothing here is the runtime's.

use std::io::{self, Read, Seek, Write};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use super::socket::{self, RawAddress, check};

/// Descriptors in one message; the kernel takes 253.
pub const RIGHTS_PER_MESSAGE_MAX: usize = 128;
/// Bytes of one message.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Who is at the other end, as the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub pid: u32,
    pub uid: u32,
}

/// Listens at `path`, which only this user can connect to from the first moment on.
///
/// # Errors
/// `AddrInUse` when the path is there already; else what the calls say.
pub fn listen(path: &Path) -> io::Result<OwnedFd> {
    let address = RawAddress::unix(path)?;
    let socket = new_socket()?;
    // Before it has a name: what `bind` creates takes the mode from here.
    // SAFETY: no pointers.
    check(unsafe { libc::fchmod(socket.as_raw_fd(), 0o600) })?;
    socket::bind(socket.as_raw_fd(), &address)?;
    socket::listen(socket.as_raw_fd(), 16)?;
    Ok(socket)
}

/// # Errors
/// `connect(2)`'s.
pub fn connect(path: &Path) -> io::Result<OwnedFd> {
    let socket = new_socket()?;
    socket::connect(socket.as_raw_fd(), &RawAddress::unix(path)?)?;
    Ok(socket)
}

/// Two ends that are connected to each other.
///
/// # Errors
/// `socketpair(2)`'s.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel writes two descriptors into an array of two.
    check(unsafe { libc::socketpair(libc::AF_UNIX, KIND, 0, ends.as_mut_ptr()) })?;
    // SAFETY: both are new and ours.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// # Errors
/// `accept4(2)`'s.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let none = std::ptr::null_mut();
    // SAFETY: no address is asked for.
    let fd =
        check(unsafe { libc::accept4(listener.as_raw_fd(), none, std::ptr::null_mut(), flags) })?;
    // SAFETY: it is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Who connected, or who listens there.
///
/// # Errors
/// `getsockopt(2)`'s.
pub fn peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut credentials = MaybeUninit::<libc::ucred>::zeroed();
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into a value of that size, which was zeroed.
    let found = unsafe {
        check(libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            credentials.as_mut_ptr().cast(),
            &raw mut length,
        ))?;
        credentials.assume_init()
    };
    Ok(Credentials { pid: u32::try_from(found.pid).unwrap_or(0), uid: found.uid })
}

/// The user that this process acts as.
pub fn own_uid() -> u32 {
    // SAFETY: no arguments; it cannot fail.
    unsafe { libc::geteuid() }
}

/// Sends one message, without waiting.
///
/// # Errors
/// `WouldBlock` when the other end has not read what came before; else `sendmsg(2)`'s.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    if bytes.len() > MESSAGE_BYTES_MAX || descriptors.len() > RIGHTS_PER_MESSAGE_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let fds: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let fds_bytes = size_of_val(fds.as_slice());
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut room = [0_u64; CONTROL_WORDS];
    // SAFETY: a header of zeros is one without name, parts and control data.
    let mut header = unsafe { MaybeUninit::<libc::msghdr>::zeroed().assume_init() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        header.msg_control = room.as_mut_ptr().cast();
        // SAFETY: arithmetic on a length that was checked above; the room holds that much.
        header.msg_controllen = unsafe { libc::CMSG_SPACE(fds_bytes as u32) } as _;
        // SAFETY: the room is aligned and large enough for one header and these descriptors.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(fds_bytes as u32) as _;
            std::ptr::copy_nonoverlapping(
                fds.as_ptr().cast::<u8>(),
                libc::CMSG_DATA(first),
                fds_bytes,
            );
        }
    }
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: all that the header points to outlives the call; the kernel only reads the bytes.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, flags) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What one message brought; no bytes at all are the end of the conversation.
///
/// # Errors
/// `WouldBlock` when there is none; `InvalidData` when it was cut, as happens where this process
/// may not open so many descriptors; else `recvmsg(2)`'s.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut room = [0_u64; CONTROL_WORDS];
    // SAFETY: a header of zeros is one without name, parts and control data.
    let mut header = unsafe { MaybeUninit::<libc::msghdr>::zeroed().assume_init() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = room.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&room) as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: all that the header points to is writable, as long as it says, and outlives the call.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    let mut descriptors = Vec::new();
    // SAFETY: the kernel wrote the control data that the header says; a descriptor in it is new and
    // ours, and taken once.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(&raw const header);
        while !next.is_null() {
            if (*next).cmsg_level == libc::SOL_SOCKET && (*next).cmsg_type == libc::SCM_RIGHTS {
                let length = (*next).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(next).cast::<RawFd>();
                for place in 0..length / size_of::<RawFd>() {
                    let fd = data.add(place).read_unaligned();
                    descriptors.push(OwnedFd::from_raw_fd(fd));
                }
            }
            next = libc::CMSG_NXTHDR(&raw const header, next);
        }
    }
    if header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message was cut"));
    }
    bytes.truncate(count);
    Ok((bytes, descriptors))
}

/// Takes over a descriptor that whoever started this process left open for it. It does not go on to
/// programs that this one starts. To be called once for each number.
///
/// # Errors
/// There is no such descriptor.
pub fn take(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; one that is not open is refused.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and was given to this process by its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Lets a program that is started from now on have this descriptor, under the same number.
///
/// # Errors
/// `fcntl(2)`'s.
pub fn leave_open(socket: &OwnedFd) -> io::Result<RawFd> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: no pointers.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) })?;
    Ok(fd)
}

/// A file of memory with these bytes in it: what is too large for a message goes with it as one.
///
/// # Errors
/// `memfd_create(2)`'s and `write(2)`'s.
pub fn file_of(bytes: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: the name is a text that ends with 0.
    let fd = check(unsafe { libc::memfd_create(c"ringway".as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: it is new and ours.
    let mut file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.write_all(bytes)?;
    Ok(file.into())
}

/// What is in such a file.
///
/// # Errors
/// `FileTooLarge` beyond `bytes_max`; `read(2)`'s.
pub fn bytes_of(file: OwnedFd, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::from(file);
    let length = file.metadata()?.len();
    if length > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // The place in it is the writer's, too.
    file.seek(io::SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn new_socket() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; a descriptor that is returned is new and ours.
    let fd = check(unsafe { libc::socket(libc::AF_UNIX, KIND, 0) })?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

const KIND: libc::c_int = libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
/// Room for one control header and `RIGHTS_PER_MESSAGE_MAX` descriptors, aligned as they want it.
const CONTROL_WORDS: usize = 8 + RIGHTS_PER_MESSAGE_MAX * size_of::<RawFd>() / size_of::<u64>();

#[cfg(test)]
mod tests;
