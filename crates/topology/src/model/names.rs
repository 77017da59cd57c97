//! Names that the kernel and the file system accept.

use std::fmt;
use std::str::FromStr;

/// The longest interface name: `IFNAMSIZ` less its NUL (`linux/if.h`).
pub const MAX_IF_NAME: usize = 15;

/// The longest name of a node or lab: that of one DNS label (RFC 1035, 2.3.4), as it stands in
/// `/etc/hosts`.
pub const MAX_NODE_NAME: usize = 63;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The empty text.
    #[error("a name can't be empty")]
    Empty,
    /// Longer than the kernel (or DNS) takes.
    #[error("a name of {length} bytes; at most {most} are possible")]
    TooLong {
        /// How long it is, in bytes.
        length: usize,
        /// How long it may be, in bytes.
        most: usize,
    },
    /// A character that has a meaning elsewhere: in paths, in `ip` commands, in the lab file.
    #[error("{0:?} can't stand in a name")]
    Character(char),
    /// A first character that would read as an option, or a hidden file.
    #[error("a name can't begin with {0:?}")]
    First(char),
    /// A word that the kernel keeps for itself.
    #[error("`{0}` is kept by the kernel")]
    Reserved(String),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                $check(text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The name of a node (and of a lab): letters, digits, `-`, `_` and `.`, at most
    /// [`MAX_NODE_NAME`] bytes, beginning with a letter, a digit or `_`.
    ///
    /// It is a file name under `/run/netns` and `/etc/netns`, and a host name in `/etc/hosts`.
    NodeName, check_node
}

name! {
    /// The name of a network interface: at most [`MAX_IF_NAME`] bytes of printable ASCII, as
    /// `dev_valid_name` in the kernel's `net/core/dev.c` demands, less the characters that a
    /// shell, a path or a device template (`%d`) would read as something else.
    IfName, check_interface
}

fn check_node(text: &str) -> Result<(), NameError> {
    check(text, MAX_NODE_NAME, |c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn check_interface(text: &str) -> Result<(), NameError> {
    check(text, MAX_IF_NAME, |c| c.is_ascii_alphanumeric() || "-_.@+=#~".contains(c))?;
    match text {
        // Directories of /proc/sys/net/ipv4/conf beside those of the interfaces.
        "all" | "default" => Err(NameError::Reserved(text.to_owned())),
        _ => Ok(()),
    }
}

fn check(text: &str, most: usize, allowed: impl Fn(char) -> bool) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    if let Some(bad) = text.chars().find(|&c| !allowed(c)) {
        return Err(NameError::Character(bad));
    }
    if !(first.is_ascii_alphanumeric() || first == '_') {
        return Err(NameError::First(first));
    }
    if text.len() > most {
        return Err(NameError::TooLong { length: text.len(), most });
    }
    Ok(())
}

/// An interface in a node, written `node:interface`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The node.
    pub node: NodeName,
    /// The interface in it.
    pub interface: IfName,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.node, self.interface)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Place {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (node, interface) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self { node: node.parse()?, interface: interface.parse()? })
    }
}

impl<'de> serde::Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A node, or one interface of it, written `node` or `node:interface`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spot {
    /// The node.
    pub node: NodeName,
    /// The interface, where one is meant.
    pub interface: Option<IfName>,
}

impl Spot {
    /// Whether an interface is this one, or in this node where no interface is meant.
    pub fn covers(&self, place: &Place) -> bool {
        self.node == place.node
            && self.interface.as_ref().is_none_or(|name| *name == place.interface)
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{}:{interface}", self.node),
            None => write!(f, "{}", self.node),
        }
    }
}
