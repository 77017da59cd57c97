//! What to do about an error of the kernel, where that is known.

use rustix::io::Errno;
use twinax_kernel::Error;

/// What to do about it, in one sentence.
pub fn of(error: &Error) -> Option<String> {
    let hint = match (error, error.errno()?) {
        (_, Errno::MFILE | Errno::NFILE) => {
            "each node takes one open file: raise the limit with `ulimit -n`, or make the lab smaller"
        }
        (_, Errno::NOSPC) => {
            "a limit of the machine is reached: see /proc/sys/user/max_net_namespaces and \
             max_mnt_namespaces, and `df` for full file systems"
        }
        (_, Errno::NOMEM) => "the machine has no memory left for it",
        (Error::File { path, .. }, Errno::NOENT) if path.starts_with("/proc/sys") => {
            "this kernel has no such sysctl, or not in this node: `sysctl -a` in a node lists them"
        }
        (Error::File { path, .. }, Errno::INVAL) if path.starts_with("/proc/sys") => {
            "the kernel does not take this value for the sysctl"
        }
        (Error::File { path, .. }, Errno::ACCESS | Errno::PERM) if path.starts_with("/dev/net") => {
            "TAP devices need write access to /dev/net/tun: `sudo chmod 0666 /dev/net/tun` is how \
             most distributions have it"
        }
        (Error::File { path, .. }, Errno::NOENT | Errno::NODEV) if path.starts_with("/dev/net") => {
            "TAP devices need /dev/net/tun: `sudo modprobe tun`"
        }
        (Error::Refused { .. }, Errno::OPNOTSUPP) => {
            "this kernel lacks it: `twinax doctor` tells what this machine can do"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
