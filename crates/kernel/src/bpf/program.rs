//! The programs that run in the kernel at a tracepoint, and the records that they write.
//!
//! A tracepoint hands over the address of a `struct sk_buff`. Where the fields of it are differs from
//! kernel to kernel, and is known only from the [BTF](super::btf) of the one that runs:
//!
//! ```text
//!  skb ──▶ dev ──▶ nd_net ─┐
//!      ──▶ sk ──▶ skc_net ─┼─▶ struct net ──▶ ns.inum ──▶ is it one of ours? ──no──▶ end
//!      ──▶ dst ─▶ dev ─────┘                                  │ yes
//!                                                             ▼
//!                        record: time, skb, device, reason, and what the packet begins with
//! ```
//!
//! Each address is read with `bpf_probe_read_kernel`, which fails where there is nothing, and then the
//! next way to the namespace is taken: the place of `dev` has something else in it while a packet waits
//! in a UDP socket (`dev_scratch`). What is not of our namespaces has cost a few hundred nanoseconds.

use super::assemble::Helper::{self, Nanoseconds, ReadKernel};
use super::assemble::Instruction::{self, *};
use super::assemble::Register::{self, *};
use super::assemble::{Size, When};
use super::btf::{Argument, Btf, Mistake};
use super::event::Kind;

/// How many bytes of a packet are in a record, from its network header on: IPv6 and TCP with all its
/// options, or a tunnel's headers and those within.
pub const SNAP: usize = 128;

/// Where things are in a record.
pub mod at {
    pub const TIME: usize = 0;
    pub const SKB: usize = 8;
    pub const HEAD: usize = 16;
    /// The address of the first of the bytes.
    pub const START: usize = 24;
    pub const LOCATION: usize = 32;
    pub const REASON: usize = 40;
    pub const NETNS: usize = 44;
    pub const INDEX: usize = 48;
    pub const LENGTH: usize = 52;
    /// How far behind the head the packet ends, as far as it is in one piece.
    pub const TAIL: usize = 56;
    pub const PROTOCOL: usize = 60;
    pub const KIND: usize = 62;
    pub const DEVICE: usize = 64;
    pub const BYTES: usize = 80;
    pub const END: usize = BYTES + super::SNAP;
}

/// `IFNAMSIZ`
pub const NAME: i32 = 16;
/// In `sk_buff._skb_refdst`: the reference is not counted (`SKB_DST_NOREF`).
const NOREF: i32 = 1;

/// Where the fields are that the programs read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    skb: Skb,
    pub device: Device,
    socket_net: u32,
    dst_device: u32,
}

/// Where they are in `struct net_device`, and in the `struct net` that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    pub index: u32,
    pub name: u32,
    pub net: u32,
    pub net_inode: u32,
}

/// Where they are in `struct sk_buff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Skb {
    dev: u32,
    sk: u32,
    dst: u32,
    length: u32,
    protocol: u32,
    network_header: u32,
    tail: u32,
    head: u32,
    data: u32,
}

/// Up to where a `struct sk_buff` is copied to the stack, which has 512 bytes.
const COPY: u32 = 384;

impl Offsets {
    /// What the kernel's types say.
    pub fn of(btf: &Btf<'_>) -> Result<Self, Mistake> {
        let skb = |field| {
            let offset = btf.offset("sk_buff", field)?;
            // 8 bytes, whatever it is, have to be within the copy.
            let fits = offset + 8 <= COPY;
            if fits { Ok(offset) } else { Err(Mistake::Lacks(format!("`{field}` near enough"))) }
        };
        Ok(Self {
            skb: Skb {
                dev: skb("dev")?,
                sk: skb("sk")?,
                dst: skb("_skb_refdst")?,
                length: skb("len")?,
                protocol: skb("protocol")?,
                network_header: skb("network_header")?,
                tail: skb("tail")?,
                head: skb("head")?,
                data: skb("data")?,
            },
            device: Device {
                index: btf.offset("net_device", "ifindex")?,
                name: btf.offset("net_device", "name")?,
                net: btf.offset("net_device", "nd_net.net")?,
                net_inode: btf.offset("net", "ns.inum")?,
            },
            socket_net: btf.offset("sock", "__sk_common.skc_net.net")?,
            dst_device: btf.offset("dst_entry", "dev")?,
        })
    }

    /// How much of a `struct sk_buff` is copied: up to the last field that is read.
    fn copied(&self) -> u32 {
        let Skb { dev, sk, dst, length, protocol, network_header, tail, head, data } = self.skb;
        let fields = [dev, sk, dst, length, protocol, network_header, tail, head, data];
        (fields.into_iter().max().unwrap_or_default() + 8).next_multiple_of(8)
    }
}

/// Which of the arguments of a tracepoint are what, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arguments {
    skb: usize,
    location: Option<usize>,
    reason: Option<usize>,
    /// Two numbers that belong together: an ICMP error's type and code.
    numbers: Option<usize>,
}

impl Arguments {
    /// Tells them apart by their types: the kernel has given these tracepoints more arguments as time
    /// went on (`kfree_skb` a reason in 5.17, the receiving socket in 6.11; `consume_skb` a location in
    /// 6.3).
    pub fn of(btf: &Btf<'_>, kind: Kind) -> Result<Self, Mistake> {
        let tracepoint = kind.tracepoint();
        let lacks = || Mistake::Lacks(format!("tracepoint `{tracepoint}` with a packet"));
        let arguments = btf.arguments(tracepoint).ok_or_else(lacks)?;
        let find = |wanted: &Argument| arguments.iter().position(|own| own == wanted);
        let skb = find(&Argument::Struct("sk_buff".to_owned())).ok_or_else(lacks)?;
        let is_error = arguments.get(skb + 1..) == Some(&[Argument::Other, Argument::Other]);
        Ok(Self {
            skb,
            location: find(&Argument::Void),
            reason: find(&Argument::Enum("skb_drop_reason".to_owned())),
            numbers: (kind == Kind::IcmpError && is_error).then_some(skb + 1),
        })
    }
}

/// The descriptors of the maps that a program uses.
#[derive(Debug, Clone, Copy)]
pub struct Maps {
    /// The inode numbers of the namespaces.
    pub namespaces: i32,
    /// The ring.
    pub ring: i32,
    /// The number of records for which there was no room.
    pub lost: i32,
}

/// Where things are on the stack, counted down from its end.
pub mod stack {
    /// An address that was read.
    pub const ADDRESS: i16 = -8;
    /// A key of 4 bytes.
    pub const KEY: i16 = -16;
    /// The copy of the `sk_buff` ends here.
    pub const COPY: i16 = -16;
}

/// The program for a tracepoint.
pub fn program(
    kind: Kind,
    offsets: &Offsets,
    arguments: Arguments,
    maps: Maps,
) -> Vec<Instruction> {
    let copied = offsets.copied() as i16;
    let copy = stack::COPY - copied;
    // The field of the `sk_buff`, in its copy.
    let field = |size, to, offset: u32| Load(size, to, R10, copy + offset as i16);
    let argument = |to, index: usize| Load(Size::Double, to, R9, 8 * index as i16);
    let skb = offsets.skb;

    // R9: the arguments; R6: the skb; R7: its device; R8: the namespace, later the record.
    let mut code = vec![Copy(R9, R1), argument(R6, arguments.skb)];
    read(&mut code, copy, i32::from(copied), R6, 0);
    code.extend([
        Jump(When::NotEqual, R0, 0, "end"),
        // Messages of netlink and of Unix sockets are packets of no protocol.
        field(Size::Half, R1, skb.protocol),
        Jump(When::Equal, R1, 0, "end"),
        field(Size::Double, R7, skb.dev),
        Jump(When::Equal, R7, 0, "by socket"),
    ]);
    read(&mut code, stack::ADDRESS, 8, R7, offsets.device.net);
    code.extend([
        Load(Size::Double, R8, R10, stack::ADDRESS),
        Jump(When::Equal, R0, 0, "namespace"),
        Label("by socket"),
        Set(R7, 0),
        field(Size::Double, R3, skb.sk),
        Jump(When::Equal, R3, 0, "by route"),
    ]);
    read(&mut code, stack::ADDRESS, 8, R3, offsets.socket_net);
    code.extend([
        Load(Size::Double, R8, R10, stack::ADDRESS),
        Jump(When::Equal, R0, 0, "namespace"),
        Label("by route"),
        field(Size::Double, R3, skb.dst),
        And(R3, !NOREF),
        Jump(When::Equal, R3, 0, "end"),
    ]);
    read(&mut code, stack::ADDRESS, 8, R3, offsets.dst_device);
    code.push(Load(Size::Double, R3, R10, stack::ADDRESS));
    read(&mut code, stack::ADDRESS, 8, R3, offsets.device.net);
    code.extend([
        Load(Size::Double, R8, R10, stack::ADDRESS),
        Jump(When::NotEqual, R0, 0, "end"),
        Label("namespace"),
    ]);
    begin(&mut code, offsets.device.net_inode, maps);
    fill(&mut code, kind, offsets, arguments, copy);
    end(&mut code, maps);
    code
}

/// Looks whether the namespace that R8 points to is one of ours, and has R8 point to a new record then.
pub fn begin(code: &mut Vec<Instruction>, net_inode: u32, maps: Maps) {
    read(code, stack::KEY, 4, R8, net_inode);
    code.push(Jump(When::NotEqual, R0, 0, "end"));
    look_up(code, maps.namespaces);
    code.extend([
        Jump(When::Equal, R0, 0, "end"),
        Map(R1, maps.ring),
        Set(R2, at::END as i32),
        Set(R3, 0),
        Call(Helper::RingReserve),
        Jump(When::Equal, R0, 0, "lost"),
        Copy(R8, R0),
    ]);
}

/// Hands the record over that R8 points to; the end of a program.
pub fn end(code: &mut Vec<Instruction>, maps: Maps) {
    code.extend([
        Copy(R1, R8),
        Set(R2, 0),
        Call(Helper::RingSubmit),
        Go("end"),
        Label("lost"),
        StoreNumber(Size::Word, R10, stack::KEY, 0),
    ]);
    look_up(code, maps.lost);
    code.extend([
        Jump(When::Equal, R0, 0, "end"),
        Set(R1, 1),
        AtomicAdd(R0, 0, R1),
        Label("end"),
        Set(R0, 0),
        Exit,
    ]);
}

/// Writes the record that R8 points to.
fn fill(
    code: &mut Vec<Instruction>,
    kind: Kind,
    offsets: &Offsets,
    arguments: Arguments,
    copy: i16,
) {
    let skb = offsets.skb;
    let field = |size, to, offset: u32| Load(size, to, R10, copy + offset as i16);
    let argument = |to, index: usize| Load(Size::Double, to, R9, 8 * index as i16);
    let store = |size, place: usize, from| Store(size, R8, place as i16, from);

    code.extend([
        Call(Nanoseconds),
        store(Size::Double, at::TIME, R0),
        store(Size::Double, at::SKB, R6),
        field(Size::Double, R1, skb.head),
        store(Size::Double, at::HEAD, R1),
    ]);
    match arguments.location {
        Some(index) => code.push(argument(R1, index)),
        None => code.push(Set(R1, 0)),
    }
    code.push(store(Size::Double, at::LOCATION, R1));
    match (arguments.reason, arguments.numbers) {
        (Some(index), _) => {
            code.extend([argument(R1, index), store(Size::Word, at::REASON, R1)]);
        }
        (None, Some(index)) => code.extend([
            argument(R1, index),
            store(Size::Half, at::REASON, R1),
            argument(R1, index + 1),
            store(Size::Half, at::REASON + 2, R1),
        ]),
        (None, None) => code.push(StoreNumber(Size::Word, R8, at::REASON as i16, 0)),
    }
    code.extend([
        Load(Size::Word, R1, R10, stack::KEY),
        store(Size::Word, at::NETNS, R1),
        field(Size::Word, R1, skb.length),
        store(Size::Word, at::LENGTH, R1),
        field(Size::Word, R1, skb.tail),
        store(Size::Word, at::TAIL, R1),
        field(Size::Half, R1, skb.protocol),
        store(Size::Half, at::PROTOCOL, R1),
        StoreNumber(Size::Half, R8, at::KIND as i16, i32::from(kind as u8)),
    ]);
    // Without a device there is nothing to be read, and all is 0.
    read_into_record(code, at::INDEX, 4, R7, offsets.device.index);
    read_into_record(code, at::DEVICE, NAME, R7, offsets.device.name);
    // What has come in says only behind this tracepoint where its network header is
    // (`__netif_receive_skb_core`): the link's header has been taken off it.
    code.push(field(Size::Double, R7, skb.data));
    if kind != Kind::Received {
        code.extend([
            field(Size::Half, R1, skb.network_header),
            Jump(When::Equal, R1, 0, "start"),
            field(Size::Double, R7, skb.head),
            AddRegister(R7, R1),
            Label("start"),
        ]);
    }
    code.push(store(Size::Double, at::START, R7));
    read_into_record(code, at::BYTES, SNAP as i32, R7, 0);
}

/// Reads what is so many bytes behind where `from` points to, onto the stack. R0 is 0 if it was there.
pub fn read(code: &mut Vec<Instruction>, to: i16, size: i32, from: Register, offset: u32) {
    if from != R3 {
        code.push(Copy(R3, from));
    }
    code.extend([
        Add(R3, offset as i32),
        Copy(R1, R10),
        Add(R1, i32::from(to)),
        Set(R2, size),
        Call(ReadKernel),
    ]);
}

/// The same, into the record.
pub fn read_into_record(
    code: &mut Vec<Instruction>,
    place: usize,
    size: i32,
    from: Register,
    offset: u32,
) {
    code.extend([
        Copy(R3, from),
        Add(R3, offset as i32),
        Copy(R1, R8),
        Add(R1, place as i32),
        Set(R2, size),
        Call(ReadKernel),
    ]);
}

/// Looks up the key on the stack.
fn look_up(code: &mut Vec<Instruction>, map: i32) {
    code.extend([
        Map(R1, map),
        Copy(R2, R10),
        Add(R2, i32::from(stack::KEY)),
        Call(Helper::MapLookup),
    ]);
}
