//! Our bytes against those that `nft` sends for the same words.
//!
//! `golden/firewall.nft` is the text, `golden/firewall.hex` what `nft -f` was seen to send for it.

use twinax_plan::firewall::ruleset;
use twinax_topology::{Chain, Dnat, Filter, Firewall, Policies, Protocol, Verdict};

use super::message::Message;
use super::words;
use crate::netlink;

fn firewall() -> Firewall {
    let lan = || Some("lan".parse().expect("a name"));
    let wan = || Some("wan".parse().expect("a name"));
    let net = |text: &str| Some(text.parse().expect("a prefix"));
    let to = |text: &str| text.parse().expect("an address with a port");
    let word = |text: &str| Some(text.to_owned());
    let input = |verdict| Filter::new(Chain::Input, verdict);
    let forward = |verdict| Filter::new(Chain::Forward, verdict);
    Firewall {
        masquerade: wan().into_iter().collect(),
        dnat: vec![
            Dnat { iif: wan(), protocol: Protocol::Tcp, dport: 80, to: to("10.0.0.2:8080") },
            Dnat { iif: None, protocol: Protocol::Udp, dport: 53, to: to("[fd00::2]:5353") },
        ],
        policy: Policies { forward: Some(Verdict::Drop), ..Policies::default() },
        filters: vec![
            Filter { established: true, ..forward(Verdict::Accept) },
            Filter {
                iif: lan(),
                oif: wan(),
                from: net("10.0.0.0/23"),
                to: net("1.2.3.4/32"),
                ..forward(Verdict::Reject)
            },
            Filter {
                from: net("2001:db8::/35"),
                to: net("fd00::/8"),
                protocol: Some(Protocol::Tcp),
                sport: Some(5),
                dport: Some(80),
                comment: word("guests"),
                ..forward(Verdict::Reject)
            },
            Filter {
                protocol: Some(Protocol::Udp),
                dport: Some(53),
                comment: word(""),
                ..forward(Verdict::Accept)
            },
            Filter { protocol: Some(Protocol::Udp), sport: Some(53), ..forward(Verdict::Drop) },
            Filter { iif: lan(), protocol: Some(Protocol::Icmpv6), ..input(Verdict::Accept) },
            input(Verdict::Reject),
        ],
        ruleset: None,
    }
}

/// The messages of a batch, each with its sequence number (which the socket gives) set to zero.
fn messages(mut batch: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(length) = batch.first_chunk() {
        let (message, rest) = batch.split_at(u32::from_ne_bytes(*length) as usize);
        let mut message = message.to_vec();
        message[8..12].fill(0);
        messages.push(message);
        batch = rest;
    }
    messages
}

fn golden() -> Vec<u8> {
    let text = include_str!("golden/firewall.hex");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).expect("a byte"))
        .collect()
}

#[test]
fn the_words_are_the_golden_text() {
    assert_eq!(ruleset(&firewall()), include_str!("golden/firewall.nft"));
}

#[test]
#[cfg(target_endian = "little")]
fn our_bytes_are_those_of_nft() {
    let parts = words::parts(&firewall()).expect("a valid firewall");
    let mut ours = vec![netlink::bytes(0, Message::begin())];
    ours.extend(parts.into_iter().map(|part| netlink::bytes(part.flags, part.message)));
    ours.push(netlink::bytes(0, Message::end()));
    let theirs = messages(&golden());
    assert_eq!(ours.len(), theirs.len());
    for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "message {index} of the batch");
    }
}

#[test]
fn no_words_are_a_batch_that_only_removes() {
    let nothing = Firewall { ruleset: Some("flush ruleset".to_owned()), ..Firewall::default() };
    let parts = words::parts(&nothing).expect("a valid firewall");
    let requests: Vec<&str> = parts.iter().map(|part| part.request).collect();
    assert_eq!(requests, ["making a table of nftables", "removing a table of nftables"]);
}
