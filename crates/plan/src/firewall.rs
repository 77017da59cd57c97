//! The short words of a firewall as text for `nft -f` ([nft(8)]).
//!
//! `twinax-kernel` says the same words to the kernel without the `nft` program. So each text here
//! has its meaning twice, and a test of that crate compares what `nft list ruleset` then prints.
//!
//! Filters are in chains of priority `filter`, `dnat` in one of priority `dstnat`, `masquerade` in
//! one of priority `srcnat`; only the chains that are needed are there.
//!
//! [nft(8)]: https://www.netfilter.org/projects/nftables/manpage.html

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use twinax_topology::{Chain, Dnat, FIREWALL_TABLE, Filter, Firewall, IfName, Protocol, Verdict};

/// The chain (of the hook of the same name) that has the rules for [`Firewall::dnat`].
pub const DNAT_CHAIN: &str = "prerouting";

/// The chain (of the hook of the same name) that has the rules for [`Firewall::masquerade`].
pub const MASQUERADE_CHAIN: &str = "postrouting";

/// What is given to `nft -f`, in this order: the [`ruleset`] of the short words, where any is
/// used, then the free ruleset, where there is one.
pub fn texts(firewall: &Firewall) -> (Option<String>, Option<&str>) {
    (firewall.has_words().then(|| ruleset(firewall)), firewall.ruleset.as_deref())
}

/// The text that makes the table `inet twinax` what the short words say, in one transaction,
/// whatever that table was before. Without words: the text that removes it.
///
/// The firewall must be valid, as the lab file's validation establishes.
pub fn ruleset(firewall: &Firewall) -> String {
    // `delete` fails where nothing is there to be deleted; `table` alone makes it where it is not.
    let mut text = format!("table inet {FIREWALL_TABLE}\ndelete table inet {FIREWALL_TABLE}\n");
    if !firewall.has_words() {
        return text;
    }
    let mut chains = Vec::new();
    for (chain, policy) in filter_chains(firewall) {
        let (name, policy) = (chain.as_str(), policy.as_str());
        let head = format!("type filter hook {name} priority filter; policy {policy};");
        let rules = firewall.filters.iter().filter(|filter| filter.chain == chain);
        chains.push((name, head, rules.map(filter_rule).collect()));
    }
    if !firewall.dnat.is_empty() {
        let head = format!("type nat hook {DNAT_CHAIN} priority dstnat; policy accept;");
        chains.push((DNAT_CHAIN, head, firewall.dnat.iter().map(dnat_rule).collect()));
    }
    if !firewall.masquerade.is_empty() {
        let head = format!("type nat hook {MASQUERADE_CHAIN} priority srcnat; policy accept;");
        let rules = firewall.masquerade.iter().map(masquerade_rule).collect();
        chains.push((MASQUERADE_CHAIN, head, rules));
    }
    let chains: Vec<String> = chains
        .into_iter()
        .map(|(name, head, rules)| {
            let rules: Vec<String> = rules;
            let lines = std::iter::once(head).chain(rules);
            let lines: String = lines.map(|line| format!("\t\t{line}\n")).collect();
            format!("\tchain {name} {{\n{lines}\t}}\n")
        })
        .collect();
    write!(text, "table inet {FIREWALL_TABLE} {{\n{}}}\n", chains.join("\n"))
        .expect("writing to a String can't fail");
    text
}

/// The filter chains that are needed, each with its policy: those that a filter or a policy is
/// for.
pub fn filter_chains(firewall: &Firewall) -> impl Iterator<Item = (Chain, Verdict)> {
    Chain::ALL.into_iter().filter_map(|chain| {
        let policy = firewall.policy.of(chain);
        let used = firewall.filters.iter().any(|filter| filter.chain == chain);
        (used || policy.is_some()).then(|| (chain, policy.unwrap_or(Verdict::Accept)))
    })
}

/// A filter as a rule of its chain.
pub fn filter_rule(filter: &Filter) -> String {
    let mut words = Vec::new();
    words.extend(filter.iif.as_ref().map(|name| format!("iifname \"{name}\"")));
    words.extend(filter.oif.as_ref().map(|name| format!("oifname \"{name}\"")));
    words.extend(filter.from.map(|net| address("saddr", net)));
    words.extend(filter.to.map(|net| address("daddr", net)));
    words.extend(transport(filter));
    if filter.established {
        words.push("ct state established,related".to_owned());
    }
    words.push(filter.verdict.as_str().to_owned());
    words.extend(filter.comment.as_ref().map(|comment| format!("comment \"{comment}\"")));
    words.join(" ")
}

/// A port forwarding as a rule of [`DNAT_CHAIN`].
pub fn dnat_rule(dnat: &Dnat) -> String {
    let Dnat { iif, protocol, dport, to } = dnat;
    let iif = iif.as_ref().map(|name| format!("iifname \"{name}\" ")).unwrap_or_default();
    let protocol = protocol.as_str();
    // Not `to.to_string()`: an IPv6 scope has no place in a rule.
    let (number, family, to) = match to {
        SocketAddr::V4(to) => ("ipv4", "ip", to.to_string()),
        SocketAddr::V6(to) => ("ipv6", "ip6", format!("[{}]:{}", to.ip(), to.port())),
    };
    format!("{iif}meta nfproto {number} {protocol} dport {dport} dnat {family} to {to}")
}

/// An interface to masquerade as a rule of [`MASQUERADE_CHAIN`].
pub fn masquerade_rule(interface: &IfName) -> String {
    format!("oifname \"{interface}\" masquerade")
}

/// A match for addresses: `ip saddr 10.0.0.0/24`.
fn address(field: &str, net: IpNet) -> String {
    let family = match net.addr() {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ip6",
    };
    if net.prefix_len() == net.max_prefix_len() {
        format!("{family} {field} {}", net.addr())
    } else {
        format!("{family} {field} {}", net.trunc())
    }
}

/// The matches for protocol and ports. A port implies its protocol, as in `tcp dport 80`.
fn transport(filter: &Filter) -> Vec<String> {
    let ports = [("sport", filter.sport), ("dport", filter.dport)];
    let named = filter.protocol.filter(|protocol| protocol.has_ports());
    let mut words = Vec::new();
    if let Some(protocol) = filter.protocol
        && (ports.iter().all(|(_, port)| port.is_none()) || named.is_none())
    {
        words.push(format!("meta l4proto {}", protocol.as_str()));
    }
    // `th`: the transport header, whatever the protocol.
    let header = named.map_or("th", Protocol::as_str);
    for (field, port) in ports {
        words.extend(port.map(|port| format!("{header} {field} {port}")));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(chain: Chain, verdict: Verdict) -> Filter {
        Filter::new(chain, verdict)
    }

    fn name(text: &str) -> IfName {
        text.parse().expect("a name")
    }

    #[test]
    fn nothing_said_removes_the_table() {
        let firewall = Firewall { ruleset: Some("flush ruleset".to_owned()), ..Default::default() };
        assert_eq!(ruleset(&firewall), "table inet twinax\ndelete table inet twinax\n");
        assert_eq!(texts(&firewall), (None, Some("flush ruleset")));
    }

    #[test]
    fn only_the_chains_that_are_needed() {
        let firewall = Firewall {
            masquerade: vec![name("wan"), name("wan6")],
            policy: twinax_topology::Policies {
                forward: Some(Verdict::Drop),
                ..Default::default()
            },
            ..Default::default()
        };
        let expected = "\
table inet twinax
delete table inet twinax
table inet twinax {
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t}

\tchain postrouting {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\toifname \"wan\" masquerade
\t\toifname \"wan6\" masquerade
\t}
}
";
        assert_eq!(ruleset(&firewall), expected);
    }

    #[test]
    fn filters_keep_their_order_and_go_to_their_chains() {
        let firewall = Firewall {
            filters: vec![
                filter(Chain::Output, Verdict::Drop),
                Filter { established: true, ..filter(Chain::Input, Verdict::Accept) },
                filter(Chain::Input, Verdict::Reject),
            ],
            ..Default::default()
        };
        let expected = "\
table inet twinax
delete table inet twinax
table inet twinax {
\tchain input {
\t\ttype filter hook input priority filter; policy accept;
\t\tct state established,related accept
\t\treject
\t}

\tchain output {
\t\ttype filter hook output priority filter; policy accept;
\t\tdrop
\t}
}
";
        assert_eq!(ruleset(&firewall), expected);
    }

    #[test]
    fn every_word_of_a_filter() {
        let all = Filter {
            established: true,
            iif: Some(name("lan")),
            oif: Some(name("wan")),
            from: Some("10.0.0.7/24".parse().expect("a prefix")),
            to: Some("10.1.2.2/32".parse().expect("a prefix")),
            protocol: Some(Protocol::Tcp),
            sport: Some(5),
            dport: Some(80),
            comment: Some("guests".to_owned()),
            ..filter(Chain::Forward, Verdict::Drop)
        };
        assert_eq!(
            filter_rule(&all),
            "iifname \"lan\" oifname \"wan\" ip saddr 10.0.0.0/24 ip daddr 10.1.2.2 tcp sport 5 \
             tcp dport 80 ct state established,related drop comment \"guests\""
        );
    }

    #[test]
    fn a_protocol_without_ports() {
        let of = |protocol, to: &str| Filter {
            to: Some(to.parse().expect("a prefix")),
            protocol: Some(protocol),
            ..filter(Chain::Forward, Verdict::Accept)
        };
        let icmpv6 = filter_rule(&of(Protocol::Icmpv6, "fd00::/64"));
        assert_eq!(icmpv6, "ip6 daddr fd00::/64 meta l4proto icmpv6 accept");
        let udp = filter_rule(&of(Protocol::Udp, "0.0.0.0/0"));
        assert_eq!(udp, "ip daddr 0.0.0.0/0 meta l4proto udp accept");
    }

    #[test]
    fn dnat_of_both_families() {
        let dnat = |to: &str, iif| Dnat {
            iif,
            protocol: Protocol::Tcp,
            dport: 80,
            to: to.parse().expect("an address with a port"),
        };
        assert_eq!(
            dnat_rule(&dnat("10.0.0.2:8080", Some(name("wan")))),
            "iifname \"wan\" meta nfproto ipv4 tcp dport 80 dnat ip to 10.0.0.2:8080"
        );
        assert_eq!(
            dnat_rule(&dnat("[fd00::2]:80", None)),
            "meta nfproto ipv6 tcp dport 80 dnat ip6 to [fd00::2]:80"
        );
    }
}
