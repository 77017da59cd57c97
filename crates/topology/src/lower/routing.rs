//! Routes, rules and neighbours.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{At, Field, NeighKeyKeys, NeighKeys, RouteKeys, RouteTo, RuleKeys};
use crate::model::{Family, Neighbour, NeighbourKey, Route, RouteKind, Rule, RuleAction};

/// All addresses of a family.
fn everything(family: Family) -> IpNet {
    match family {
        Family::Ipv4 => Ipv4Net::default().into(),
        Family::Ipv6 => Ipv6Net::default().into(),
    }
}

fn family_of(field: &Field<IpAddr>) -> Option<Family> {
    field.value().map(Family::of)
}

pub(super) fn route(keys: &At<RouteKeys>, to: &mut Collector<'_>) -> Option<Route> {
    let family = family_of(&keys.via).or_else(|| family_of(&keys.src)).unwrap_or(Family::Ipv4);
    let net = match keys.to.value()? {
        RouteTo::Default => everything(family),
        RouteTo::Net(net) => net,
    };
    let kind = keys.kind.value().unwrap_or_default();
    let mut good = !keys.kind.is_bad() && !keys.via.is_bad() && !keys.dev.is_bad();
    for (name, field) in [("via", &keys.via), ("src", &keys.src)] {
        if let Some(address) = field.get()
            && Family::of(address.value) != Family::of_net(&net)
        {
            let (theirs, ours) = (Family::of(address.value), Family::of_net(&net));
            let title = format!("the route is for {ours}; its `{name}` is an {theirs} address");
            let at = keys.to.get().map_or_else(|| keys.span.clone(), |at| at.span.clone());
            to.push(
                Diagnostic::new(address.span.clone(), title)
                    .label(format!("an {theirs} address"))
                    .also(at, format!("for {ours}")),
            );
            good = false;
        }
    }
    if kind == RouteKind::Unicast {
        let nowhere = keys.via.key().is_none() && keys.dev.key().is_none();
        if nowhere && good {
            let help =
                "say its gateway (`via`), its interface (`dev`), or a `kind` such as \"blackhole\"";
            let diagnostic = Diagnostic::new(keys.span.clone(), "the route goes nowhere");
            to.push(diagnostic.label("neither `via` nor `dev`").help(help));
            good = false;
        }
    } else {
        let aims = [
            ("via", keys.via.key()),
            ("dev", keys.dev.key()),
            ("src", keys.src.key()),
            ("onlink", keys.onlink.value().filter(|&on| on).and(keys.onlink.key())),
        ];
        for (name, place) in aims {
            if let Some(place) = place {
                let title = format!("a {} route has no `{name}`: it ends here", kind.as_str());
                to.push(Diagnostic::new(place, title));
                good = false;
            }
        }
    }
    if keys.onlink.value() == Some(true) && kind == RouteKind::Unicast {
        let missing = match (keys.via.key(), keys.dev.key()) {
            (None, _) => Some("via"),
            (_, None) => Some("dev"),
            _ => None,
        };
        if let Some(missing) = missing {
            let place = keys.onlink.key().unwrap_or_else(|| keys.span.clone());
            let title = format!("`onlink` needs `{missing}`");
            let label = "says that the gateway `via` is on the link of `dev`";
            to.push(Diagnostic::new(place, title).label(label));
            good = false;
        }
    }
    good.then(|| Route {
        kind,
        to: net,
        via: keys.via.value(),
        dev: keys.dev.value(),
        src: keys.src.value(),
        metric: keys.metric.value().map(|metric| metric.0 as u32),
        table: keys.table.value().map(|table| table.0),
        onlink: keys.onlink.value().unwrap_or(false),
    })
}

pub(super) fn rule(keys: &At<RuleKeys>, to: &mut Collector<'_>) -> Option<Rule> {
    let action = match (keys.table.get(), keys.kind.get()) {
        _ if keys.table.is_bad() || keys.kind.is_bad() => None,
        (Some(table), None) => Some(RuleAction::Table(table.value.0)),
        (None, Some(kind)) => Some(kind.value.0),
        (Some(table), Some(kind)) => {
            let title = "a rule has a `table` or a `kind`, not both";
            to.push(
                Diagnostic::new(kind.span.clone(), title)
                    .label("ends the search")
                    .also(table.span.clone(), "goes on with it"),
            );
            None
        }
        (None, None) => {
            let title = "a rule needs a `table` to look in (or a `kind`)";
            to.push(Diagnostic::new(keys.span.clone(), title).label("neither `table` nor `kind`"));
            None
        }
    };
    let said = [
        ("family", keys.family.get().map(|at| (at.value, at.span.clone()))),
        ("from", keys.from.get().map(|at| (Family::of_net(&at.value.0), at.span.clone()))),
        ("to", keys.to.get().map(|at| (Family::of_net(&at.value.0), at.span.clone()))),
    ];
    let mut decided: Option<(&str, Family, Range<usize>)> = None;
    let mut good = !(keys.from.is_bad() || keys.to.is_bad() || keys.family.is_bad());
    for (name, family) in said {
        let Some((family, span)) = family else { continue };
        match &decided {
            Some((first, other, place)) if *other != family => {
                let title = format!("a rule is for one family; `{first}` and `{name}` differ");
                to.push(
                    Diagnostic::new(span, title)
                        .label(family.to_string())
                        .also(place.clone(), other.to_string()),
                );
                good = false;
            }
            Some(_) => {}
            None => decided = Some((name, family, span)),
        }
    }
    let action = action.filter(|_| good)?;
    let family = decided.map_or(Family::Ipv4, |(_, family, _)| family);
    Some(Rule {
        priority: keys.priority.value().map(|priority| priority.0 as u32),
        not: keys.not.value().unwrap_or(false),
        from: keys.from.value().map(|net| net.0),
        to: keys.to.value().map(|net| net.0),
        iif: keys.iif.value(),
        oif: keys.oif.value(),
        fwmark: keys.fwmark.value().map(|mark| mark.0),
        ..Rule::new(family, action)
    })
}

pub(super) fn neighbour(keys: &At<NeighKeys>) -> Option<Neighbour> {
    Some(Neighbour { dev: keys.dev.value()?, to: keys.to.value()?, mac: keys.mac.value()? })
}

pub(super) fn neighbour_key(keys: &At<NeighKeyKeys>) -> Option<NeighbourKey> {
    Some(NeighbourKey { dev: keys.dev.value()?, to: keys.to.value()? })
}
