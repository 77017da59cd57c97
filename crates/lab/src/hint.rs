//! What to do about an error of the kernel, where that is known.

use std::error::Error as StdError;
use std::io;

use rustix::io::Errno;
use twinax_kernel::{Error, capability, tun};

use crate::remedy;

/// What to do about an error, in one sentence: that of the outermost of its causes for which it is
/// known.
pub fn of(error: &(dyn StdError + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<Error>() {
        return of_kernel(error);
    }
    let errno = error.downcast_ref::<io::Error>().and_then(Errno::from_io_error);
    match errno.and_then(of_limit) {
        Some(hint) => Some(hint.to_owned()),
        None => of(error.source()?),
    }
}

/// What to do where a limit of the machine is reached.
fn of_limit(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::MFILE | Errno::NFILE => {
            "each node takes one open file: raise the limit with `ulimit -n`, or make the lab smaller"
        }
        Errno::NOSPC => {
            "a limit of the machine is reached: see max_user_namespaces, max_net_namespaces and \
             the like in /proc/sys/user, and `df` for full file systems"
        }
        Errno::AGAIN => {
            "no more processes are allowed: see `ulimit -u`, and `pids.max` of the control group"
        }
        Errno::NOMEM => "the machine has no memory left for it",
        _ => return None,
    })
}

fn of_kernel(error: &Error) -> Option<String> {
    let hint = match (error, error.errno()?) {
        (_, errno) if of_limit(errno).is_some() => of_limit(errno)?,
        (Error::Call { call: "making a TUN/TAP device", .. }, Errno::NOTTY) => {
            "/dev/net/tun is there, but something else: it should be the character device 10:200"
        }
        (Error::File { path, .. }, Errno::NOENT) if path.starts_with("/proc/sys") => {
            "this kernel has no such sysctl, or not in this node: `sysctl -a` in a node lists them"
        }
        (Error::File { path, .. }, Errno::INVAL) if path.starts_with("/proc/sys") => {
            "the kernel does not take this value for the sysctl"
        }
        (Error::File { path, .. }, _) if path.as_os_str() == tun::DEVICE => {
            return remedy::tun(capability::tun()).map(|trouble| trouble.remedy);
        }
        (Error::Refused { .. }, Errno::OPNOTSUPP) => {
            "this kernel lacks it: `twinax doctor` tells what this machine can do"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
