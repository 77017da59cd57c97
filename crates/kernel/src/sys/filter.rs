//! Filters of sockets (`Documentation/networking/filter.rst`).

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::check;

/// Lets a socket have only what a program of classic BPF wants, in the place of the filter that it had
/// (`SO_ATTACH_FILTER`, `socket(7)`).
///
/// # Errors
///
/// Those of the kernel: [`Errno::INVAL`] for a program that is not in order, [`Errno::NOMEM`] where it is
/// more than `net.core.optmem_max` allows.
pub fn attach_filter(socket: BorrowedFd<'_>, program: &[libc::sock_filter]) -> Result<(), Errno> {
    let len = libc::c_ushort::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    let size = size_of::<libc::sock_fprog>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes from the pointer, which are those of `program`, copies the
    // `len` instructions that are there, and writes nothing.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size,
        )
    })
    .map(drop)
}
