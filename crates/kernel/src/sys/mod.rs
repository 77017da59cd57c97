//! The system calls that no safe library offers. The only `unsafe` of twinax is in here.
#![allow(unsafe_code)]

mod bpf;
mod exec;
mod filter;
mod libpcap;
mod message;
mod prefetch;
mod pretend;
mod ring;

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

use crate::error::errno;

pub use bpf::{
    BpfMap, MapKind, RingMemory, load_raw_tracepoint, open_raw_tracepoint, recursion_misses,
};
pub use exec::{Bind, Sight, see_before_exec};
pub use filter::attach_filter;
pub use libpcap::{libpcap_compile, libpcap_version};
pub use message::{receive_message, send_message};
pub use prefetch::prefetch;
pub use ring::{PacketRing, bind_to_all, packet_statistics};

fn check(result: libc::c_int) -> Result<libc::c_int, Errno> {
    if result < 0 { Err(errno(&std::io::Error::last_os_error())) } else { Ok(result) }
}

/// Which side of a [`clone`] one is on.
pub enum Side {
    /// The calling process; the child's process file descriptor.
    Parent(libc::pid_t, OwnedFd),
    /// The new process.
    Child,
}

/// Makes a child process in new namespaces: `clone(2)` with these `CLONE_NEW…` flags, otherwise as
/// `fork(2)`. The child is told apart by the value.
///
/// # Errors
///
/// Those of `clone(2)`; [`Errno::BUSY`] where the calling process has more than one thread: the
/// child would have only this one, and whatever lock another held would stay held forever.
pub fn clone(namespaces: libc::c_int) -> Result<Side, Errno> {
    // The kernel has the answer, whatever is mounted on /proc: it can "unshare" the thread group of
    // a thread only where there is no other thread, and then does nothing (unshare(2)).
    // SAFETY: nothing is changed, whatever the outcome.
    if unsafe { libc::unshare(libc::CLONE_THREAD) } != 0 {
        return Err(Errno::BUSY);
    }
    let mut pidfd: libc::c_int = -1;
    let flags = namespaces | libc::CLONE_PIDFD | libc::SIGCHLD;
    // SAFETY: without CLONE_VM the child has its own copy of the memory, and with a null stack it
    // goes on on the copy of this one, as after fork(). No other thread exists, so that no lock is
    // held by a thread that the child does not have. With CLONE_PIDFD the kernel writes one int to
    // the third argument, which outlives the call. The remaining arguments are unused. The order
    // (flags, stack, parent_tid, …) is the same on all architectures that Rust's std supports but
    // s390x and cris, which swap the first two: neither is supported by twinax.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone,
            libc::c_long::from(flags),
            0 as libc::c_long,
            &raw mut pidfd,
            0 as libc::c_long,
            0 as libc::c_long,
        )
    };
    match check(pid as libc::c_int)? {
        0 => Ok(Side::Child),
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
        pid => Ok(Side::Parent(pid, unsafe { OwnedFd::from_raw_fd(pidfd) })),
    }
}

/// Puts the calling thread into new namespaces (`unshare(2)`), or gives it a root and working
/// directory of its own: only `CLONE_NEWNET`, `CLONE_NEWNS` and `CLONE_FS` are taken.
///
/// It makes no other call than the one: it may stand between `fork` and `exec`.
pub fn unshare(namespaces: libc::c_int) -> Result<(), Errno> {
    if namespaces & !(libc::CLONE_NEWNET | libc::CLONE_NEWNS | libc::CLONE_FS) != 0 {
        return Err(Errno::INVAL);
    }
    // SAFETY: none of the flags touches memory or file descriptors of this process.
    check(unsafe { libc::unshare(namespaces) }).map(drop)
}

/// Lets every descriptor from this one on be closed when the calling process executes a program
/// (`close_range(2)` with `CLOSE_RANGE_CLOEXEC`, Linux 5.11).
pub fn close_on_exec(from: libc::c_uint) -> Result<(), Errno> {
    // SAFETY: no descriptor is closed now, and what is executed later has no memory of ours.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            libc::c_long::from(from),
            libc::c_long::from(libc::c_uint::MAX),
            libc::c_long::from(libc::CLOSE_RANGE_CLOEXEC),
        )
    };
    check(result as libc::c_int).map(drop)
}

/// Closes every descriptor from this one on (`close_range(2)`, Linux 5.9), whoever owns it: for a
/// process in which no owner is ever asked again.
pub fn close_from(first: libc::c_uint) -> Result<(), Errno> {
    // SAFETY: no memory is touched. That a descriptor that somebody still owns is closed is what
    // the caller answers for.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            libc::c_long::from(first),
            libc::c_long::from(libc::c_uint::MAX),
            0 as libc::c_long,
        )
    };
    check(result as libc::c_int).map(drop)
}

/// Has the calling thread, of the usual scheduling policy, give way to others that run when it is woken
/// (`SCHED_BATCH`, `sched(7)`); one of another policy keeps it.
pub fn schedule_in_batches() -> Result<(), Errno> {
    // SAFETY: 0 is the calling thread; nothing of ours is touched.
    let policy = check(unsafe { libc::sched_getscheduler(0) })?;
    if policy != libc::SCHED_OTHER {
        return Ok(());
    }
    // SAFETY: all fields of a `struct sched_param` may be zero, as they have to be for this policy.
    let none: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the structure lives until the call is over, and is only read.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const none) }).map(drop)
}

/// Whether the calling thread could have other groups. An unprivileged user may map only one group of
/// his own, and only where nobody can any more (`/proc/PID/setgroups`, `user_namespaces(7)`).
///
/// # Errors
///
/// [`Errno::PERM`]: it could not. (`/proc` does not tell a process of another PID namespace.)
pub fn can_set_groups() -> Result<(), Errno> {
    /// `linux/limits.h`
    const NGROUPS_MAX: libc::c_long = 65536;
    // SAFETY: the kernel looks at the number after the permission and before the groups: of so many
    // it reads none (kernel/groups.c).
    let result = unsafe {
        libc::syscall(libc::SYS_setgroups, NGROUPS_MAX + 1, std::ptr::null::<libc::gid_t>())
    };
    match check(result as libc::c_int) {
        Err(Errno::INVAL) => Ok(()),
        other => other.map(drop),
    }
}

/// `TUNSETIFF`, `linux/if_tun.h`: makes (or attaches to) the TUN/TAP device of this name.
///
/// # Errors
///
/// Those of the kernel; [`Errno::NAMETOOLONG`] for a name of more than 15 bytes.
pub fn tun_set_iff(tun: BorrowedFd<'_>, name: &str, flags: libc::c_int) -> Result<(), Errno> {
    let mut request = no_ifreq();
    if name.len() >= request.ifr_name.len() {
        return Err(Errno::NAMETOOLONG);
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which outlives the call.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &raw mut request) }).map(drop)
}

/// `TUNGETIFF`: the flags of the TUN/TAP device to which the descriptor is attached.
pub fn tun_get_iff(tun: BorrowedFd<'_>) -> Result<libc::c_int, Errno> {
    let mut request = no_ifreq();
    // SAFETY: TUNGETIFF writes one ifreq, which outlives the call.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNGETIFF, &raw mut request) })?;
    // SAFETY: of the union it has written the flags, and every other member has as many bytes set.
    Ok(libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags }))
}

/// `TUNSETIFINDEX`: the index that the device which is then made is to have.
pub fn tun_set_ifindex(tun: BorrowedFd<'_>, index: u32) -> Result<(), Errno> {
    // SAFETY: TUNSETIFINDEX reads one unsigned int, which outlives the call.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFINDEX, &raw const index) }).map(drop)
}

/// A request about no interface.
fn no_ifreq() -> libc::ifreq {
    // SAFETY: all zeros is a valid ifreq: it is plain data.
    unsafe { std::mem::zeroed() }
}

/// `TUNSETOFFLOAD`: what the owner of the descriptor does in the kernel's place, as `TUN_F_…`.
pub fn tun_set_offload(tun: BorrowedFd<'_>, offload: libc::c_long) -> Result<(), Errno> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETOFFLOAD, offload) }).map(drop)
}

/// `TUNSETPERSIST`: the device stays when the descriptor is closed.
pub fn tun_set_persist(tun: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: TUNSETPERSIST takes its argument by value.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETPERSIST, 1 as libc::c_long) }).map(drop)
}

/// Sets a socket option whose value is one `int`.
pub fn set_int_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> Result<(), Errno> {
    set_option(socket, level, option, &value)
}

/// Binds a socket to a device (`SO_BINDTODEVICE`, `socket(7)`).
///
/// # Errors
///
/// Those of the kernel; [`Errno::NAMETOOLONG`] for a name of more than 15 bytes.
pub fn bind_to_device(socket: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    let mut bytes = [0_u8; libc::IFNAMSIZ];
    if name.len() >= bytes.len() {
        return Err(Errno::NAMETOOLONG);
    }
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    set_option(socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &bytes)
}

/// Sets a socket option whose value is plain data.
fn set_option<T: Copy>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> Result<(), Errno> {
    let size = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes from the pointer, which are those of `value`.
    check(unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (value as *const T).cast(), size)
    })
    .map(drop)
}

/// Asks for a socket option whose value is plain data of integers, of which every pattern of bits is
/// one. What the kernel leaves out stays as in `value`.
fn get_option<T: Copy>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    mut value: T,
) -> Result<T, Errno> {
    let mut size = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes to the pointer, which are those of `value`, and
    // the size to the last one.
    check(unsafe {
        let to = (&raw mut value).cast();
        libc::getsockopt(socket.as_raw_fd(), level, option, to, &raw mut size)
    })?;
    Ok(value)
}

/// Reads a socket option whose value is as long as this, and which is told by what is in it what is wanted
/// (`IPT_SO_GET_INFO`, `linux/netfilter_ipv4/ip_tables.h`).
pub fn get_option_into(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: &mut [u8],
) -> Result<(), Errno> {
    let mut size = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::TOOBIG)?;
    // SAFETY: the kernel reads and writes at most `size` bytes at the pointer, which are those of `value`, and
    // writes the size to the last one.
    check(unsafe {
        let to = value.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), level, option, to, &raw mut size)
    })
    .map(drop)
}

/// Receives a datagram of netlink from a socket that listens to several namespaces
/// (`NETLINK_LISTEN_ALL_NSID`): its length, and the number of the namespace that it is about.
pub fn receive_of_node(
    socket: BorrowedFd<'_>,
    into: &mut [u8],
) -> Result<(usize, Option<i32>), Errno> {
    /// Room for one control message that carries an `int`, aligned as its header.
    #[repr(align(8))]
    struct Control([u8; 64]);
    let mut control = Control([0; 64]);
    let mut bytes = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: all zeros is a valid msghdr, that of no buffers.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the kernel writes at most the lengths given to the two buffers, which outlive the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    if length < 0 {
        return Err(errno(&std::io::Error::last_os_error()));
    }
    // SAFETY: the kernel has filled the control buffer and set its length; the macro looks at no more.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: the header is null, or that of a whole control message within the buffer, and aligned.
    let number = unsafe { header.as_ref() }.and_then(|own| {
        let is_number =
            (own.cmsg_level, own.cmsg_type) == (libc::SOL_NETLINK, libc::NETLINK_LISTEN_ALL_NSID);
        // SAFETY: a control message of this type carries one int.
        is_number.then(|| unsafe { libc::CMSG_DATA(header).cast::<libc::c_int>().read_unaligned() })
    });
    Ok((length as usize, number))
}

/// Asks for the version of the bridge interface (`BRCTL_GET_VERSION`, `linux/if_bridge.h`): nothing
/// but a kernel with bridges has one. Any socket does.
pub fn bridge_version(socket: BorrowedFd<'_>) -> Result<libc::c_int, Errno> {
    const SIOCGIFBR: libc::Ioctl = 0x8940;
    const BRCTL_GET_VERSION: libc::c_ulong = 0;
    let mut arguments = [BRCTL_GET_VERSION, 0, 0];
    // SAFETY: `old_deviceless` (net/bridge/br_ioctl.c) reads three longs, which outlive the call,
    // and for this question follows none of them.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGIFBR, arguments.as_mut_ptr()) })
}

/// Asks `bpf(2)` for a command that there is none of: its refusal tells whether commands are taken.
pub fn bpf_refusal() -> Errno {
    const NO_COMMAND: libc::c_long = 0x7fff_ffff;
    // SAFETY: with a size of 0 nothing is read from the null pointer, and the command is unknown.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, NO_COMMAND, std::ptr::null::<u8>(), 0 as libc::c_long)
    };
    check(result as libc::c_int).err().unwrap_or(Errno::INVAL)
}

/// Blocks these signals for the calling thread, and gives a descriptor from which they are read
/// instead, as `signalfd_siginfo`s (`signalfd(2)`).
///
/// What is executed from now on inherits that, unless it is a command that [sees](see_before_exec)
/// where it is.
pub fn signal_fd(signals: &[libc::c_int]) -> Result<OwnedFd, Errno> {
    // SAFETY: all zeros is a valid sigset_t, and sigemptyset makes it the empty set; the set outlives
    // the calls, which write nothing else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&raw mut set))?;
        for &signal in signals {
            check(libc::sigaddset(&raw mut set, signal))?;
        }
        check(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()))?;
        let fd = check(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
        // The kernel has just made this descriptor for us, and nobody else knows it.
        Ok(OwnedFd::from_raw_fd(fd))
    }
}
