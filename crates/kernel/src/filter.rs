//! Filters that the kernel runs on each frame before a socket is given it (classic BPF).

use std::os::fd::BorrowedFd;

use twinax_packet::filter::{Instruction, Program};

use crate::error::Error;
use crate::sys;

/// The call that fails where a filter can't be attached: with [`ENOMEM`](rustix::io::Errno::NOMEM) where it
/// takes more than `net.core.optmem_max` allows.
pub const ATTACHING: &str = "attaching a filter to a socket";

/// Lets a socket have only the frames that a program wants, cut to as many bytes as it says, from now
/// on; a filter that was there before is replaced (`SO_ATTACH_FILTER`, `socket(7)`).
///
/// What was received before stays: a packet socket that must not have anything else gets its filter
/// before it is bound.
pub fn attach(socket: BorrowedFd<'_>, program: &Program) -> Result<(), Error> {
    attach_instructions(socket, program.instructions())
}

/// As [`attach`], for instructions of which only the kernel is to say whether they are in order.
pub fn attach_instructions(
    socket: BorrowedFd<'_>,
    instructions: &[Instruction],
) -> Result<(), Error> {
    let instructions: Vec<_> = instructions
        .iter()
        .map(|one| libc::sock_filter { code: one.code, jt: one.jt, jf: one.jf, k: one.k })
        .collect();
    sys::attach_filter(socket, &instructions).map_err(Error::call(ATTACHING))
}
