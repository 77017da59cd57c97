//! Devices: made again with the index that they have, so that whatever names one by its index means
//! the same one.

use std::collections::HashMap;
use std::os::fd::{AsFd as _, AsRawFd as _};

use twinax_plan::ObservedLink;

use super::object::{Object, list, nested};
use super::{BRIDGE_DATA, PORT_DATA, PORT_STATE, Replay};
use crate::attributes::Value;
use crate::error::Error;
use crate::netlink::{CREATE, EXCL, Socket};
use crate::netns::Netns;
use crate::observe::link::{ifla, observed};

/// `IFLA_…`, `linux/if_link.h`.
const TXQLEN: u16 = 13;
const GROUP: u16 = 27;
const NET_NS_FD: u16 = 28;
const EXT_MASK: u16 = 29;
/// `RTEXT_FILTER_SKIP_STATS`.
const SKIP_STATS: u32 = 8;
/// `VETH_INFO_PEER`, `linux/veth.h`.
const PEER: u16 = 1;

/// `IFLA_VXLAN_TTL_INHERIT`: told as a number, and taken as a flag (`drivers/net/vxlan/vxlan_core.c`).
const VXLAN_FLAG: u16 = 28;
/// What of a VXLAN is said only where it is on: that, and `IFLA_VXLAN_REMCSUM_TX` and `…_RX`.
const VXLAN_IF_ON: &[u16] = &[21, 22, VXLAN_FLAG];

/// `struct ifinfomsg`: family, pad, type, index, flags, change.
const HEADER: usize = 16;
const INDEX: usize = 4;
const FLAGS: usize = 8;
const CHANGE: usize = 12;

/// The flags that somebody sets (`ip link set`), but for `IFF_UP`.
const SET: i32 = libc::IFF_NOARP | libc::IFF_PROMISC | libc::IFF_ALLMULTI | libc::IFF_MULTICAST;

/// A device of a namespace.
#[derive(Debug, Clone)]
pub struct Device {
    /// What it is like.
    pub seen: ObservedLink,
    object: Object,
    /// The index of its master.
    master: Option<u32>,
}

/// An end of a veth pair that is to be made.
#[derive(Debug, Clone, Copy)]
pub enum End<'a> {
    /// As this one is.
    Like(&'a Device),
    /// One of which nothing but the name is said.
    Named(&'a str),
}

pub(super) fn all(socket: &mut Socket) -> Result<Vec<Device>, Error> {
    let mut ask = Object::new(libc::RTM_GETLINK, [0; HEADER]);
    ask.put(EXT_MASK, SKIP_STATS.to_ne_bytes());
    let found = list(socket, "listing devices", &ask)?;
    let mut devices: Vec<Device> = found.into_iter().filter_map(Device::of).collect();
    devices.sort_by_key(|device| device.seen.index);
    let names: HashMap<u32, String> =
        devices.iter().map(|own| (own.seen.index, own.seen.name.clone())).collect();
    for device in &mut devices {
        device.seen.master = device.master.and_then(|index| names.get(&index).cloned());
    }
    Ok(devices)
}

impl Device {
    fn of(mut object: Object) -> Option<Self> {
        use netlink_packet_core::NetlinkSerializable as _;
        // A bridge also tells of its ports, under its own family.
        if object.header[0] != 0 {
            return None;
        }
        object.keep(&[
            ifla::ADDRESS,
            ifla::IFNAME,
            ifla::MTU,
            ifla::LINK,
            ifla::QDISC,
            ifla::MASTER,
            TXQLEN,
            ifla::OPERSTATE,
            ifla::LINKINFO,
            GROUP,
            ifla::LINK_NETNSID,
        ]);
        let mut message = vec![0; object.buffer_len()];
        object.serialize(&mut message);
        let (seen, master) = observed(&message)?;
        Some(Self { seen, object, master })
    }

    fn has(&self, flags: i32) -> bool {
        self.object.number(FLAGS) & flags.cast_unsigned() != 0
    }

    /// An attribute of `IFLA_LINKINFO`.
    fn info(&self, attribute: u16) -> Option<&[u8]> {
        let info = self.object.get(ifla::LINKINFO)?;
        // What is nested lives as long as the object.
        Some(Value(info.0).get(attribute)?.0)
    }

    /// How it behaves as a port (or, with [`ifla::INFO_DATA`], as a bridge), as far as that differs from
    /// what a fresh one has, and can be set.
    fn unusual<'a>(
        &'a self,
        attribute: u16,
        usual: &Usual,
        settable: &[u16],
    ) -> Vec<(u16, &'a [u8])> {
        let data = self.info(attribute).unwrap_or_default();
        let own = crate::attributes::attributes(data).map(|(kind, value)| (kind, value.0));
        own.filter(|(kind, value)| {
            settable.contains(kind) && usual.0.get(kind).is_none_or(|usual| usual != value)
        })
        .collect()
    }

    /// The state that it has as a port of a bridge (`BR_STATE_…`, `linux/if_bridge.h`).
    fn port_state(&self) -> Option<u8> {
        let data = self.info(ifla::INFO_SLAVE_DATA)?;
        crate::attributes::attributes(data).find(|(own, _)| *own == PORT_STATE)?.1.u8()
    }

    fn is_port(&self) -> bool {
        self.info(ifla::INFO_SLAVE_KIND).is_some_and(|kind| Value(kind).text() == "bridge")
    }

    pub(super) fn is_noarp(&self) -> bool {
        self.has(libc::IFF_NOARP)
    }

    /// What is said of it when it is made.
    fn made_with(&self) -> Object {
        let mut header = vec![0; HEADER];
        header[INDEX..FLAGS].copy_from_slice(&self.seen.index.to_ne_bytes());
        let mut object = Object::new(libc::RTM_NEWLINK, header);
        let mut said = vec![ifla::IFNAME, TXQLEN, GROUP];
        // Those that are no Ethernet devices have another address, which their kind makes for them.
        if self.object.get(ifla::ADDRESS).is_some_and(|own| own.0.len() == 6) {
            said.push(ifla::ADDRESS);
        }
        for attribute in said {
            if let Some(value) = self.object.get(attribute) {
                object.put(attribute, value.0);
            }
        }
        object
    }
}

impl End<'_> {
    fn object(&self, at: &Netns) -> Object {
        let mut object = match self {
            Self::Like(device) => {
                let mut object = device.made_with();
                object.put(ifla::MTU, device.seen.mtu.to_ne_bytes());
                object
            }
            Self::Named(name) => {
                let mut object = Object::new(libc::RTM_NEWLINK, [0; HEADER]);
                object.put(ifla::IFNAME, text(name));
                object
            }
        };
        object.put(NET_NS_FD, at.as_fd().as_raw_fd().to_ne_bytes());
        object
    }
}

fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

/// What a fresh bridge, or a fresh port, has of each attribute.
#[derive(Debug, Clone, Default)]
pub(super) struct Usual(HashMap<u16, Vec<u8>>);

impl Usual {
    /// Of these, as in `IFLA_INFO_DATA`.
    pub(super) fn of(data: &[u8]) -> Self {
        let own = crate::attributes::attributes(data);
        Self(own.map(|(attribute, value)| (attribute, value.0.to_vec())).collect())
    }

    /// Of a device of the namespace of the calling thread.
    pub(super) fn of_device(device: &Device) -> (Self, Self) {
        let data = |attribute| Self::of(device.info(attribute).unwrap_or_default());
        (data(ifla::INFO_DATA), data(ifla::INFO_SLAVE_DATA))
    }
}

impl Replay<'_> {
    /// Makes a veth pair, each end in its namespace, both down.
    pub fn make_pair(
        &mut self,
        (a, at_a): (End<'_>, &Netns),
        (b, at_b): (End<'_>, &Netns),
    ) -> Result<(), Error> {
        let (mut a, b) = (a.object(at_a), b.object(at_b));
        let mut bytes = vec![0; netlink_packet_core::NetlinkSerializable::buffer_len(&b)];
        netlink_packet_core::NetlinkSerializable::serialize(&b, &mut bytes);
        let data = nested([(PEER, &bytes[..])]);
        a.put(
            ifla::LINKINFO,
            nested([(ifla::INFO_KIND, &b"veth\0"[..]), (ifla::INFO_DATA, &data)]),
        );
        self.socket.queue("making a veth pair", CREATE | EXCL, &a)
    }

    /// Makes devices of other kinds, each of what the kernel says of it. One may be on top of another:
    /// as long as something can be made, the rest is tried again.
    pub fn make_others(&mut self, devices: &[&Device]) {
        let mut left = devices.to_vec();
        while !left.is_empty() {
            let told = self.refused.len();
            let before = left.len();
            left.retain(|device| !self.make(device));
            if left.len() == before {
                return;
            }
            self.refused.truncate(told);
        }
    }

    /// Makes a device that needs no other end: a bridge, or whatever else is made of what the kernel
    /// says of it. Whether it could be made.
    pub fn make(&mut self, device: &Device) -> bool {
        let mut object = device.made_with();
        let kind = text(&device.seen.kind);
        let data = match device.seen.kind.as_str() {
            "bridge" => nested(device.unusual(ifla::INFO_DATA, &self.usual.bridge, BRIDGE_DATA)),
            "vxlan" => vxlan(device.info(ifla::INFO_DATA).unwrap_or_default()),
            _ => device.info(ifla::INFO_DATA).unwrap_or_default().to_vec(),
        };
        if device.seen.kind != "bridge"
            && let Some(below) = device.object.get(ifla::LINK)
        {
            object.put(ifla::LINK, below.0);
        }
        let mut info = vec![(ifla::INFO_KIND, &kind[..])];
        if !data.is_empty() {
            info.push((ifla::INFO_DATA, &data[..]));
        }
        object.put(ifla::LINKINFO, nested(info));
        let name = format!("{} of kind {}", device.seen.name, device.seen.kind);
        self.try_all("making a device", CREATE | EXCL, [(name, object)]).is_empty()
    }

    /// Gives devices that have been made their masters, and all else but addresses and that they are
    /// up.
    pub fn set_up(&mut self, devices: &[&Device]) {
        let mut ports = Vec::new();
        let mut rest = Vec::new();
        for device in devices {
            let name = &device.seen.name;
            let index = device.seen.index;
            let is_native = device.seen.is_native();
            if let Some(master) = device.master {
                let mut object = about(index);
                object.put(ifla::MASTER, master.to_ne_bytes());
                ports.push((format!("{name}: its master"), object));
            }
            if device.is_port() {
                let usual = &self.usual.port;
                let data = device.unusual(ifla::INFO_SLAVE_DATA, usual, PORT_DATA);
                if !data.is_empty() {
                    rest.push((format!("{name}: how it behaves as a port"), of_port(index, &data)));
                }
            }
            // A bridge has that of its ports whenever one comes, until it is set.
            if device.seen.kind != "veth" && !(is_native && name != "lo") {
                let mut object = about(index);
                object.put(ifla::MTU, device.seen.mtu.to_ne_bytes());
                rest.push((format!("{name}: MTU {}", device.seen.mtu), object));
            }
            if matches!(device.seen.kind.as_str(), "bridge" | "tun")
                && let Some(mac) = device.object.get(ifla::ADDRESS)
            {
                let mut object = about(index);
                object.put(ifla::ADDRESS, mac.0);
                rest.push((format!("{name}: its MAC"), object));
            }
            let mut object = about(index);
            object.set_number(FLAGS, device.object.number(FLAGS) & SET.cast_unsigned());
            object.set_number(CHANGE, SET.cast_unsigned());
            rest.push((format!("{name}: its flags"), object));
        }
        ports.extend(rest);
        self.try_all("setting up a device", 0, ports);
    }

    /// Brings up those devices that are up, bridges last: one that is up takes note of a port that comes
    /// up without carrier.
    pub fn bring_up(&mut self, devices: &[&Device]) {
        let up = devices.iter().filter(|device| device.has(libc::IFF_UP));
        let (bridges, others): (Vec<&Device>, Vec<&Device>) =
            up.partition(|device| device.seen.kind == "bridge");
        let requests = others.into_iter().chain(bridges).map(|device| {
            (format!("{}: up", device.seen.name), up_or_down(device.seen.index, true))
        });
        let requests: Vec<_> = requests.collect();
        self.try_all("bringing a device up", 0, requests);
    }

    /// Gives ports of bridges the states that they have. They must have settled.
    pub fn set_port_states(&mut self, devices: &[&Device]) -> Result<(), Error> {
        let ports =
            devices.iter().filter_map(|own| own.port_state().map(|state| (own.seen.index, state)));
        let wanted: HashMap<u32, u8> = ports.collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let now = all(&mut self.socket)?;
        let differ = now.iter().filter_map(|own| {
            let wanted = wanted.get(&own.seen.index).filter(|&&to| own.port_state() != Some(to))?;
            let said = format!("{}: its state as a port", own.seen.name);
            Some((said, state_of_port(own.seen.index, *wanted)))
        });
        let differ: Vec<_> = differ.collect();
        self.try_all("setting the state of a port", 0, differ);
        Ok(())
    }

    /// Brings a device up or down, by its name.
    pub fn set_up_or_down(&mut self, name: &str, up: bool) {
        let mut object = up_or_down(0, up);
        object.put(ifla::IFNAME, text(name));
        self.try_all("bringing a device up", 0, [(name.to_owned(), object)]);
    }
}

/// What is said of a VXLAN. What is off may not be said where that it is on would be a flag, or a use of bits that
/// are said to be reserved.
fn vxlan(data: &[u8]) -> Vec<u8> {
    let is_on = |value: &[u8]| value.iter().any(|byte| *byte != 0);
    let all = crate::attributes::attributes(data).map(|(attribute, value)| (attribute, value.0));
    let all = all.filter(|(own, value)| !VXLAN_IF_ON.contains(own) || is_on(value));
    nested(all.map(|(own, value)| (own, if own == VXLAN_FLAG { &[] } else { value })))
}

/// A message that changes the device of this index.
fn about(index: u32) -> Object {
    let mut object = Object::new(libc::RTM_SETLINK, [0; HEADER]);
    object.set_number(INDEX, index);
    object
}

fn up_or_down(index: u32, up: bool) -> Object {
    let mut object = about(index);
    object.set_number(FLAGS, if up { libc::IFF_UP.cast_unsigned() } else { 0 });
    object.set_number(CHANGE, libc::IFF_UP.cast_unsigned());
    object
}

/// The state of a port, in the bridge's own words: what is said as of a device (`IFLA_LINKINFO`) is followed by
/// news of it, at which the bridge gives a disabled port another state (`br_port_carrier_check`).
fn state_of_port(index: u32, state: u8) -> Object {
    let mut object = about(index).of_kind(libc::RTM_SETLINK);
    object.header[0] = libc::AF_BRIDGE as u8;
    object.put(ifla::PROTINFO | libc::NLA_F_NESTED as u16, nested([(PORT_STATE, &[state][..])]));
    object
}

fn of_port(index: u32, data: &[(u16, &[u8])]) -> Object {
    let data = nested(data.iter().copied());
    // RTM_SETLINK passes over what is said of a kind.
    let mut object = about(index).of_kind(libc::RTM_NEWLINK);
    object.put(
        ifla::LINKINFO,
        nested([(ifla::INFO_SLAVE_KIND, &b"bridge\0"[..]), (ifla::INFO_SLAVE_DATA, &data)]),
    );
    object
}
