//! Messages of sockets with what goes beside their bytes (`recvmsg(2)`, `cmsg(3)`).

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::check;

/// How much came of a message.
#[derive(Debug, Clone, Copy)]
pub struct Lengths {
    /// Of its bytes.
    pub bytes: usize,
    /// Of the other side's address.
    pub name: usize,
    /// Of the control messages.
    pub control: usize,
}

fn message(name: &mut [u8], bytes: &mut libc::iovec, control: &mut [u8]) -> libc::msghdr {
    // SAFETY: all zeros is a valid msghdr, that of an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = name.as_mut_ptr().cast();
    message.msg_namelen = name.len() as libc::socklen_t;
    message.msg_iov = bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.len() as _;
    message
}

/// Takes a message off a socket: the other side's address as a `sockaddr`, its bytes, and its control
/// messages, each as far as there is room for it.
pub fn receive_message(
    socket: BorrowedFd<'_>,
    name: &mut [u8],
    into: &mut [u8],
    control: &mut [u8],
    flags: libc::c_int,
) -> Result<Lengths, Errno> {
    let mut bytes = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let mut message = message(name, &mut bytes, control);
    // SAFETY: the three buffers are as long as the message says, may be written to, and outlive the
    // call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    if received < 0 {
        return Err(crate::error::errno(&std::io::Error::last_os_error()));
    }
    Ok(Lengths {
        bytes: received as usize,
        name: message.msg_namelen as usize,
        control: message.msg_controllen as _,
    })
}

/// Sends a message over a socket to an address (a `sockaddr`), with these control messages.
pub fn send_message(
    socket: BorrowedFd<'_>,
    name: &mut [u8],
    bytes: &[u8],
    control: &mut [u8],
) -> Result<(), Errno> {
    let base = bytes.as_ptr().cast_mut().cast();
    let mut bytes = libc::iovec { iov_base: base, iov_len: bytes.len() };
    let message = message(name, &mut bytes, control);
    // SAFETY: the three buffers are as long as the message says and outlive the call, which only reads
    // them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    check(sent.min(0) as libc::c_int).map(drop)
}
