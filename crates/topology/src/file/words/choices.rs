//! Words of a fixed set.

use serde_json::{Value, json};

use super::{Word, Wrong};
use crate::diagnostic::{quoted, shown};
use crate::file::decode::list_of;
use crate::model::{
    Chain, Family, NodeKind, Protocol, Restart, RouteKind, RuleAction, TapMode, Told, Verdict, Way,
};

/// That a text is none of the words that can stand there.
pub(super) fn no_such(text: &str, what: &str, words: &[&'static str]) -> Wrong {
    Wrong {
        title: format!("{} is no {what}", quoted(text)),
        label: "no such word".to_owned(),
        help: Some(format!("one of {}", list_of(words))),
        candidates: words.to_vec(),
    }
}

macro_rules! choice {
    ($type:ty, $name:literal, $what:literal, $($word:literal => $value:expr,)*) => {
        impl Word for $type {
            const NAME: &'static str = $name;
            const WHAT: &'static str = concat!("a ", $what, ", in quotes");

            fn read(text: &str) -> Result<Self, Wrong> {
                match text {
                    $($word => Ok($value),)*
                    _ => Err(no_such(text, $what, &[$($word),*])),
                }
            }

            fn schema() -> Value {
                json!({ "enum": [$($word),*] })
            }
        }
    };
}

choice! { NodeKind, "NodeKind", "kind of node",
    "host" => Self::Host,
    "router" => Self::Router,
    "bridge" => Self::Bridge,
}

choice! { TapMode, "TapMode", "mode of a TUN/TAP device",
    "tap" => Self::Tap,
    "tun" => Self::Tun,
}

choice! { RouteKind, "RouteKind", "kind of route",
    "unicast" => Self::Unicast,
    "blackhole" => Self::Blackhole,
    "prohibit" => Self::Prohibit,
    "unreachable" => Self::Unreachable,
    "throw" => Self::Throw,
}

choice! { Restart, "Restart", "way to restart a command",
    "never" => Self::Never,
    "on-failure" => Self::OnFailure,
    "always" => Self::Always,
}

choice! { Family, "Family", "family",
    "ipv4" => Self::Ipv4,
    "ipv6" => Self::Ipv6,
}

choice! { Way, "Direction", "direction",
    "in" => Self::In,
    "out" => Self::Out,
}

choice! { Chain, "Chain", "chain",
    "input" => Self::Input,
    "forward" => Self::Forward,
    "output" => Self::Output,
}

choice! { Verdict, "Verdict", "verdict",
    "accept" => Self::Accept,
    "drop" => Self::Drop,
    "reject" => Self::Reject,
}

choice! { Protocol, "Protocol", "protocol",
    "tcp" => Self::Tcp,
    "udp" => Self::Udp,
    "icmp" => Self::Icmp,
    "icmpv6" => Self::Icmpv6,
}

/// What a traceroute sends; of datagrams, the port is said by another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MethodWord {
    Icmp,
    Udp,
}

choice! { MethodWord, "TracerouteMethod", "method of a traceroute",
    "icmp" => Self::Icmp,
    "udp" => Self::Udp,
}

/// What a rule does other than looking in a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RuleKind(pub RuleAction);

choice! { RuleKind, "RuleKind", "kind of rule",
    "blackhole" => Self(RuleAction::Blackhole),
    "prohibit" => Self(RuleAction::Prohibit),
    "unreachable" => Self(RuleAction::Unreachable),
}

/// What a chain does with what no filter decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PolicyWord(pub Verdict);

impl Word for PolicyWord {
    const NAME: &'static str = "PolicyVerdict";
    const WHAT: &'static str = "\"accept\" or \"drop\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "accept" => Ok(Self(Verdict::Accept)),
            "drop" => Ok(Self(Verdict::Drop)),
            "reject" => {
                let wrong = Wrong::new(
                    "a policy can't be `reject`",
                    "the kernel knows only accept and drop",
                );
                Err(wrong.help("write \"drop\", and a last filter with verdict \"reject\""))
            }
            _ => Err(no_such(text, "policy", &["accept", "drop"])),
        }
    }

    fn schema() -> Value {
        json!({ "enum": ["accept", "drop"] })
    }
}

impl Word for Told {
    const NAME: &'static str = "Told";
    const WHAT: &'static str = "what the sender is told, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|()| {
            let words: Vec<&'static str> = Self::ALL.iter().map(|told| told.as_str()).collect();
            let title = format!("no sender is ever told \"{}\"", shown(text));
            Wrong {
                title,
                label: "no such phrase".to_owned(),
                help: Some(
                    "the phrases are those of ping(8), such as \"Destination Host Unreachable\""
                        .to_owned(),
                ),
                candidates: words,
            }
        })
    }

    fn schema() -> Value {
        // Read whatever its case, which no `enum` can say.
        json!({
            "type": "string",
            "minLength": 1,
            "description": "What the sender is told, as ping(8) and strerror(3) say it",
            "examples": Self::ALL.iter().map(|told| told.as_str()).collect::<Vec<_>>(),
        })
    }
}
