//! A fault as data: where it is, how it comes, what is asked, what the cause is, and what mends it.
//!
//! In all texts `$name` stands for an address or a word of the lab in the family at hand (see
//! [`Lab::words`]); everything else is the shell's.

use std::net::IpAddr;

use super::labs::Lab;

/// The two families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }
}

/// What is asked of the lab, and so what does not arrive.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub from: &'static str,
    pub to: &'static str,
    pub packet: Packet,
    pub size: Option<u32>,
    pub ttl: Option<u8>,
    pub dont_fragment: bool,
    pub source: Option<&'static str>,
    pub interface: Option<&'static str>,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    Echo,
    Tcp(u16),
    Udp(u16),
}

impl Ask {
    const fn new(from: &'static str, to: &'static str, packet: Packet) -> Self {
        let (size, ttl, dont_fragment, source, interface) = (None, None, false, None, None);
        Self { from, to, packet, size, ttl, dont_fragment, source, interface }
    }

    pub const fn size(self, size: u32) -> Self {
        Self { size: Some(size), ..self }
    }

    pub const fn ttl(self, ttl: u8) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    pub const fn whole(self) -> Self {
        Self { dont_fragment: true, ..self }
    }

    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }

    pub const fn interface(self, interface: &'static str) -> Self {
        Self { interface: Some(interface), ..self }
    }
}

/// An echo request.
pub const fn ping(from: &'static str, to: &'static str) -> Ask {
    Ask::new(from, to, Packet::Echo)
}

/// A TCP connection.
pub const fn tcp(from: &'static str, to: &'static str, port: u16) -> Ask {
    Ask::new(from, to, Packet::Tcp(port))
}

/// A datagram that is to come back.
pub const fn udp(from: &'static str, to: &'static str, port: u16) -> Ask {
    Ask::new(from, to, Packet::Udp(port))
}

/// What `why` is to find. Where two words are for the same thing, `a|b` allows both.
#[derive(Debug, Clone, Copy)]
pub struct Cause {
    pub kind: &'static str,
    pub node: &'static str,
    /// Empty: not held against it.
    pub device: &'static str,
    /// Empty: not held against it.
    pub knob: &'static str,
}

/// A cause of this kind at this node.
pub const fn cause(kind: &'static str, node: &'static str) -> Cause {
    Cause { kind, node, device: "", knob: "" }
}

impl Cause {
    pub const fn at(self, device: &'static str) -> Self {
        Self { device, ..self }
    }

    pub const fn by(self, knob: &'static str) -> Self {
        Self { knob, ..self }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Lines of shell that bring it about, with `ip`, `bridge` and `nft`, and with the words of
    /// [`WORDS_OF_SHELL`].
    pub inject: &'static str,
    /// Any of these is right.
    pub causes: &'static [Cause],
    /// Lines of shell that mend it; empty: nothing that can be done to the lab.
    pub mend: &'static str,
}

/// What the scripts can say besides.
pub const WORDS_OF_SHELL: &str = "\
at() { node=$1; shift; ip netns exec \"$node\" \"$@\"; }
knob() { ip netns exec \"$1\" sysctl -qw \"$2\"; }
mac() { ip -n \"$1\" -br link show \"$2\" | awk '{ print $3 }'; }
";

/// A fault; or several at once, the first to meet first.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub lab: Lab,
    pub ask: Ask,
    pub parts: &'static [Part],
    /// A line of shell that must succeed in the lab, else the kernel lacks what is needed.
    pub needs: &'static str,
    /// Whether the remedy that `why` has makes the packet arrive, without anybody's help.
    pub fixed: bool,
    /// Whether it is proven as root and as a user, where there are both.
    pub everybody: bool,
}

impl Fault {
    pub const fn new(lab: Lab, ask: Ask, parts: &'static [Part]) -> Self {
        Self { lab, ask, parts, needs: "", fixed: true, everybody: false }
    }

    pub const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    /// It is proven as root and as a user.
    pub const fn by_everybody(self) -> Self {
        Self { everybody: true, ..self }
    }

    /// There is nothing in the lab's words that `--fix` could do.
    pub const fn by_hand(self) -> Self {
        Self { fixed: false, ..self }
    }
}

/// The words of a lab in a family.
pub struct Words(Vec<(&'static str, String)>);

impl Words {
    pub fn of(lab: Lab, family: Family) -> Self {
        let mut words = lab.words(family);
        let general: [_; 12] = match family {
            Family::V4 => [
                ("v", "ipv4"),
                ("f", "-4"),
                ("nf", "ip"),
                ("iptables", "iptables-legacy"),
                ("icmp", "icmp"),
                ("len", "32"),
                ("nodad", ""),
                ("forwarding", "net.ipv4.ip_forward"),
                ("echo", "net.ipv4.icmp_echo_ignore_all"),
                ("hops", "net.ipv4.ip_default_ttl"),
                ("addr", "ipv4_addr"),
                ("ttl", "ip ttl"),
            ],
            Family::V6 => [
                ("v", "ipv6"),
                ("f", "-6"),
                ("nf", "ip6"),
                ("iptables", "ip6tables-legacy"),
                ("icmp", "icmpv6"),
                ("len", "128"),
                ("nodad", "nodad"),
                ("forwarding", "net.ipv6.conf.all.forwarding"),
                ("echo", "net.ipv6.icmp.echo_ignore_all"),
                ("hops", "net.ipv6.conf.e0.hop_limit"),
                ("addr", "ipv6_addr"),
                ("ttl", "ip6 hoplimit"),
            ],
        };
        words.extend(general.map(|(name, word)| (name, word.to_owned())));
        words.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self(words)
    }

    /// A text with the words in the place of their names.
    pub fn fill(&self, text: &str) -> String {
        let names = self.0.iter();
        names.fold(text.to_owned(), |text, (name, word)| text.replace(&format!("${name}"), word))
    }

    /// An address of the lab.
    pub fn address(&self, text: &str) -> IpAddr {
        let filled = self.fill(text);
        filled.parse().unwrap_or_else(|_| panic!("{text} is {filled}, which is no address"))
    }
}

/// A test for each family, named for the fault and the family.
macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident $([$($family:ident),+])? = $fault:expr;)*) => {
        $(faults!(@one $(#[$doc])* $name $([$($family),+])? = $fault);)*
    };
    (@one $(#[$doc:meta])* $name:ident = $fault:expr) => {
        faults!(@one $(#[$doc])* $name [v4, v6] = $fault);
    };
    (@one $(#[$doc:meta])* $name:ident [$($family:ident),+] = $fault:expr) => {
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(faults!(@test $name $family $fault);)+
        }
    };
    (@test $name:ident v4 $fault:expr) => {
        #[test]
        fn v4() {
            const FAULT: Fault = $fault;
            crate::why::proof::proves(module_path!(), FAULT, crate::why::fault::Family::V4);
        }
    };
    (@test $name:ident v6 $fault:expr) => {
        #[test]
        fn v6() {
            const FAULT: Fault = $fault;
            crate::why::proof::proves(module_path!(), FAULT, crate::why::fault::Family::V6);
        }
    };
}
pub(crate) use faults;
