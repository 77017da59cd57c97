//! Sockets that are not where they are asked for.
//!
//! The listeners are lines of Perl that go into the background once they listen.

use super::fault::{Fault, Part, cause, faults, tcp, udp};
use super::labs::Lab;

faults! {
    bound_to_loopback [v4] = Fault::new(Lab::Router, tcp("h1", "$h2", 82), &[Part {
        inject: "at h2 perl -MIO::Socket::INET -e '
            $s = IO::Socket::INET->new(Listen => 5, LocalAddr => \"127.0.0.1\", LocalPort => 82) or die;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    bound_to_another_address [v4] = Fault::new(Lab::Router, tcp("h1", "$h2", 82), &[Part {
        inject: "ip -n h2 addr add $second/24 dev e0
            at h2 perl -MIO::Socket::INET -e '
            $s = IO::Socket::INET->new(Listen => 5, LocalAddr => \"$second\", LocalPort => 82) or die;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    /// It listens on all addresses, of the other family.
    bound_to_the_other_family [v6] = Fault::new(Lab::Router, tcp("h1", "$h2", 82), &[Part {
        inject: "at h2 perl -MIO::Socket::INET -e '
            $s = IO::Socket::INET->new(Listen => 5, LocalPort => 82) or die;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    /// `SO_BINDTODEVICE` is 25 (asm-generic/socket.h).
    bound_to_another_device [v4] = Fault::new(Lab::Router, tcp("h1", "$h2", 82), &[Part {
        inject: "at h2 perl -MSocket -e '
            socket(S, PF_INET, SOCK_STREAM, 0) or die;
            setsockopt(S, SOL_SOCKET, 25, \"lo\") or die;
            bind(S, sockaddr_in(82, INADDR_ANY)) or die;
            listen(S, 5) or die;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    datagrams_by_another_device_only [v4] = Fault::new(Lab::Router, udp("h1", "$h2", 82), &[Part {
        inject: "at h2 perl -MSocket -e '
            socket(S, PF_INET, SOCK_DGRAM, 0) or die;
            setsockopt(S, SOL_SOCKET, 25, \"lo\") or die;
            bind(S, sockaddr_in(82, INADDR_ANY)) or die;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    /// A socket that is connected to one hears of no other.
    connected_to_somebody_else [v4] = Fault::new(Lab::Router, udp("h1", "$h2", 82), &[Part {
        inject: "at h2 perl -MIO::Socket::INET -e '
            $s = IO::Socket::INET->new(Proto => \"udp\", LocalPort => 82, PeerAddr => \"$r2\", PeerPort => 9) or die;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    /// TCP is not UDP.
    listens_with_the_other_protocol = Fault::new(Lab::Router, udp("h1", "$h2", 80), &[Part {
        inject: "",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    /// One connection waits to be accepted, and another that is one too many; for the third there is no room.
    connections_are_not_accepted [v4] = Fault::new(Lab::Router, tcp("h1", "$h2", 82), &[Part {
        inject: "at h2 perl -MIO::Socket::INET -e '
            $s = IO::Socket::INET->new(Listen => 1, LocalPort => 82) or die;
            push @waiting, IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => 82) for 1..2;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("full-socket", "h2")],
        mend: "",
    }]).by_hand();

    datagrams_are_not_read [v4] = Fault::new(Lab::Router, udp("h1", "$h2", 82), &[Part {
        inject: "at h2 perl -MSocket -e '
            socket(S, PF_INET, SOCK_DGRAM, 0) or die;
            setsockopt(S, SOL_SOCKET, SO_RCVBUF, 1) or die;
            bind(S, sockaddr_in(82, INADDR_ANY)) or die;
            socket(C, PF_INET, SOCK_DGRAM, 0) or die;
            send(C, \"x\", 0, sockaddr_in(82, inet_aton(\"127.0.0.1\"))) for 1..99;
            exit if fork; close STDOUT; close STDERR; sleep'",
        causes: &[cause("full-socket", "h2")],
        mend: "",
    }]).by_hand();
}
