//! Parts of the kernel that a lab can need, each tried by using it.

use netlink_packet_core::DefaultNla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoBridge, InfoData, InfoKind, InfoVlan, InfoVrf, InfoVxlan, LinkAttribute, LinkInfo,
    LinkMessage,
};
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use rustix::io::Errno;
use twinax_topology::{Chain, Dnat, Filter, Firewall, Policies, Protocol, TapMode, Verdict};

use crate::error::Error;
use crate::link::of;
use crate::netlink::{CREATE, EXCL};
use crate::rtnl::Rtnl;
use crate::{nft, tun};

/// The device that is made for the trials, and the one at its other end.
const LOWER: &str = "twinax-lower";
const PEER: &str = "twinax-peer";
/// The device that a trial makes.
const TRIAL: &str = "twinax-trial";

/// `TCA_OPTIONS`, `linux/rtnetlink.h`.
const TCA_OPTIONS: u16 = 2;
/// The length of `struct tc_netem_qopt`, `linux/pkt_sched.h`.
const NETEM_OPTIONS: usize = 24;

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $module:literal, $config:literal;)*) => {
        /// A part of the kernel.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $($(#[$doc])* $name,)*
        }

        impl Feature {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it is called.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The module that it is in, where it is one.
            pub fn module(self) -> &'static str {
                match self { $(Self::$name => $module,)* }
            }

            /// The option with which it is built.
            pub fn config(self) -> &'static str {
                match self { $(Self::$name => $config,)* }
            }
        }
    };
}

features! {
    /// Pairs of virtual Ethernet devices.
    Veth = "veth", "veth", "CONFIG_VETH";
    /// Bridges.
    Bridge = "bridge", "bridge", "CONFIG_BRIDGE";
    /// Bridges that know VLANs.
    BridgeVlan = "bridge VLAN filtering", "bridge", "CONFIG_BRIDGE_VLAN_FILTERING";
    /// TUN/TAP devices.
    Tun = "tun", "tun", "CONFIG_TUN";
    /// The table that the short words of a firewall become, with filters on connections.
    Nftables = "nf_tables", "nf_tables", "CONFIG_NF_TABLES";
    /// Address translation by nftables.
    Nat = "nftables NAT", "nft_masq", "CONFIG_NFT_MASQ";
    /// The queueing discipline that delays and loses.
    Netem = "netem", "sch_netem", "CONFIG_NET_SCH_NETEM";
    /// Dummy devices.
    Dummy = "dummy", "dummy", "CONFIG_DUMMY";
    /// Devices for VLANs (802.1Q).
    Vlan = "vlan", "8021q", "CONFIG_VLAN_8021Q";
    /// VXLAN tunnels.
    Vxlan = "vxlan", "vxlan", "CONFIG_VXLAN";
    /// Devices with a MAC address of their own on another device.
    Macvlan = "macvlan", "macvlan", "CONFIG_MACVLAN";
    /// Devices with an IP address of their own on another device.
    Ipvlan = "ipvlan", "ipvlan", "CONFIG_IPVLAN";
    /// Virtual routing and forwarding.
    Vrf = "vrf", "vrf", "CONFIG_NET_VRF";
    /// WireGuard tunnels.
    Wireguard = "wireguard", "wireguard", "CONFIG_WIREGUARD";
}

/// Why it could not be found out whether a feature is there.
#[derive(Debug, thiserror::Error)]
pub enum TryError {
    /// What the trial needs could not be had.
    #[error(transparent)]
    Kernel(#[from] Error),
    /// A firewall could not be put in place, for another reason than that there can be none.
    #[error(transparent)]
    Firewall(#[from] nft::Error),
}

impl Feature {
    /// Whether it is there, found out by using it in the namespace of the calling thread. Devices
    /// are made there and taken away again, and a firewall is left behind: only for a namespace
    /// that is thrown away.
    ///
    /// # Errors
    ///
    /// What the kernel refused for another reason than that it has no such feature; `EPERM` where
    /// the calling thread has no `CAP_NET_ADMIN` there.
    pub fn try_here(self) -> Result<bool, TryError> {
        match self {
            Self::Nftables => return firewall(&filters()),
            Self::Nat => return firewall(&translations()),
            _ => {}
        }
        let mut rtnl = Rtnl::open()?;
        Ok(match self {
            Self::Bridge => makes(&mut rtnl, InfoKind::Bridge, None, None)?,
            Self::BridgeVlan => bridge_vlan(&mut rtnl)?,
            Self::Tun => tap(&mut rtnl)?,
            Self::Dummy => makes(&mut rtnl, InfoKind::Dummy, None, None)?,
            Self::Vxlan => {
                let data = InfoData::Vxlan(vec![InfoVxlan::Id(1)]);
                makes(&mut rtnl, InfoKind::Vxlan, Some(data), None)?
            }
            Self::Vrf => {
                let data = InfoData::Vrf(vec![InfoVrf::TableId(10)]);
                makes(&mut rtnl, InfoKind::Vrf, Some(data), None)?
            }
            Self::Wireguard => makes(&mut rtnl, InfoKind::Wireguard, None, None)?,
            _ => self.on_lower(&mut rtnl)?,
        })
    }

    /// Those that need a device on which they sit: an end of a veth pair.
    fn on_lower(self, rtnl: &mut Rtnl) -> Result<bool, Error> {
        if !add_lower(rtnl)? {
            return Ok(false);
        }
        let lower = Some(rtnl.index(LOWER)?);
        let there = match self {
            Self::Netem => netem(rtnl),
            Self::Vlan => {
                let data = InfoData::Vlan(vec![InfoVlan::Id(1)]);
                makes(rtnl, InfoKind::Vlan, Some(data), lower)
            }
            Self::Macvlan => makes(rtnl, InfoKind::MacVlan, None, lower),
            Self::Ipvlan => makes(rtnl, InfoKind::IpVlan, None, lower),
            _ => Ok(true),
        };
        del_link(rtnl, LOWER)?;
        there
    }
}

/// Whether a device of this kind can be made.
fn makes(
    rtnl: &mut Rtnl,
    kind: InfoKind,
    data: Option<InfoData>,
    lower: Option<u32>,
) -> Result<bool, Error> {
    let mut message = named(TRIAL);
    message.attributes.extend(lower.map(LinkAttribute::Link));
    let info = std::iter::once(LinkInfo::Kind(kind)).chain(data.map(LinkInfo::Data));
    message.attributes.push(LinkAttribute::LinkInfo(info.collect()));
    let there = add_link(rtnl, message)?;
    if there {
        del_link(rtnl, TRIAL)?;
    }
    Ok(there)
}

fn named(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    message
}

fn add_link(rtnl: &mut Rtnl, message: LinkMessage) -> Result<bool, Error> {
    let message = RouteNetlinkMessage::NewLink(message);
    is_there(rtnl.socket.request("making a device", CREATE | EXCL, &message))
}

fn del_link(rtnl: &mut Rtnl, name: &str) -> Result<(), Error> {
    let message = of(rtnl.index(name)?);
    rtnl.forget(name);
    rtnl.socket.request("removing a device", 0, &RouteNetlinkMessage::DelLink(message))
}

fn add_lower(rtnl: &mut Rtnl) -> Result<bool, Error> {
    use netlink_packet_route::link::InfoVeth;
    let mut message = named(LOWER);
    let peer = LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(named(PEER))));
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), peer]));
    add_link(rtnl, message)
}

/// Whether a refusal says that there is no such thing: `EOPNOTSUPP` of `rtnl_newlink`
/// (net/core/rtnetlink.c), `ENOENT` of `qdisc_create` (net/sched/sch_api.c).
fn is_there(outcome: Result<(), Error>) -> Result<bool, Error> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.errno(), Some(Errno::OPNOTSUPP | Errno::NOENT)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn netem(rtnl: &mut Rtnl) -> Result<bool, Error> {
    let mut message = TcMessage::default();
    message.header.index = rtnl.index(LOWER)? as i32;
    message.header.parent = TcHandle::ROOT;
    message.attributes.push(TcAttribute::Kind("netem".to_owned()));
    let options = DefaultNla::new(TCA_OPTIONS, vec![0; NETEM_OPTIONS]);
    message.attributes.push(TcAttribute::Other(options));
    let message = RouteNetlinkMessage::NewQueueDiscipline(message);
    is_there(rtnl.socket.request("making a queueing discipline", CREATE | EXCL, &message))
}

/// A kernel without VLAN filtering takes the attribute without a word; but it stays off.
fn bridge_vlan(rtnl: &mut Rtnl) -> Result<bool, Error> {
    let mut message = named(TRIAL);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Bridge),
        LinkInfo::Data(InfoData::Bridge(vec![InfoBridge::VlanFiltering(true)])),
    ]));
    if !add_link(rtnl, message)? {
        return Ok(false);
    }
    let ask = RouteNetlinkMessage::GetLink(of(rtnl.index(TRIAL)?));
    let answer = rtnl.socket.get("asking for a device", &ask);
    del_link(rtnl, TRIAL)?;
    let Some(RouteNetlinkMessage::NewLink(link)) = answer? else { return Ok(false) };
    Ok(link.attributes.iter().any(|attribute| {
        let LinkAttribute::LinkInfo(info) = attribute else { return false };
        info.iter().any(|info| {
            let LinkInfo::Data(InfoData::Bridge(data)) = info else { return false };
            data.contains(&InfoBridge::VlanFiltering(true))
        })
    }))
}

fn tap(rtnl: &mut Rtnl) -> Result<bool, Error> {
    match tun::add(TRIAL, TapMode::Tap) {
        Ok(()) => {
            del_link(rtnl, TRIAL)?;
            Ok(true)
        }
        Err(error) if matches!(error.errno(), Some(Errno::NOENT | Errno::NODEV | Errno::NXIO)) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn firewall(firewall: &Firewall) -> Result<bool, TryError> {
    match nft::apply(firewall) {
        Ok(()) => Ok(true),
        Err(nft::Error::NoNftables(_) | nft::Error::Lacks { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A firewall that uses what filters can.
fn filters() -> Firewall {
    let established = Filter { established: true, ..Filter::new(Chain::Forward, Verdict::Accept) };
    Firewall {
        policy: Policies { forward: Some(Verdict::Drop), ..Policies::default() },
        filters: vec![established, Filter::new(Chain::Input, Verdict::Reject)],
        ..Firewall::default()
    }
}

/// A firewall that uses what address translation can.
fn translations() -> Firewall {
    let port_80 = Dnat {
        iif: None,
        protocol: Protocol::Tcp,
        dport: 80,
        to: std::net::SocketAddr::from(([192, 0, 2, 1], 80)),
    };
    Firewall {
        masquerade: vec!["lo".parse().expect("lo is a name")],
        dnat: vec![port_80],
        ..Firewall::default()
    }
}
