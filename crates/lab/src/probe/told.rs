//! What a sender is told, by ICMP or by its own kernel, in the words of reports.

use std::net::IpAddr;

use rustix::io::Errno;
use twinax_kernel::message::{Failure, Origin};
use twinax_topology::Told;

/// What an ICMP error of this type and code (RFC 792, RFC 1812) tells.
pub fn told_v4(kind: u8, code: u8) -> Option<Told> {
    Some(match (kind, code) {
        (3, 0 | 6 | 11) => Told::NetUnreachable,
        (3, 1 | 7 | 8 | 12) => Told::HostUnreachable,
        (3, 2) => Told::ProtocolUnreachable,
        (3, 3) => Told::PortUnreachable,
        (3, 4) => Told::TooBig,
        (3, 5) => Told::SourceRouteFailed,
        (3, 9 | 10 | 13) => Told::Filtered,
        (5, _) => Told::Redirect,
        (11, 0) => Told::TtlExceeded,
        (11, 1) => Told::ReassemblyTimeout,
        (12, _) => Told::ParameterProblem,
        _ => return None,
    })
}

/// What an ICMPv6 error of this type and code (RFC 4443) tells.
pub fn told_v6(kind: u8, code: u8) -> Option<Told> {
    Some(match (kind, code) {
        (1, 0) => Told::NoRoute,
        (1, 1) => Told::Filtered,
        (1, 2) => Told::BeyondScope,
        (1, 3) => Told::AddressUnreachable,
        (1, 4) => Told::PortUnreachable,
        (1, 5) => Told::SourceFailedPolicy,
        (1, 6) => Told::RejectRoute,
        (2, _) => Told::TooBig,
        (3, 0) => Told::TtlExceeded,
        (3, 1) => Told::ReassemblyTimeout,
        (4, _) => Told::ParameterProblem,
        _ => return None,
    })
}

/// What an errno of `bind`, `sendto` or `connect` tells the sender.
pub(super) fn told_by_kernel(errno: Errno) -> Option<Told> {
    Some(match errno {
        Errno::NETUNREACH => Told::NetworkIsUnreachable,
        Errno::HOSTUNREACH => Told::NoRouteToHost,
        Errno::ACCESS => Told::PermissionDenied,
        Errno::PERM => Told::NotPermitted,
        Errno::INVAL => Told::InvalidArgument,
        Errno::MSGSIZE => Told::MessageTooLong,
        Errno::NETDOWN => Told::NetworkIsDown,
        Errno::ADDRNOTAVAIL => Told::CannotAssignAddress,
        Errno::ADDRINUSE => Told::AddressInUse,
        Errno::NODEV | Errno::NXIO => Told::NoSuchDevice,
        Errno::NOBUFS => Told::NoBufferSpace,
        Errno::CONNREFUSED => Told::ConnectionRefused,
        Errno::CONNRESET => Told::ConnectionReset,
        Errno::TIMEDOUT => Told::TimedOut,
        _ => return None,
    })
}

/// What an error that came back tells, and by whom it is; `None`: it is no message from the network.
pub(super) fn told_by_failure(failure: &Failure) -> Option<(Told, Option<IpAddr>)> {
    let (told, by) = match failure.origin {
        Origin::Icmp { kind, code, by } => (told_v4(kind, code), by),
        Origin::Icmpv6 { kind, code, by } => (told_v6(kind, code), by),
        Origin::Local => return None,
    };
    Some((told.or_else(|| told_by_kernel(failure.errno))?, by))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(origin: Origin) -> Failure {
        Failure { errno: Errno::HOSTUNREACH, origin, length: 0, to: None }
    }

    #[test]
    fn errors_have_the_words_of_their_family() {
        let by = Some(IpAddr::from([10, 0, 0, 1]));
        let told = |kind, code| told_by_failure(&failure(Origin::Icmp { kind, code, by }));
        assert_eq!(told(11, 0), Some((Told::TtlExceeded, by)));
        assert_eq!(told(3, 3), Some((Told::PortUnreachable, by)));
        assert_eq!(told(3, 13), Some((Told::Filtered, by)));
        let told = |kind, code| told_by_failure(&failure(Origin::Icmpv6 { kind, code, by: None }));
        assert_eq!(told(3, 0), Some((Told::TtlExceeded, None)));
        assert_eq!(told(1, 0), Some((Told::NoRoute, None)));
        assert_eq!(told(1, 3), Some((Told::AddressUnreachable, None)));
    }

    #[test]
    fn an_unknown_error_has_the_words_of_its_errno() {
        let unknown = Origin::Icmp { kind: 3, code: 99, by: None };
        assert_eq!(told_by_failure(&failure(unknown)), Some((Told::NoRouteToHost, None)));
        assert_eq!(told_by_failure(&failure(Origin::Local)), None);
    }
}
