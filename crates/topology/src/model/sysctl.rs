//! Sysctls: the knobs under `/proc/sys/net`, of which each namespace has its own.

use std::fmt;
use std::str::FromStr;

use super::IfName;

/// Why a text is no sysctl of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SysctlError {
    /// It does not begin with `net.`: it is the whole machine's, not one namespace's.
    #[error("only sysctls under `net.` belong to one node; `{0}` is the whole machine's")]
    NotNet(String),
    /// Empty parts, `..`, or characters that no sysctl has.
    #[error("`{0}` is no name of a sysctl")]
    Shape(String),
}

/// The name of a sysctl below `net`, such as `net.ipv4.ip_forward` (`sysctl(8)`).
///
/// Kept as a path below `/proc/sys`, because an interface's name may have dots:
/// `net/ipv4/conf/eth0.100/rp_filter`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SysctlKey(Box<str>);

impl SysctlKey {
    /// The path below `/proc/sys`.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// The knob of all interfaces: `net.ipv4.conf.all.rp_filter`.
    pub(crate) fn of_all(family: SysctlFamily, knob: &str) -> Self {
        Self(format!("{}all/{knob}", family.directory()).into())
    }

    /// The interface whose knob it is: `eth0` for `net.ipv4.conf.eth0.rp_filter`. `None` for
    /// `all`, `default` and whatever belongs to the whole namespace.
    pub fn interface(&self) -> Option<&str> {
        let mut parts = self.0.split('/');
        let (_net, family, group, name) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let per_interface = matches!(family, "ipv4" | "ipv6" | "mpls")
            && matches!(group, "conf" | "neigh")
            && !matches!(name, "all" | "default")
            && parts.next().is_some();
        per_interface.then_some(name)
    }
}

impl FromStr for SysctlKey {
    type Err = SysctlError;

    /// Takes both spellings of `sysctl(8)`: with dots, or with slashes where a part has a dot.
    /// With dots, everything between `conf.` (or `neigh.`) and the last dot is the interface.
    fn from_str(text: &str) -> Result<Self, SysctlError> {
        let shape = || SysctlError::Shape(text.to_owned());
        let parts: Vec<&str> = if text.contains('/') {
            text.split('/').collect()
        } else {
            match text.splitn(4, '.').collect::<Vec<_>>()[..] {
                [net, family, group @ ("conf" | "neigh"), rest] => {
                    let (interface, leaf) = rest.rsplit_once('.').ok_or_else(shape)?;
                    vec![net, family, group, interface, leaf]
                }
                _ => text.split('.').collect(),
            }
        };
        let clean = |part: &&str| {
            !matches!(*part, "" | "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@+=#~".contains(&b))
        };
        if parts.len() < 2 || !parts.iter().all(clean) {
            return Err(shape());
        }
        if parts[0] != "net" {
            return Err(SysctlError::NotNet(text.to_owned()));
        }
        Ok(Self(parts.join("/").into()))
    }
}

impl fmt::Display for SysctlKey {
    /// As `sysctl(8)` takes it: with dots, or with slashes where a part has a dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains('.') {
            f.write_str(&self.0)
        } else {
            f.write_str(&self.0.replace('/', "."))
        }
    }
}

impl fmt::Debug for SysctlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A sysctl and its value, as text: what `sysctl -w KEY=VALUE` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    /// Its name.
    pub key: SysctlKey,
    /// Its value: one line, not empty.
    pub value: String,
}

/// The families of per-interface sysctls that an interface's own table may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SysctlFamily {
    /// `net.ipv4.conf.IF.…`, written `ipv4.…`.
    Ipv4Conf,
    /// `net.ipv6.conf.IF.…`, written `ipv6.…`.
    Ipv6Conf,
    /// `net.ipv4.neigh.IF.…`, written `ipv4.neigh.…`.
    Ipv4Neigh,
    /// `net.ipv6.neigh.IF.…`, written `ipv6.neigh.…`.
    Ipv6Neigh,
}

impl SysctlFamily {
    /// All of them, with what stands before the knob in the lab file and in `/proc/sys`. Longer
    /// prefixes first.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Ipv4Neigh, "ipv4.neigh.", "net/ipv4/neigh/"),
        (Self::Ipv6Neigh, "ipv6.neigh.", "net/ipv6/neigh/"),
        (Self::Ipv4Conf, "ipv4.", "net/ipv4/conf/"),
        (Self::Ipv6Conf, "ipv6.", "net/ipv6/conf/"),
    ];

    fn entry(self) -> (Self, &'static str, &'static str) {
        let entry = Self::ALL.into_iter().find(|(family, ..)| *family == self);
        entry.expect("ALL has every family")
    }

    /// The directory below `/proc/sys` that has the directories of the interfaces, with a slash.
    fn directory(self) -> &'static str {
        self.entry().2
    }
}

/// A sysctl of one interface, without the interface's name: `ipv4.rp_filter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceSysctl {
    /// Which directory of `/proc/sys/net` it is in.
    pub family: SysctlFamily,
    /// The file in the interface's directory: letters, digits and `_`.
    pub knob: String,
    /// Its value.
    pub value: String,
}

impl InterfaceSysctl {
    /// The knob of this name, as the lab file writes it (`ipv4.rp_filter`), with this value.
    pub fn new(key: &str, value: impl Into<String>) -> Result<Self, SysctlError> {
        let shape = || SysctlError::Shape(key.to_owned());
        let (family, knob) = SysctlFamily::ALL
            .into_iter()
            .find_map(|(family, prefix, _)| Some((family, key.strip_prefix(prefix)?)))
            .ok_or_else(shape)?;
        if knob.is_empty() || !knob.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(shape());
        }
        Ok(Self { family, knob: knob.to_owned(), value: value.into() })
    }

    /// The same as a sysctl of the node, for the interface of this name.
    pub fn of(&self, interface: &IfName) -> Sysctl {
        let path = format!("{}{interface}/{}", self.family.directory(), self.knob);
        Sysctl { key: SysctlKey(path.into()), value: self.value.clone() }
    }

    /// Its name in the lab file: `ipv4.rp_filter`.
    pub fn key(&self) -> String {
        let (_, prefix, _) = self.family.entry();
        format!("{prefix}{}", self.knob)
    }
}
