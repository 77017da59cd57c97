//! Entries of forwarding databases (`bridge-fdb(8)`): the port of a bridge, or the other end of a tunnel, that a
//! hardware address is behind.

use std::net::IpAddr;

use netlink_packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::attributes::{header, number};
use crate::error::Error;
use crate::netlink::{self, APPEND, CREATE, Socket};
use crate::observe::neighbour::nda;
use crate::rtnl::Rtnl;

/// What somebody has entered into a forwarding database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FdbEntry {
    /// The hardware address; all zeroes for what has no entry of its own (VXLAN).
    pub mac: [u8; 6],
    /// Where a tunnel sends what is for it; `None`: it is behind a port of a bridge.
    pub to: Option<IpAddr>,
    /// The VLAN; `None`: of a bridge that does not filter by VLANs.
    pub vlan: Option<u16>,
    /// `NUD_…`: whether it is set, and whether it is the bridge's own.
    state: u16,
    /// `NTF_…`.
    flags: u8,
}

impl FdbEntry {
    /// One that is set for an address behind a port of a bridge.
    pub fn behind_port(mac: [u8; 6]) -> Self {
        Self { mac, to: None, vlan: None, state: nda::NOARP, flags: nda::OF_MASTER }
    }

    /// One by which a VXLAN sends there what is for this address; or, of all zeroes, for what has none.
    pub fn leads_to(mac: [u8; 6], to: IpAddr) -> Self {
        let state = nda::PERMANENT | nda::NOARP;
        Self { mac, to: Some(to), vlan: None, state, flags: nda::SELF }
    }

    /// Whether it was set, and not learned.
    pub fn is_set(&self) -> bool {
        self.state & (nda::PERMANENT | nda::NOARP) != 0
    }

    /// Whether it was learned from traffic: neither set, nor made by a program that learns in the kernel's stead.
    pub(crate) fn is_learned(&self) -> bool {
        matches!(self.state, nda::REACHABLE | nda::STALE) && self.flags & nda::EXT_LEARNED == 0
    }

    /// Whether a bridge takes what is for it, instead of passing it on.
    pub fn is_local(&self) -> bool {
        self.to.is_none() && self.state & nda::PERMANENT != 0
    }
}

impl Rtnl {
    /// What is entered for a device, a port of a bridge or a VXLAN.
    pub fn fdb(&mut self, device: &str) -> Result<Vec<FdbEntry>, Error> {
        let index = self.index(device)?;
        let all = list(&mut self.socket)?;
        Ok(all.into_iter().filter(|(of, _)| *of == index).map(|(_, own)| own).collect())
    }

    /// Enters something for a device.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` for a device that has no forwarding database and is no port of a bridge.
    pub fn add_fdb(&mut self, device: &str, entry: &FdbEntry) -> Result<(), Error> {
        let message = RouteNetlinkMessage::NewNeighbour(self.fdb_message(device, entry)?);
        self.queue("adding an entry to a forwarding database", CREATE | APPEND, message)
    }

    /// Takes something out; without a VLAN, what is entered in any of the port's.
    pub fn del_fdb(&mut self, device: &str, entry: &FdbEntry) -> Result<(), Error> {
        let message = RouteNetlinkMessage::DelNeighbour(self.fdb_message(device, entry)?);
        self.queue("removing an entry of a forwarding database", 0, message)
    }

    fn fdb_message(&mut self, device: &str, entry: &FdbEntry) -> Result<NeighbourMessage, Error> {
        let FdbEntry { mac, to, vlan, state, flags } = *entry;
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        message.header.ifindex = self.index(device)?;
        message.header.state = NeighbourState::from(state);
        message.header.flags = NeighbourFlags::from_bits_retain(flags);
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
        message.attributes.extend(to.map(|to| NeighbourAttribute::Destination(to.into())));
        message.attributes.extend(vlan.map(NeighbourAttribute::Vlan));
        Ok(message)
    }
}

/// All entries of a namespace, each with the index of its device.
pub(crate) fn list(socket: &mut Socket) -> Result<Vec<(u32, FdbEntry)>, Error> {
    let mut answer = Vec::new();
    socket.dump_raw(LISTING, &question(), &mut answer)?;
    let all = netlink::messages(&answer)
        .filter(|(header, _)| header.message_type == libc::RTM_NEWNEIGH)
        .filter_map(|(_, message)| listed(message));
    Ok(all.map(|own| (own.index, own.entry)).collect())
}

/// What [`question`] is for.
pub(crate) const LISTING: &str = "listing forwarding databases";

/// Asks for all entries of a namespace.
pub(crate) fn question() -> RouteNetlinkMessage {
    let mut ask = NeighbourMessage::default();
    ask.header.family = AddressFamily::Bridge;
    RouteNetlinkMessage::GetNeighbour(ask)
}

/// An entry as the kernel lists it.
pub(crate) struct Listed {
    /// The index of its device.
    pub index: u32,
    /// That of the bridge, where it is a bridge's.
    pub bridge: Option<u32>,
    pub entry: FdbEntry,
}

/// Reads one of the answers.
pub(crate) fn listed(message: &[u8]) -> Option<Listed> {
    // struct ndmsg: family, padding, index, state, flags, type.
    let (header, attributes) = header::<12>(message)?;
    let (mut mac, mut to, mut vlan, mut bridge) = (None, None, None, None);
    for (attribute, value) in attributes {
        match attribute {
            nda::DST => to = value.ip(),
            nda::LLADDR => mac = value.0.try_into().ok(),
            nda::VLAN => vlan = value.u16(),
            nda::MASTER => bridge = value.u32(),
            _ => {}
        }
    }
    let state = u16::from_ne_bytes([header[8], header[9]]);
    // The kernel tells by the attribute that it is a bridge's, and is told so by the flag.
    let flags = header[10] | if bridge.is_some() { nda::OF_MASTER } else { 0 };
    let entry = FdbEntry { mac: mac?, to, vlan, state, flags };
    Some(Listed { index: number(header, 4), bridge, entry })
}
