//! IPsec policies (`linux/xfrm.h`, `ip xfrm policy`): which packets the kernel lets pass, blocks, or wants wrapped.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_sys::protocols::NETLINK_XFRM;
use rustix::io::Errno;

use super::Replay;
use super::object::{Object, list};
use crate::error::Error;
use crate::netlink::{CREATE, EXCL, Socket};

/// `XFRM_MSG_DELPOLICY` and `XFRM_MSG_GETPOLICY`.
const DELETE: u16 = 0x14;
const GET: u16 = 0x15;

/// `struct xfrm_userpolicy_info`: the selector, two sorts of limits, priority, index, direction, action, flags,
/// share.
const HEADER: usize = 168;
const INDEX: usize = 156;
const DIRECTION: usize = 160;
const ACTION: usize = 161;
/// `XFRM_POLICY_BLOCK`.
const BLOCK: u8 = 1;

/// `struct xfrm_selector`: destination and source, ports with their masks, family, the lengths of both prefixes,
/// protocol, device, user.
const SELECTOR: usize = 56;
const SOURCE: usize = 16;
const DESTINATION_PORT: usize = 32;
const SOURCE_PORT: usize = 36;
const FAMILY: usize = 40;
const DESTINATION_LENGTH: usize = 42;
const SOURCE_LENGTH: usize = 43;
const PROTOCOL: usize = 44;

/// `struct xfrm_userpolicy_id`: the selector, index, direction.
const ID: usize = 64;
const ID_DIRECTION: usize = 60;

/// `XFRMA_…`.
const TEMPLATE: u16 = 5;
const POLICY_TYPE: u16 = 16;
const MARK: u16 = 21;
const IF_ID: u16 = 31;

/// Which packets of a node a policy is for (`XFRM_POLICY_IN`, `_OUT`, `_FWD`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyDirection {
    /// What has come in for the node itself.
    In,
    /// What goes out of it, its own or another's.
    Out,
    /// What it passes on.
    Fwd,
}

/// An IPsec policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    raw: Object,
    /// The sources that it is for.
    pub from: IpNet,
    /// The destinations.
    pub to: IpNet,
    /// The protocol; 0: any.
    pub protocol: u8,
    /// The ports of source and destination, each with the bits that count.
    ports: [(u16, u16); 2],
    /// Which way packets go that it is for.
    pub direction: PolicyDirection,
    /// Whether they are discarded.
    pub blocks: bool,
    /// Whether they have to be wrapped by IPsec.
    pub wraps: bool,
}

impl Policy {
    /// Those of the namespace of the calling thread; none on a kernel without IPsec.
    pub fn all() -> Result<Vec<Self>, Error> {
        let Some(mut socket) = open()? else { return Ok(Vec::new()) };
        let ask = Object::new(GET, [0; HEADER]);
        let all = list(&mut socket, "listing IPsec policies", &ask)?;
        Ok(all.into_iter().filter_map(Self::of).collect())
    }

    /// `None`: it is one of a socket's own.
    fn of(raw: Object) -> Option<Self> {
        let own = raw.header.as_slice();
        let direction = match own[DIRECTION] {
            0 => PolicyDirection::In,
            1 => PolicyDirection::Out,
            2 => PolicyDirection::Fwd,
            _ => return None,
        };
        let family = u16::from_ne_bytes([own[FAMILY], own[FAMILY + 1]]);
        let net = |at: usize, length: usize| {
            let to = if i32::from(family) == libc::AF_INET6 {
                IpAddr::from(*own[at..].first_chunk::<16>()?)
            } else {
                IpAddr::from(*own[at..].first_chunk::<4>()?)
            };
            IpNet::new(to, own[length]).ok()
        };
        let half = |at: usize| u16::from_be_bytes([own[at], own[at + 1]]);
        Some(Self {
            from: net(SOURCE, SOURCE_LENGTH)?,
            to: net(0, DESTINATION_LENGTH)?,
            protocol: own[PROTOCOL],
            ports: [SOURCE_PORT, DESTINATION_PORT].map(|at| (half(at), half(at + 2))),
            direction,
            blocks: own[ACTION] == BLOCK,
            wraps: raw.get(TEMPLATE).is_some(),
            raw,
        })
    }

    /// Whether it is for packets of this protocol, with these ports.
    pub fn is_for(&self, protocol: u8, ports: Option<(u16, u16)>) -> bool {
        let is = |own: (u16, u16), port: u16| port & own.1 == own.0;
        let [source, destination] = self.ports;
        (self.protocol == 0 || self.protocol == protocol)
            && ports.is_none_or(|(from, to)| is(source, from) && is(destination, to))
    }

    /// Takes it away, in the namespace of the calling thread.
    pub fn remove(&self) -> Result<(), Error> {
        let mut header = self.raw.header[..SELECTOR].to_vec();
        header.resize(ID, 0);
        header[ID_DIRECTION] = self.raw.header[DIRECTION];
        let mut named = Object::new(DELETE, header);
        for attribute in [POLICY_TYPE, MARK, IF_ID] {
            if let Some(value) = self.raw.get(attribute) {
                named.put(attribute, value.0);
            }
        }
        Socket::open(NETLINK_XFRM)?.request("removing an IPsec policy", 0, &named)
    }

    /// Puts it there, in the namespace of the calling thread.
    pub fn add(&self) -> Result<(), Error> {
        Socket::open(NETLINK_XFRM)?.request("adding an IPsec policy", CREATE | EXCL, &self.raw)
    }
}

/// In the words of `ip xfrm policy`, as far as they name it.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            PolicyDirection::In => "in",
            PolicyDirection::Out => "out",
            PolicyDirection::Fwd => "fwd",
        };
        write!(f, "src {} dst {}", self.from, self.to)?;
        if self.protocol != 0 {
            write!(f, " proto {}", self.protocol)?;
        }
        for (word, (port, mask)) in ["sport", "dport"].into_iter().zip(self.ports) {
            if mask != 0 {
                write!(f, " {word} {port}")?;
            }
        }
        write!(f, " dir {direction}")
    }
}

/// `None`: a kernel without IPsec.
fn open() -> Result<Option<Socket>, Error> {
    match Socket::open(NETLINK_XFRM) {
        Err(error) if error.errno() == Some(Errno::PROTONOSUPPORT) => Ok(None),
        socket => socket.map(Some),
    }
}

/// Puts policies there.
pub(super) fn add(replay: &mut Replay<'_>, policies: &[Policy]) {
    for policy in policies {
        let mut policy = policy.clone();
        // The kernel numbers them.
        policy.raw.set_number(INDEX, 0);
        if let Err(error) = policy.add() {
            replay.refused.push(format!("IPsec policy {policy}: {error}"));
        }
    }
}
