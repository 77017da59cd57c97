//! Firewalls.

use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{At, DnatKeys, FilterKeys, FirewallKeys, each};
use crate::model::{Chain, Dnat, Family, Filter, Firewall, Policies, Protocol, check_comment};

pub(super) fn firewall(keys: &At<FirewallKeys>, to: &mut Collector<'_>) -> Firewall {
    let policy = keys.policy.get();
    let of = |field: Option<crate::file::PolicyWord>| field.map(|word| word.0);
    if let Some(ruleset) = keys.nft.get()
        && ruleset.value.0.contains('\0')
    {
        to.push(Diagnostic::new(ruleset.span.clone(), "a ruleset can't contain a NUL byte"));
    }
    Firewall {
        masquerade: each(&keys.masquerade).iter().map(|name| name.value.clone()).collect(),
        dnat: each(&keys.dnat).iter().filter_map(|keys| dnat(keys, to)).collect(),
        policy: policy.map_or_else(Policies::default, |policy| Policies {
            input: of(policy.input.value()),
            forward: of(policy.forward.value()),
            output: of(policy.output.value()),
        }),
        filters: each(&keys.filter).iter().filter_map(|keys| filter(keys, to)).collect(),
        ruleset: keys.nft.value().map(|text| text.0),
    }
}

fn filter(keys: &At<FilterKeys>, to: &mut Collector<'_>) -> Option<Filter> {
    let chain = keys.chain.value()?;
    let verdict = keys.verdict.value()?;
    let known = match chain {
        Chain::Input => [("oif", "input: the packet leaves by no interface", keys.oif.key())],
        Chain::Output => [("iif", "output: the packet came in by no interface", keys.iif.key())],
        Chain::Forward => [("", "", None)],
    };
    for (name, why, place) in known {
        if let Some(place) = place {
            to.push(Diagnostic::new(place, format!("no `{name}` in chain {why}")));
        }
    }
    let protocol = keys.protocol.value();
    for (name, place) in [("sport", keys.sport.key()), ("dport", keys.dport.key())] {
        if let Some(place) = place
            && !protocol.is_some_and(Protocol::has_ports)
            && !keys.protocol.is_bad()
        {
            let help = format!("write `protocol = \"tcp\"` (or \"udp\") beside `{name}`");
            let title = match protocol {
                Some(protocol) => format!("{} has no ports", protocol.as_str()),
                None => "a port needs a protocol that has ports".to_owned(),
            };
            to.push(Diagnostic::new(place, title).help(help));
        }
    }
    if let (Some(from), Some(to_net)) = (keys.from.get(), keys.to.get())
        && Family::of_net(&from.value.0) != Family::of_net(&to_net.value.0)
    {
        let title = "no packet has addresses of both families";
        to.push(
            Diagnostic::new(to_net.span.clone(), title)
                .label(Family::of_net(&to_net.value.0).to_string())
                .also(from.span.clone(), Family::of_net(&from.value.0).to_string()),
        );
    }
    let net = [&keys.from, &keys.to].into_iter().find_map(|field| field.value());
    if let (Some(net), Some(at)) = (net, keys.protocol.get()) {
        let family = Family::of_net(&net.0);
        let wrong = matches!(
            (family, at.value),
            (Family::Ipv4, Protocol::Icmpv6) | (Family::Ipv6, Protocol::Icmp)
        );
        if wrong {
            let right = if family == Family::Ipv4 { "icmp" } else { "icmpv6" };
            let title = format!("no {family} packet is {}", at.value.as_str());
            let diagnostic = Diagnostic::new(at.span.clone(), title);
            to.push(diagnostic.help(format!("did you mean \"{right}\"?")));
        }
    }
    if let Some(comment) = keys.comment.get()
        && let Err(error) = check_comment(&comment.value.0)
    {
        let title = "this can't be the comment of a filter";
        to.push(Diagnostic::new(comment.span.clone(), title).label(error.to_string()));
    }
    Some(Filter {
        established: keys.established.value().unwrap_or(false),
        iif: keys.iif.value(),
        oif: keys.oif.value(),
        from: keys.from.value().map(|net| net.0),
        to: keys.to.value().map(|net| net.0),
        protocol,
        sport: keys.sport.value().map(|port| port.0 as u16),
        dport: keys.dport.value().map(|port| port.0 as u16),
        comment: keys.comment.value().map(|text| text.0),
        ..Filter::new(chain, verdict)
    })
}

fn dnat(keys: &At<DnatKeys>, to: &mut Collector<'_>) -> Option<Dnat> {
    let protocol = keys.protocol.get()?;
    if !protocol.value.has_ports() {
        let title = format!("{} has no ports", protocol.value.as_str());
        let diagnostic = Diagnostic::new(protocol.span.clone(), title);
        to.push(diagnostic.help("write \"tcp\" or \"udp\""));
        return None;
    }
    Some(Dnat {
        iif: keys.iif.value(),
        protocol: protocol.value,
        dport: keys.dport.value()?.0 as u16,
        to: keys.to.value()?,
    })
}
