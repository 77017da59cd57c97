//! What to do about an error, where that is known.

use std::error::Error as StdError;
use std::io;

use rustix::io::Errno;
use twinax_kernel::{Error, capability, filter, nft, tun};

use crate::capture::filter::FilterError;
use crate::remedy;
use crate::report::{Broken, Reported};

/// What to do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// In one sentence.
    pub text: String,
    /// Whether this machine lacks something, and neither the lab nor twinax is to blame.
    pub lacking: bool,
}

/// What to do about an error: that of the outermost of its causes for which it is known.
pub fn of(error: &(dyn StdError + 'static)) -> Option<Hint> {
    if let Some(error) = error.downcast_ref::<FilterError>() {
        let hint = |text| Hint { text, lacking: error.is_lack() };
        return error.remedy().map(hint);
    }
    let known = match (error.downcast_ref::<Error>(), error.downcast_ref::<Reported>()) {
        (Some(error), _) => of_kernel(error),
        (_, Some(reported)) => reported.hint.clone(),
        (None, None) => {
            let errno = error.downcast_ref::<io::Error>().and_then(Errno::from_io_error);
            errno.and_then(of_limit).map(lacks)
        }
    };
    known.or_else(|| of(error.source()?))
}

/// An error with its chain of causes, and what to do about it.
pub fn broken(error: &(dyn StdError + 'static)) -> Broken {
    let mut broken = Broken::from_error(error);
    if let Some(hint) = of(error) {
        (broken.hint, broken.lacking) = (Some(hint.text), hint.lacking);
    }
    broken
}

fn lacks(text: &str) -> Hint {
    Hint { text: text.to_owned(), lacking: true }
}

fn wrong(text: &str) -> Hint {
    Hint { text: text.to_owned(), lacking: false }
}

/// What to do where a limit of the machine is reached.
fn of_limit(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::MFILE | Errno::NFILE => {
            "a lab takes up to 128 open files at a time, and one more for each node that is watched: \
             raise the limit with `ulimit -n`"
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

const LACKS: &str = "this kernel lacks it: `twinax doctor` tells what this machine can do";

fn of_kernel(error: &Error) -> Option<Hint> {
    match error {
        Error::Ruleset(nft::LoadError::Missing) => return Some(lacks(&remedy::program("nft"))),
        Error::Firewall(error)
            if matches!(**error, nft::Error::NoNftables(_) | nft::Error::Lacks { .. }) =>
        {
            return Some(lacks(LACKS));
        }
        Error::Call { call: filter::ATTACHING, errno: Errno::NOMEM } => {
            return Some(lacks(
                "the filter takes more room than net.core.optmem_max allows: make it shorter, or \
                 `sudo sysctl -w net.core.optmem_max=131072`, as newer kernels have it",
            ));
        }
        _ => {}
    }
    Some(match (error, error.errno()?) {
        (_, errno) if of_limit(errno).is_some() => lacks(of_limit(errno)?),
        (Error::Call { call: "making a TUN/TAP device", .. }, Errno::NOTTY) => lacks(
            "/dev/net/tun is there, but something else: it should be the character device 10:200",
        ),
        (Error::File { path, .. }, Errno::ROFS) if path.starts_with("/proc/sys") => lacks(
            "/proc/sys is read-only here, as in most containers: start the container with \
             `--security-opt systempaths=unconfined`, or run outside of one",
        ),
        (Error::File { path, .. }, Errno::NOENT) if path.starts_with("/proc/sys") => wrong(
            "this kernel has no such sysctl, or not in this node: `sysctl -a` in a node lists them",
        ),
        (Error::File { path, .. }, Errno::INVAL) if path.starts_with("/proc/sys") => {
            wrong("the kernel does not take this value for the sysctl")
        }
        (Error::File { path, .. }, _) if path.as_os_str() == tun::DEVICE => {
            lacks(&remedy::tun(capability::tun())?.remedy)
        }
        (Error::Refused { .. }, Errno::OPNOTSUPP) => lacks(LACKS),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_that_is_known_counts_wherever_it_is_in_the_chain() {
        let inner = Error::Call { call: "making a network namespace", errno: Errno::MFILE };
        let step = twinax_plan::Step::AddNetns("a".parse().unwrap());
        let outer = crate::apply::ApplyError { index: 0, step: Box::new(step), source: inner };
        let hint = of(&outer).unwrap();
        assert!(hint.lacking && hint.text.contains("ulimit -n"), "{hint:?}");
    }

    #[test]
    fn a_sysctl_that_is_not_there_is_not_the_machines_lack() {
        let path = "/proc/sys/net/ipv4/nosuch".into();
        let error = Error::File { call: "opening", path, errno: Errno::NOENT };
        assert!(!of(&error).unwrap().lacking);
    }

    #[test]
    fn a_filter_without_room_is_not_a_machine_without_memory() {
        let error = Error::Call { call: filter::ATTACHING, errno: Errno::NOMEM };
        assert!(of(&error).unwrap().text.contains("optmem_max"));
    }

    #[test]
    fn of_what_is_not_known_nothing_is_said() {
        assert_eq!(of(&Error::NoNode { name: "a".to_owned() }), None);
    }
}
