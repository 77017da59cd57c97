//! What is wrong with an expression of our own words, and where.

use std::fmt;
use std::ops::Range;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The words that are wrong, as bytes of the expression; none of them: its end.
    pub span: Range<usize>,
    /// The column at which they begin, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: Problem,
}

impl std::error::Error for ParseError {}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.problem)
    }
}

/// What can be wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is none of our words.
    Unknown {
        /// The word.
        word: String,
    },
    /// Something else is wanted here.
    Expected {
        /// What.
        what: &'static str,
        /// What stands there; `None`: the expression is at its end.
        found: Option<String>,
    },
    /// A value stands where nothing says what it is.
    Alone {
        /// The value.
        word: String,
    },
    /// It is no IPv4 or IPv6 address.
    NotAddress {
        /// The word.
        word: String,
    },
    /// It is no net.
    NotNet {
        /// The word.
        word: String,
    },
    /// It is no port.
    NotPort {
        /// The word.
        word: String,
    },
    /// It is an address in a net, with the net's length.
    HostBits {
        /// The word.
        word: String,
        /// The net.
        meant: String,
    },
    /// An address is not one of this protocol's.
    OtherFamily {
        /// The address.
        word: String,
        /// The protocol.
        protocol: &'static str,
    },
    /// A protocol does not have what is asked for.
    Qualifier {
        /// The protocol.
        protocol: &'static str,
        /// `host`, `net` or `port`.
        kind: &'static str,
    },
    /// A bracket is opened and not closed.
    NotClosed,
    /// A bracket is closed and not opened.
    NotOpened,
    /// There are too many brackets in brackets, or too many words.
    TooMuch,
}

impl Problem {
    /// Whether it may be that libpcap could read what we can't: a word that we don't know, or a name in
    /// the place of a number.
    pub fn may_be_libpcaps(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::TooMuch => true,
            Self::NotAddress { .. } | Self::NotNet { .. } | Self::NotPort { .. } => true,
            Self::Expected { .. } | Self::Alone { .. } | Self::HostBits { .. } => false,
            Self::OtherFamily { .. } | Self::Qualifier { .. } => false,
            Self::NotClosed | Self::NotOpened => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { word } => write!(
                f,
                "`{}` is none of the words that twinax knows by itself: arp, ip, ip6, icmp, \
                 icmp6, tcp, udp, host, net, port, src, dst, and, or, not",
                Shown(word)
            ),
            Self::Expected { what, found: Some(found) } => {
                write!(f, "{what} is expected here, not `{}`", Shown(found))
            }
            Self::Expected { what, found: None } => {
                write!(f, "{what} is expected at the end of the expression")
            }
            Self::Alone { word } => {
                write!(
                    f,
                    "nothing says what `{word}` is: `host {word}`, `net {word}` or `port {word}`"
                )
            }
            Self::NotAddress { word } => {
                write!(f, "`{}` is no IPv4 or IPv6 address", Shown(word))
            }
            Self::NotNet { word } => {
                write!(f, "`{}` is no net such as 10.0.0.0/8 or 2001:db8::/32", Shown(word))
            }
            Self::NotPort { word } => {
                write!(f, "`{}` is no port: a number from 0 to 65535", Shown(word))
            }
            Self::HostBits { word, meant } => {
                write!(f, "`{word}` is an address in a net; the net is `{meant}`")
            }
            Self::OtherFamily { word, protocol } => {
                write!(f, "`{word}` is no address of `{protocol}`")
            }
            Self::Qualifier { protocol, kind } => {
                write!(f, "`{protocol}` can't stand before `{kind}`")
            }
            Self::NotClosed => write!(f, "this bracket is not closed"),
            Self::NotOpened => write!(f, "no bracket is open here"),
            Self::TooMuch => write!(f, "this is more than twinax can read by itself"),
        }
    }
}

/// A word of somebody's, without what a terminal would do something about, and not too much of it.
struct Shown<'w>(&'w str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 60;
        for c in self.0.chars().take(MOST) {
            match c.is_control() {
                true => write!(f, "{}", c.escape_default())?,
                false => write!(f, "{c}")?,
            }
        }
        if self.0.chars().nth(MOST).is_some() { write!(f, "…") } else { Ok(()) }
    }
}
