//! As much rtnetlink as the bench needs: one request, one acknowledgement.
//!
//! It shares nothing with twinax's own crate for the kernel, so that the two can be compared.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;

/// The index of `lo` in every network namespace (`LOOPBACK_IFINDEX`, `net/flow.h`).
pub const LO: u32 = 1;

/// A veth pair that is to be made. Both ends get indices that the caller chose, so that nobody has
/// to ask for them.
pub struct Veth<'a> {
    /// The end in the socket's namespace.
    pub name: &'a str,
    /// Its index.
    pub index: u32,
    /// The bridge that it becomes a port of.
    pub master: Option<u32>,
    /// The end in another namespace.
    pub peer: &'a str,
    /// Its index there.
    pub peer_index: u32,
    /// That namespace.
    pub peer_netns: BorrowedFd<'a>,
}

/// A socket of the namespace that the calling thread was in when it was opened.
pub struct Socket {
    socket: netlink_sys::Socket,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens one.
    pub fn open() -> io::Result<Self> {
        let socket = netlink_sys::Socket::new(NETLINK_ROUTE)?;
        Ok(Self { socket, buffer: Vec::with_capacity(8192) })
    }

    /// Makes a bridge, up.
    pub fn add_bridge(&mut self, name: &str, index: u32) -> io::Result<()> {
        let mut link = up(index);
        link.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]),
        ];
        self.create(RouteNetlinkMessage::NewLink(link))
    }

    /// Makes a veth pair, each end in its final namespace. The near end comes up at once; the far
    /// end can't (`ENOTCONN`: it would come up before it has a peer).
    pub fn add_veth(&mut self, veth: &Veth<'_>) -> io::Result<()> {
        let mut peer = LinkMessage::default();
        peer.header.index = veth.peer_index;
        peer.attributes = vec![
            LinkAttribute::IfName(veth.peer.to_owned()),
            LinkAttribute::NetNsFd(veth.peer_netns.as_raw_fd()),
        ];
        let mut link = up(veth.index);
        link.attributes = vec![
            LinkAttribute::IfName(veth.name.to_owned()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        link.attributes.extend(veth.master.map(LinkAttribute::Controller));
        self.create(RouteNetlinkMessage::NewLink(link))
    }

    /// Brings an interface up.
    pub fn set_up(&mut self, index: u32) -> io::Result<()> {
        self.request(RouteNetlinkMessage::SetLink(up(index)), 0)
    }

    /// Gives an interface an address.
    pub fn add_address(&mut self, index: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = prefix;
        message.header.index = index;
        let address = IpAddr::V4(address);
        message.attributes =
            vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
        self.create(RouteNetlinkMessage::NewAddress(message))
    }

    fn create(&mut self, message: RouteNetlinkMessage) -> io::Result<()> {
        self.request(message, NLM_F_CREATE | NLM_F_EXCL)
    }

    fn request(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        self.buffer.resize(message.buffer_len(), 0);
        message.serialize(&mut self.buffer);
        self.socket.send(&self.buffer, 0)?;
        self.buffer.clear();
        self.socket.recv(&mut self.buffer, 0)?;
        match decode(&self.buffer)? {
            NetlinkPayload::Error(reply) => match reply.code {
                None => Ok(()),
                Some(_) => Err(reply.to_io()),
            },
            other => Err(io::Error::other(format!("no acknowledgement but {other:?}"))),
        }
    }
}

/// A request that brings a link up.
fn up(index: u32) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link
}

fn decode(datagram: &[u8]) -> io::Result<NetlinkPayload<RouteNetlinkMessage>> {
    NetlinkMessage::deserialize(datagram).map(|message| message.payload).map_err(io::Error::other)
}
