//! The kernel's numbers for what we say to nf_tables. They are its stable user API.
//!
//! - [`linux/netfilter/nf_tables.h`][nft]: `NFT_…`, `NFTA_…`
//! - [`linux/netfilter/nfnetlink.h`][nfnl]: `NFNL_…`
//! - [`linux/netfilter.h`][nf]: `NF_…`, `NFPROTO_…`
//!
//! An attribute list is an enum there and a module here: `NFTA_TABLE_NAME` is `table::NAME`.
//!
//! [nft]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netfilter/nf_tables.h
//! [nfnl]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netfilter/nfnetlink.h
//! [nf]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netfilter.h

/// `NFNL_SUBSYS_NFTABLES`, `nfnetlink.h`.
pub const NFNL_SUBSYS_NFTABLES: u16 = 10;
/// `NFNL_MSG_BATCH_BEGIN`, `nfnetlink.h`.
pub const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
/// `NFNL_MSG_BATCH_END`, `nfnetlink.h`.
pub const NFNL_MSG_BATCH_END: u16 = 0x11;
/// `NFNLGRP_NFTRACE`, `nfnetlink.h`.
pub const NFNLGRP_NFTRACE: u32 = 9;
/// `NFNETLINK_V0`, `nfnetlink.h`.
pub const NFNETLINK_V0: u8 = 0;

/// `NLA_F_NESTED`, [`linux/netlink.h`](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netlink.h).
pub const NLA_F_NESTED: u16 = 0x8000;
/// `NLA_TYPE_MASK`, `linux/netlink.h`: the type without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
pub const NLA_TYPE_MASK: u16 = 0x3fff;

/// `enum nf_tables_msg_types`, `nf_tables.h`; the type of a message has the subsystem above it
/// (`NFNL_SUBSYS_ID`, `nfnetlink.h`).
pub mod message {
    use super::NFNL_SUBSYS_NFTABLES;

    const fn of(number: u16) -> u16 {
        NFNL_SUBSYS_NFTABLES << 8 | number
    }

    /// `NFT_MSG_NEWTABLE`.
    pub const NEW_TABLE: u16 = of(0);
    /// `NFT_MSG_GETTABLE`.
    pub const GET_TABLE: u16 = of(1);
    /// `NFT_MSG_DELTABLE`.
    pub const DEL_TABLE: u16 = of(2);
    /// `NFT_MSG_NEWCHAIN`.
    pub const NEW_CHAIN: u16 = of(3);
    /// `NFT_MSG_GETCHAIN`.
    pub const GET_CHAIN: u16 = of(4);
    /// `NFT_MSG_NEWRULE`.
    pub const NEW_RULE: u16 = of(6);
    /// `NFT_MSG_GETRULE`.
    pub const GET_RULE: u16 = of(7);
    /// `NFT_MSG_DELRULE`.
    pub const DEL_RULE: u16 = of(8);
    /// `NFT_MSG_NEWSET`.
    pub const NEW_SET: u16 = of(9);
    /// `NFT_MSG_GETSET`.
    pub const GET_SET: u16 = of(10);
    /// `NFT_MSG_NEWSETELEM`.
    pub const NEW_ELEMENT: u16 = of(12);
    /// `NFT_MSG_GETSETELEM`.
    pub const GET_ELEMENT: u16 = of(13);
    /// `NFT_MSG_GETGEN`.
    pub const GET_GENERATION: u16 = of(16);
    /// `NFT_MSG_TRACE`.
    pub const TRACE: u16 = of(17);
    /// `NFT_MSG_NEWOBJ`.
    pub const NEW_OBJECT: u16 = of(18);
    /// `NFT_MSG_GETOBJ`.
    pub const GET_OBJECT: u16 = of(19);
    /// `NFT_MSG_NEWFLOWTABLE`.
    pub const NEW_FLOWTABLE: u16 = of(22);
    /// `NFT_MSG_GETFLOWTABLE`.
    pub const GET_FLOWTABLE: u16 = of(23);
}

/// Families: `NFPROTO_…`, `netfilter.h`.
pub mod family {
    /// `NFPROTO_UNSPEC`: in a request for a list, all of them.
    pub const UNSPEC: u8 = 0;
    /// `NFPROTO_INET`: IPv4 and IPv6.
    pub const INET: u8 = 1;
    /// `NFPROTO_IPV4`.
    pub const IPV4: u8 = 2;
    /// `NFPROTO_ARP`.
    pub const ARP: u8 = 3;
    /// `NFPROTO_NETDEV`.
    pub const NETDEV: u8 = 5;
    /// `NFPROTO_BRIDGE`.
    pub const BRIDGE: u8 = 7;
    /// `NFPROTO_IPV6`.
    pub const IPV6: u8 = 10;
}

/// `enum nf_inet_hooks`, `netfilter.h`.
pub mod hook {
    /// `NF_INET_PRE_ROUTING`.
    pub const PREROUTING: u32 = 0;
    /// `NF_INET_LOCAL_IN`.
    pub const INPUT: u32 = 1;
    /// `NF_INET_FORWARD`.
    pub const FORWARD: u32 = 2;
    /// `NF_INET_LOCAL_OUT`.
    pub const OUTPUT: u32 = 3;
    /// `NF_INET_POST_ROUTING`.
    pub const POSTROUTING: u32 = 4;
    /// `NF_INET_INGRESS`.
    pub const INGRESS: u32 = 5;
    /// `NF_ARP_IN`, [`linux/netfilter_arp.h`](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netfilter_arp.h).
    pub const ARP_INPUT: u32 = 0;
    /// `NF_ARP_OUT`.
    pub const ARP_OUTPUT: u32 = 1;
    /// `NF_ARP_FORWARD`.
    pub const ARP_FORWARD: u32 = 2;
    /// `NF_NETDEV_INGRESS`, `netfilter.h`.
    pub const NETDEV_INGRESS: u32 = 0;
    /// `NF_NETDEV_EGRESS`.
    pub const NETDEV_EGRESS: u32 = 1;
}

/// `enum nf_ip_hook_priorities`, [`linux/netfilter_ipv4.h`](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netfilter_ipv4.h).
pub mod priority {
    /// `NF_IP_PRI_NAT_DST`.
    pub const DSTNAT: i32 = -100;
    /// `NF_IP_PRI_FILTER`.
    pub const FILTER: i32 = 0;
    /// `NF_IP_PRI_NAT_SRC`.
    pub const SRCNAT: i32 = 100;
}

/// Verdicts, `netfilter.h`, and those within a table, `enum nft_verdicts`, `nf_tables.h`.
pub mod verdict {
    /// `NF_DROP`.
    pub const DROP: u32 = 0;
    /// `NF_ACCEPT`.
    pub const ACCEPT: u32 = 1;
    /// `NF_STOLEN`.
    pub const STOLEN: u32 = 2;
    /// `NF_QUEUE`.
    pub const QUEUE: u32 = 3;
    /// `NF_REPEAT`.
    pub const REPEAT: u32 = 4;
    /// `NF_VERDICT_MASK`: above it, `NF_QUEUE` has the number of its queue.
    pub const MASK: u32 = 0xff;
    /// `NFT_CONTINUE`.
    pub const CONTINUE: i32 = -1;
    /// `NFT_BREAK`.
    pub const BREAK: i32 = -2;
    /// `NFT_JUMP`.
    pub const JUMP: i32 = -3;
    /// `NFT_GOTO`.
    pub const GOTO: i32 = -4;
    /// `NFT_RETURN`.
    pub const RETURN: i32 = -5;
}

/// `enum nft_registers`, `nf_tables.h`.
pub mod register {
    /// `NFT_REG_VERDICT`.
    pub const VERDICT: u32 = 0;
    /// `NFT_REG_1`: 16 bytes.
    pub const FIRST: u32 = 1;
    /// `NFT_REG_2`: 16 bytes.
    pub const SECOND: u32 = 2;
    /// `NFT_REG_4`: 16 bytes. Those behind it, `NFT_REG32_…`, are quarters of these four.
    pub const LAST: u32 = 4;
}

/// `enum nft_table_attributes`, `nf_tables.h`.
pub mod table {
    /// `NFTA_TABLE_NAME`.
    pub const NAME: u16 = 1;
    /// `NFTA_TABLE_FLAGS`.
    pub const FLAGS: u16 = 2;
    /// `NFTA_TABLE_USE`.
    pub const USE: u16 = 3;
    /// `NFTA_TABLE_HANDLE`.
    pub const HANDLE: u16 = 4;
    /// `NFTA_TABLE_USERDATA`.
    pub const USERDATA: u16 = 6;
    /// `NFTA_TABLE_OWNER`.
    pub const OWNER: u16 = 7;
    /// `NFT_TABLE_F_OWNER` of `enum nft_table_flags`: the table goes with the socket that made it,
    /// and nobody else may change it.
    pub const FLAG_OWNER: u32 = 0x2;
    /// `NFT_TABLE_F_PERSIST`: it stays when that socket is closed.
    pub const FLAG_PERSIST: u32 = 0x4;
}

/// `enum nft_chain_attributes`, `nf_tables.h`.
pub mod chain {
    /// `NFTA_CHAIN_TABLE`.
    pub const TABLE: u16 = 1;
    /// `NFTA_CHAIN_HANDLE`.
    pub const HANDLE: u16 = 2;
    /// `NFTA_CHAIN_NAME`.
    pub const NAME: u16 = 3;
    /// `NFTA_CHAIN_HOOK`, a list of `NFTA_HOOK_…`.
    pub const HOOK: u16 = 4;
    /// `NFTA_CHAIN_POLICY`.
    pub const POLICY: u16 = 5;
    /// `NFTA_CHAIN_USE`.
    pub const USE: u16 = 6;
    /// `NFTA_CHAIN_TYPE`.
    pub const TYPE: u16 = 7;
    /// `NFTA_CHAIN_COUNTERS`.
    pub const COUNTERS: u16 = 8;
    /// `NFTA_CHAIN_FLAGS`.
    pub const FLAGS: u16 = 10;
    /// `NFTA_CHAIN_USERDATA`.
    pub const USERDATA: u16 = 12;
    /// `NFT_CHAIN_BINDING` of `enum nft_chain_flags`.
    pub const BINDING: u32 = 1 << 2;
    /// `NFTA_HOOK_HOOKNUM` of `enum nft_hook_attributes`.
    pub const HOOK_NUMBER: u16 = 1;
    /// `NFTA_HOOK_PRIORITY` of `enum nft_hook_attributes`.
    pub const HOOK_PRIORITY: u16 = 2;
    /// `NFTA_HOOK_DEV` of `enum nft_hook_attributes`.
    pub const HOOK_DEVICE: u16 = 3;
    /// `NFTA_HOOK_DEVS` of `enum nft_hook_attributes`, a list of [`DEVICE_NAME`].
    pub const HOOK_DEVICES: u16 = 4;
    /// `NFTA_DEVICE_NAME` of `enum nft_devices_attributes`.
    pub const DEVICE_NAME: u16 = 1;
}

/// `enum nft_rule_attributes`, `nf_tables.h`.
pub mod rule {
    /// `NFTA_RULE_TABLE`.
    pub const TABLE: u16 = 1;
    /// `NFTA_RULE_CHAIN`.
    pub const CHAIN: u16 = 2;
    /// `NFTA_RULE_HANDLE`.
    pub const HANDLE: u16 = 3;
    /// `NFTA_RULE_EXPRESSIONS`, a list of `NFTA_LIST_ELEM`.
    pub const EXPRESSIONS: u16 = 4;
    /// `NFTA_RULE_COMPAT`, a list of `NFTA_RULE_COMPAT_…`.
    pub const COMPAT: u16 = 5;
    /// `NFTA_RULE_POSITION`.
    pub const POSITION: u16 = 6;
    /// `NFTA_RULE_USERDATA`.
    pub const USERDATA: u16 = 7;
    /// `NFTA_RULE_COMPAT_PROTO` of `enum nft_rule_compat_attributes`.
    pub const COMPAT_PROTOCOL: u16 = 1;
    /// `NFTA_RULE_COMPAT_FLAGS` of `enum nft_rule_compat_attributes`.
    pub const COMPAT_FLAGS: u16 = 2;
    /// `NFT_RULE_COMPAT_F_INV` of `enum nft_rule_compat_flags`.
    pub const COMPAT_INVERTED: u32 = 1 << 1;
    /// `NFTA_LIST_ELEM` of `enum nft_list_attributes`.
    pub const ELEMENT: u16 = 1;
    /// `NFTA_EXPR_NAME` of `enum nft_expr_attributes`.
    pub const EXPRESSION_NAME: u16 = 1;
    /// `NFTA_EXPR_DATA` of `enum nft_expr_attributes`.
    pub const EXPRESSION_DATA: u16 = 2;
    /// `NFTNL_UDATA_RULE_COMMENT`, [`libnftnl/udata.h`](https://git.netfilter.org/libnftnl/tree/include/libnftnl/udata.h):
    /// to the kernel the user data is opaque.
    pub const COMMENT: u8 = 0;
}

/// `enum nft_data_attributes` and `enum nft_verdict_attributes`, `nf_tables.h`.
pub mod data {
    /// `NFTA_DATA_VALUE`.
    pub const VALUE: u16 = 1;
    /// `NFTA_DATA_VERDICT`.
    pub const VERDICT: u16 = 2;
    /// `NFTA_VERDICT_CODE`.
    pub const VERDICT_CODE: u16 = 1;
    /// `NFTA_VERDICT_CHAIN`.
    pub const VERDICT_CHAIN: u16 = 2;
}

/// `enum nft_meta_attributes` and `enum nft_meta_keys`, `nf_tables.h`.
pub mod meta {
    /// `NFTA_META_DREG`.
    pub const DREG: u16 = 1;
    /// `NFTA_META_KEY`.
    pub const KEY: u16 = 2;
    /// `NFTA_META_SREG`.
    pub const SREG: u16 = 3;
    /// `NFT_META_PROTOCOL`.
    pub const PROTOCOL: u32 = 1;
    /// `NFT_META_MARK`.
    pub const MARK: u32 = 3;
    /// `NFT_META_IIFNAME`.
    pub const IIFNAME: u32 = 6;
    /// `NFT_META_OIFNAME`.
    pub const OIFNAME: u32 = 7;
    /// `NFT_META_NFTRACE`.
    pub const NFTRACE: u32 = 12;
    /// `NFT_META_NFPROTO`.
    pub const NFPROTO: u32 = 15;
    /// `NFT_META_L4PROTO`.
    pub const L4PROTO: u32 = 16;
}

/// `enum nft_cmp_attributes` and `enum nft_cmp_ops`, `nf_tables.h`.
pub mod cmp {
    /// `NFTA_CMP_SREG`.
    pub const SREG: u16 = 1;
    /// `NFTA_CMP_OP`.
    pub const OP: u16 = 2;
    /// `NFTA_CMP_DATA`.
    pub const DATA: u16 = 3;
    /// `NFT_CMP_EQ`.
    pub const EQ: u32 = 0;
    /// `NFT_CMP_NEQ`.
    pub const NEQ: u32 = 1;
    /// `NFT_CMP_LT`.
    pub const LT: u32 = 2;
    /// `NFT_CMP_LTE`.
    pub const LTE: u32 = 3;
    /// `NFT_CMP_GT`.
    pub const GT: u32 = 4;
    /// `NFT_CMP_GTE`.
    pub const GTE: u32 = 5;
}

/// `enum nft_payload_attributes` and `enum nft_payload_bases`, `nf_tables.h`.
pub mod payload {
    /// `NFTA_PAYLOAD_DREG`.
    pub const DREG: u16 = 1;
    /// `NFTA_PAYLOAD_BASE`.
    pub const BASE: u16 = 2;
    /// `NFTA_PAYLOAD_OFFSET`.
    pub const OFFSET: u16 = 3;
    /// `NFTA_PAYLOAD_LEN`.
    pub const LEN: u16 = 4;
    /// `NFT_PAYLOAD_NETWORK_HEADER`.
    pub const NETWORK: u32 = 1;
    /// `NFT_PAYLOAD_TRANSPORT_HEADER`.
    pub const TRANSPORT: u32 = 2;
}

/// `enum nft_bitwise_attributes`, `nf_tables.h`.
pub mod bitwise {
    /// `NFTA_BITWISE_SREG`.
    pub const SREG: u16 = 1;
    /// `NFTA_BITWISE_DREG`.
    pub const DREG: u16 = 2;
    /// `NFTA_BITWISE_LEN`.
    pub const LEN: u16 = 3;
    /// `NFTA_BITWISE_MASK`.
    pub const MASK: u16 = 4;
    /// `NFTA_BITWISE_XOR`.
    pub const XOR: u16 = 5;
}

/// `enum nft_ct_attributes` and `enum nft_ct_keys`, `nf_tables.h`; states, `enum
/// ip_conntrack_info` in [`linux/netfilter/nf_conntrack_common.h`](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netfilter/nf_conntrack_common.h).
pub mod ct {
    /// `NFTA_CT_DREG`.
    pub const DREG: u16 = 1;
    /// `NFTA_CT_KEY`.
    pub const KEY: u16 = 2;
    /// `NFT_CT_STATE`.
    pub const STATE: u32 = 0;
    /// `NF_CT_STATE_BIT(IP_CT_ESTABLISHED)`.
    pub const ESTABLISHED: u32 = 1 << 1;
    /// `NF_CT_STATE_BIT(IP_CT_RELATED)`.
    pub const RELATED: u32 = 1 << 2;
}

/// `enum nft_immediate_attributes`, `nf_tables.h`.
pub mod immediate {
    /// `NFTA_IMMEDIATE_DREG`.
    pub const DREG: u16 = 1;
    /// `NFTA_IMMEDIATE_DATA`.
    pub const DATA: u16 = 2;
}

/// `enum nft_reject_attributes` and `enum nft_reject_types`, `nf_tables.h`.
pub mod reject {
    /// `NFTA_REJECT_TYPE`.
    pub const TYPE: u16 = 1;
    /// `NFTA_REJECT_ICMP_CODE`.
    pub const ICMP_CODE: u16 = 2;
    /// `NFT_REJECT_ICMP_UNREACH`.
    pub const ICMP_UNREACH: u32 = 0;
    /// `NFT_REJECT_TCP_RST`.
    pub const TCP_RESET: u32 = 1;
    /// `NFT_REJECT_ICMPX_UNREACH`: ICMP or ICMPv6, as the packet is.
    pub const ICMPX_UNREACH: u32 = 2;
    /// `NFT_REJECT_ICMPX_PORT_UNREACH`.
    pub const ICMPX_PORT_UNREACH: u8 = 1;
    /// `ICMP_PORT_UNREACH`, [`linux/icmp.h`](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/icmp.h).
    pub const ICMP_PORT_UNREACH: u8 = 3;
    /// `ICMPV6_PORT_UNREACH`, [`linux/icmpv6.h`](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/icmpv6.h).
    pub const ICMPV6_PORT_UNREACH: u8 = 4;
}

/// `enum nft_nat_attributes` and `enum nft_nat_types`, `nf_tables.h`.
pub mod nat {
    /// `NFTA_NAT_TYPE`.
    pub const TYPE: u16 = 1;
    /// `NFTA_NAT_FAMILY`.
    pub const FAMILY: u16 = 2;
    /// `NFTA_NAT_REG_ADDR_MIN`.
    pub const REG_ADDR_MIN: u16 = 3;
    /// `NFTA_NAT_REG_PROTO_MIN`.
    pub const REG_PROTO_MIN: u16 = 5;
    /// `NFTA_NAT_FLAGS`.
    pub const FLAGS: u16 = 7;
    /// `NFTA_NAT_REG_ADDR_MAX`.
    pub const REG_ADDR_MAX: u16 = 4;
    /// `NFTA_NAT_REG_PROTO_MAX`.
    pub const REG_PROTO_MAX: u16 = 6;
    /// `NFT_NAT_SNAT`.
    pub const SNAT: u32 = 0;
    /// `NFT_NAT_DNAT`.
    pub const DNAT: u32 = 1;
    /// `NF_NAT_RANGE_PROTO_SPECIFIED`, [`linux/netfilter/nf_nat.h`](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/netfilter/nf_nat.h).
    pub const PROTO_SPECIFIED: u32 = 2;
    /// `NF_NAT_RANGE_PROTO_RANDOM`.
    pub const RANDOM: u32 = 4;
    /// `NF_NAT_RANGE_PERSISTENT`.
    pub const PERSISTENT: u32 = 8;
    /// `NF_NAT_RANGE_PROTO_RANDOM_FULLY`.
    pub const FULLY_RANDOM: u32 = 16;
    /// `NFTA_MASQ_FLAGS`.
    pub const MASQUERADE_FLAGS: u16 = 1;
    /// `NFTA_MASQ_REG_PROTO_MIN`.
    pub const MASQUERADE_REG_PROTO_MIN: u16 = 2;
}

/// `enum nft_set_attributes`, `enum nft_set_flags` and `enum nft_set_elem_list_attributes`,
/// `nf_tables.h`.
pub mod set {
    /// `NFTA_SET_TABLE`.
    pub const TABLE: u16 = 1;
    /// `NFTA_SET_NAME`.
    pub const NAME: u16 = 2;
    /// `NFTA_SET_FLAGS`.
    pub const FLAGS: u16 = 3;
    /// `NFTA_SET_KEY_TYPE`.
    pub const KEY_TYPE: u16 = 4;
    /// `NFTA_SET_KEY_LEN`.
    pub const KEY_LEN: u16 = 5;
    /// `NFTA_SET_DATA_TYPE`.
    pub const DATA_TYPE: u16 = 6;
    /// `NFTA_SET_DATA_LEN`.
    pub const DATA_LEN: u16 = 7;
    /// `NFTA_SET_POLICY`.
    pub const POLICY: u16 = 8;
    /// `NFTA_SET_DESC`.
    pub const DESC: u16 = 9;
    /// `NFTA_SET_ID`: a number by which others of the same batch may name it.
    pub const ID: u16 = 10;
    /// `NFTA_SET_TIMEOUT`.
    pub const TIMEOUT: u16 = 11;
    /// `NFTA_SET_GC_INTERVAL`.
    pub const GC_INTERVAL: u16 = 12;
    /// `NFTA_SET_USERDATA`.
    pub const USERDATA: u16 = 13;
    /// `NFTA_SET_OBJ_TYPE`.
    pub const OBJ_TYPE: u16 = 15;
    /// `NFTA_SET_EXPR`.
    pub const EXPRESSION: u16 = 17;
    /// `NFTA_SET_EXPRESSIONS`.
    pub const EXPRESSIONS: u16 = 18;
    /// `NFTA_SET_HANDLE`.
    pub const HANDLE: u16 = 16;
    /// `NFTA_SET_COUNT`: how many elements there are.
    pub const COUNT: u16 = 20;
    /// `NFT_SET_ANONYMOUS`.
    pub const ANONYMOUS: u32 = 0x1;
    /// `NFT_SET_INTERVAL`.
    pub const INTERVAL: u32 = 0x4;
    /// `NFTA_SET_DESC_CONCAT` of `enum nft_set_desc_attributes`.
    pub const CONCAT: u16 = 2;
    /// `NFT_SET_EVAL`: packets may add to it.
    pub const EVAL: u32 = 0x20;
    /// `NFTA_SET_ELEM_LIST_TABLE`.
    pub const ELEMENTS_TABLE: u16 = 1;
    /// `NFTA_SET_ELEM_LIST_SET`.
    pub const ELEMENTS_SET: u16 = 2;
    /// `NFTA_SET_ELEM_LIST_ELEMENTS`.
    pub const ELEMENTS: u16 = 3;
    /// `NFTA_LIST_ELEM` of `enum nft_list_attributes`.
    pub const ELEMENT: u16 = 1;
}

/// `enum nft_set_elem_attributes`, `nf_tables.h`.
pub mod element {
    /// `NFTA_SET_ELEM_KEY`.
    pub const KEY: u16 = 1;
    /// `NFTA_SET_ELEM_DATA`.
    pub const DATA: u16 = 2;
    /// `NFTA_SET_ELEM_EXPIRATION`: how much is left of its time.
    pub const EXPIRATION: u16 = 5;
    /// `NFTA_SET_ELEM_EXPR`.
    pub const EXPRESSION: u16 = 7;
    /// `NFTA_SET_ELEM_EXPRESSIONS`.
    pub const EXPRESSIONS: u16 = 11;
}

/// The attributes of expressions that are only read, `nf_tables.h`.
pub mod expression {
    /// `NFTA_LOOKUP_SET`.
    pub const LOOKUP_SET: u16 = 1;
    /// `NFTA_LOOKUP_SREG`.
    pub const LOOKUP_SREG: u16 = 2;
    /// `NFTA_LOOKUP_DREG`.
    pub const LOOKUP_DREG: u16 = 3;
    /// `NFTA_LOOKUP_FLAGS`.
    pub const LOOKUP_FLAGS: u16 = 5;
    /// `NFT_LOOKUP_F_INV`.
    pub const LOOKUP_INVERTED: u32 = 1;
    /// `NFTA_RANGE_SREG`.
    pub const RANGE_SREG: u16 = 1;
    /// `NFTA_RANGE_OP`: `NFT_RANGE_EQ`, 0, or `NFT_RANGE_NEQ`, 1.
    pub const RANGE_OP: u16 = 2;
    /// `NFTA_RANGE_FROM_DATA`.
    pub const RANGE_FROM: u16 = 3;
    /// `NFTA_RANGE_TO_DATA`.
    pub const RANGE_TO: u16 = 4;
    /// `NFTA_LIMIT_RATE`.
    pub const LIMIT_RATE: u16 = 1;
    /// `NFTA_LIMIT_UNIT`, in seconds.
    pub const LIMIT_UNIT: u16 = 2;
    /// `NFTA_LIMIT_BURST`.
    pub const LIMIT_BURST: u16 = 3;
    /// `NFTA_LIMIT_TYPE`: `NFT_LIMIT_PKTS`, 0.
    pub const LIMIT_TYPE: u16 = 4;
    /// `NFTA_LIMIT_FLAGS`: `NFT_LIMIT_F_INV`, 1.
    pub const LIMIT_FLAGS: u16 = 5;
    /// `NFTA_LOG_GROUP`.
    pub const LOG_GROUP: u16 = 1;
    /// `NFTA_LOG_PREFIX`.
    pub const LOG_PREFIX: u16 = 2;
    /// `NFTA_LOG_LEVEL`: `NFT_LOGLEVEL_WARNING`, 4, unless it is said.
    pub const LOG_LEVEL: u16 = 5;
    /// `NFTA_LOG_FLAGS`.
    pub const LOG_FLAGS: u16 = 6;
    /// `NFTA_DYNSET_SET_NAME`.
    pub const DYNSET_SET: u16 = 1;
    /// `NFTA_DYNSET_TIMEOUT`.
    pub const DYNSET_TIMEOUT: u16 = 6;
    /// `NFTA_OBJREF_SET_NAME`.
    pub const OBJREF_SET: u16 = 4;
    /// `NFTA_IMMEDIATE_DATA`.
    pub const IMMEDIATE_DATA: u16 = 2;
    /// `NFTA_EXTHDR_DREG`.
    pub const EXTHDR_DREG: u16 = 1;
    /// `NFTA_EXTHDR_OFFSET`.
    pub const EXTHDR_OFFSET: u16 = 3;
    /// `NFTA_EXTHDR_LEN`.
    pub const EXTHDR_LEN: u16 = 4;
    /// `NFTA_EXTHDR_FLAGS`.
    pub const EXTHDR_FLAGS: u16 = 5;
    /// `NFTA_EXTHDR_SREG`.
    pub const EXTHDR_SREG: u16 = 7;
    /// `NFTA_QUOTA_FLAGS`.
    pub const QUOTA_FLAGS: u16 = 2;
    /// `NFT_QUOTA_F_INV`.
    pub const QUOTA_INVERTED: u32 = 1;
    /// `NFTA_QUOTA_CONSUMED`.
    pub const QUOTA_CONSUMED: u16 = 4;
    /// `NFTA_MATCH_NAME`.
    pub const MATCH_NAME: u16 = 1;
    /// `NFTA_MATCH_INFO`.
    pub const MATCH_INFO: u16 = 3;
}

/// `enum nft_object_attributes` and `NFT_OBJECT_…`, `nf_tables.h`.
pub mod object {
    /// `NFTA_OBJ_TABLE`.
    pub const TABLE: u16 = 1;
    /// `NFTA_OBJ_NAME`.
    pub const NAME: u16 = 2;
    /// `NFTA_OBJ_TYPE`.
    pub const TYPE: u16 = 3;
    /// `NFTA_OBJ_DATA`.
    pub const DATA: u16 = 4;
    /// `NFTA_OBJ_USE`.
    pub const USE: u16 = 5;
    /// `NFTA_OBJ_HANDLE`.
    pub const HANDLE: u16 = 6;
    /// `NFTA_OBJ_USERDATA`.
    pub const USERDATA: u16 = 8;
    /// `NFT_OBJECT_COUNTER`.
    pub const COUNTER: u32 = 1;
    /// `NFT_OBJECT_QUOTA`.
    pub const QUOTA: u32 = 2;
}

/// `enum nft_flowtable_attributes`, `nf_tables.h`.
pub mod flowtable {
    /// `NFTA_FLOWTABLE_TABLE`.
    pub const TABLE: u16 = 1;
    /// `NFTA_FLOWTABLE_NAME`.
    pub const NAME: u16 = 2;
    /// `NFTA_FLOWTABLE_HOOK`.
    pub const HOOK: u16 = 3;
    /// `NFTA_FLOWTABLE_USE`.
    pub const USE: u16 = 4;
    /// `NFTA_FLOWTABLE_HANDLE`.
    pub const HANDLE: u16 = 5;
    /// `NFTA_FLOWTABLE_FLAGS`.
    pub const FLAGS: u16 = 7;
}

/// `enum nft_gen_attributes`, `nf_tables.h`.
pub mod generation {
    /// `NFTA_GEN_ID`.
    pub const ID: u16 = 1;
}

/// `enum nft_trace_attributes` and `enum nft_trace_types`, `nf_tables.h`.
pub mod trace {
    /// `NFTA_TRACE_TABLE`.
    pub const TABLE: u16 = 1;
    /// `NFTA_TRACE_CHAIN`.
    pub const CHAIN: u16 = 2;
    /// `NFTA_TRACE_RULE_HANDLE`.
    pub const RULE_HANDLE: u16 = 3;
    /// `NFTA_TRACE_TYPE`.
    pub const TYPE: u16 = 4;
    /// `NFTA_TRACE_VERDICT`, a list of `NFTA_VERDICT_…`.
    pub const VERDICT: u16 = 5;
    /// `NFTA_TRACE_ID`.
    pub const ID: u16 = 6;
    /// `NFTA_TRACE_LL_HEADER`.
    pub const LINK_HEADER: u16 = 7;
    /// `NFTA_TRACE_NETWORK_HEADER`.
    pub const NETWORK_HEADER: u16 = 8;
    /// `NFTA_TRACE_TRANSPORT_HEADER`.
    pub const TRANSPORT_HEADER: u16 = 9;
    /// `NFTA_TRACE_IIF`.
    pub const IIF: u16 = 10;
    /// `NFTA_TRACE_OIF`.
    pub const OIF: u16 = 12;
    /// `NFTA_TRACE_MARK`.
    pub const MARK: u16 = 14;
    /// `NFTA_TRACE_POLICY`.
    pub const POLICY: u16 = 16;
    /// `NFT_TRACETYPE_POLICY`.
    pub const TYPE_POLICY: u32 = 1;
    /// `NFT_TRACETYPE_RETURN`.
    pub const TYPE_RETURN: u32 = 2;
    /// `NFT_TRACETYPE_RULE`.
    pub const TYPE_RULE: u32 = 3;
}
