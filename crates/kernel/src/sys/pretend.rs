//! Where nobody but root is there, no program can become another user: the kernel refuses every ID.
//! Programs that do so for safety (`tcpdump`, `dnsmasq`, routing daemons) would not run at all. A
//! filter of system calls (`seccomp(2)`) answers these calls in the kernel's place: "done".
//!
//! Whoever asks afterwards is told the truth, that he is root. It lasts for the calling thread and
//! for all that comes of it.

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JUMP, BPF_K, BPF_LD, BPF_RET, BPF_STMT, BPF_W};
use rustix::io::Errno;

use super::check;

/// What the kernel calls the processor's own system calls (`linux/audit.h`); `None`: one for which
/// there is no filter here.
const ARCHITECTURE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xC000_003E)
} else if cfg!(target_arch = "aarch64") {
    Some(0xC000_00B7)
} else {
    None
};

/// Calls that are done whatever their arguments.
const IDENTITY: [libc::c_long; 7] = [
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
];

/// Calls that give a file to somebody, and which of their arguments is the user; the group follows.
const OWNERSHIP: &[(libc::c_long, u32)] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chown, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_lchown, 1),
    (libc::SYS_fchown, 1),
    (libc::SYS_fchownat, 2),
];

/// Offsets in `struct seccomp_data`, `linux/seccomp.h`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// An ID that says "leave it as it is" (`chown(2)`).
const NOBODY_ELSE: u32 = u32::MAX;

/// A filter that can be [put in place](Self::put).
#[derive(Debug)]
pub struct Pretence {
    program: Vec<libc::sock_filter>,
}

impl Pretence {
    /// The filter; `None`: there is none for this processor.
    pub fn new() -> Option<Self> {
        Some(Self { program: program(ARCHITECTURE?) })
    }

    /// Puts the calling thread behind the filter, and all that it will start. It needs
    /// `CAP_SYS_ADMIN` in its user namespace.
    ///
    /// It makes no other call than the one: it may stand between `fork` and `exec`.
    pub fn put(&self) -> Result<(), Errno> {
        let program = libc::sock_fprog {
            len: self.program.len() as libc::c_ushort,
            filter: self.program.as_ptr().cast_mut(),
        };
        // SAFETY: the kernel copies the program, reads nothing beyond its length, and writes nothing.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::c_long::from(libc::SECCOMP_SET_MODE_FILTER),
                // Nothing is guarded by it, so that nothing need be made slower for it.
                libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW as libc::c_long,
                &raw const program,
            )
        };
        check(result as libc::c_int).map(drop)
    }
}

fn program(architecture: u32) -> Vec<libc::sock_filter> {
    let mut program = vec![load(ARCH), if_equal(architecture, 1, 0), end(libc::SECCOMP_RET_ALLOW)];
    program.push(load(NUMBER));
    for call in IDENTITY {
        program.extend([if_equal(call as u32, 0, 1), end(DONE)]);
    }
    for &(call, user) in OWNERSHIP {
        let low_half = |argument| load(ARGUMENTS + 8 * argument);
        let body = [
            low_half(user),
            if_equal(0, 2, 0),
            if_equal(NOBODY_ELSE, 1, 0),
            end(DONE),
            low_half(user + 1),
            if_equal(0, 2, 0),
            if_equal(NOBODY_ELSE, 1, 0),
            end(DONE),
            end(libc::SECCOMP_RET_ALLOW),
        ];
        program.push(if_equal(call as u32, 0, body.len() as u8));
        program.extend(body);
    }
    program.push(end(libc::SECCOMP_RET_ALLOW));
    program
}

/// The call is not made, and returns 0.
const DONE: u32 = libc::SECCOMP_RET_ERRNO;

fn load(offset: u32) -> libc::sock_filter {
    // SAFETY: it only puts the numbers together.
    unsafe { BPF_STMT((BPF_LD | BPF_W | BPF_ABS) as libc::c_ushort, offset) }
}

fn if_equal(value: u32, then: u8, otherwise: u8) -> libc::sock_filter {
    // SAFETY: it only puts the numbers together.
    unsafe { BPF_JUMP((BPF_JMP | BPF_JEQ | BPF_K) as libc::c_ushort, value, then, otherwise) }
}

fn end(verdict: u32) -> libc::sock_filter {
    // SAFETY: it only puts the numbers together.
    unsafe { BPF_STMT((BPF_RET | BPF_K) as libc::c_ushort, verdict) }
}
