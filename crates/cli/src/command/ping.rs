//! `twinax ping`: echo requests from a node of a running lab.

use std::net::IpAddr;

use serde::Serialize;
use twinax_kernel::observe::What;
use twinax_lab::probe::{Echo, EchoReport, ping};
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_lab::{nodes, observe};
use twinax_plan::{ObservedLink, ObservedNode};
use twinax_topology::{NodeName, Spot};

use super::{FAILED, HELD, Wrong, names, running};
use crate::args::{self, Ping};
use crate::show;

/// What is told in JSON.
#[derive(Serialize)]
struct Pinged<'a> {
    lab: &'a NodeName,
    from: String,
    to: &'a str,
    address: IpAddr,
    size: u16,
    #[serde(flatten)]
    report: &'a EchoReport,
}

pub fn run(asked: &Ping) -> anyhow::Result<u8> {
    let (lab, holder) = running::of_node(&Registry::open()?, &asked.from.in_lab())?;
    let target = target(&lab, &holder, &asked.to)?;
    let code = running::inside(&holder, || {
        let to = match target {
            Target::Address(address) => address,
            Target::Spot(spot) => address_of(&spot, asked)?,
        };
        if let Some(interface) = &asked.from.spot.interface {
            has_interface(&asked.from.spot.node, interface.as_ref())?;
        }
        let waiting = show::Doing::new(&format!("ping {} → {} …", asked.from.spot, asked.to));
        let report = echo(asked, to);
        waiting.end();
        let report = report?;
        if asked.json {
            let from = asked.from.spot.to_string();
            let (to, address) = (&asked.to, to);
            let told = Pinged { lab: &lab, from, to, address, size: asked.size, report: &report };
            show::print(&(serde_json::to_string(&told)? + "\n"))?;
        } else {
            show::print(&show::ping(&asked.from.spot, &asked.to, to, &report))?;
        }
        Ok(if report.lost() == 0 { HELD } else { FAILED })
    })?;
    Ok(code)
}

enum Target {
    Address(IpAddr),
    Spot(Spot),
}

fn target(lab: &NodeName, holder: &Holder, word: &str) -> anyhow::Result<Target> {
    if let Ok(address) = word.parse() {
        return Ok(Target::Address(address));
    }
    // The lab is that of the sender; said again, it does no harm.
    let word = word.strip_prefix(&format!("{lab}/")).unwrap_or(word);
    let spot = args::spot(word).map_err(|error| {
        Wrong::new(format!("`{word}` is neither an address nor a node: {error}"))
    })?;
    if holder.has_node(&spot.node) {
        Ok(Target::Spot(spot))
    } else {
        Err(running::no_node(lab, holder, &spot.node).into())
    }
}

fn look(node: &NodeName) -> anyhow::Result<ObservedNode> {
    let what = What { addresses: true, ..What::default() };
    let mut seen = observe::nodes(vec![node.clone()], &what)?.nodes;
    Ok(seen.pop().map(|(_, node)| node).unwrap_or_default())
}

/// Whether a node has such an interface; where not, what may have been meant.
pub(super) fn has_interface(node: &NodeName, name: &str) -> anyhow::Result<()> {
    let links = look(node)?.links;
    match links.iter().any(|link| link.name == name) {
        true => Ok(()),
        false => Err(no_interface(node, name, &links).into()),
    }
}

/// That a node has no such interface, and what may have been meant.
pub(super) fn no_interface(node: &NodeName, name: &str, links: &[ObservedLink]) -> Wrong {
    let there: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let wrong = Wrong::new(format!("node `{node}` has no interface `{name}`"));
    match names::meant(name, &there) {
        Some(hint) => wrong.hint(hint),
        None => wrong,
    }
}

/// The first address that a node or interface has just now: one of a family that was asked for, else
/// IPv4 before IPv6, and one by which others reach it before the rest.
fn address_of(spot: &Spot, asked: &Ping) -> anyhow::Result<IpAddr> {
    let node = look(&spot.node)?;
    let name = spot.interface.as_ref().map(AsRef::as_ref);
    let mut links: Vec<&ObservedLink> =
        node.links.iter().filter(|link| name.is_none_or(|name| link.name == name)).collect();
    if let (Some(name), []) = (name, &links[..]) {
        return Err(no_interface(&spot.node, name, &node.links).into());
    }
    links.sort_by_key(|link| link.name == "lo");
    let all = links.iter().flat_map(|link| &link.addresses);
    let of_family = all.filter(|own| match own.address.addr() {
        IpAddr::V4(_) => !asked.ipv6,
        IpAddr::V6(_) => !asked.ipv4,
    });
    let found = of_family.min_by_key(|own| (own.scope != "global", own.address.addr().is_ipv6()));
    match found {
        Some(found) => Ok(found.address.addr()),
        None => {
            let family = match (asked.ipv4, asked.ipv6) {
                (true, _) => "IPv4 address",
                (_, true) => "IPv6 address",
                _ => "address",
            };
            Err(Wrong::new(format!("`{spot}` has no {family}")).into())
        }
    }
}

fn echo(asked: &Ping, to: IpAddr) -> anyhow::Result<EchoReport> {
    let netns = nodes::open(&asked.from.spot.node)?;
    let echo = Echo {
        interface: asked.from.spot.interface.as_ref().map(AsRef::as_ref),
        count: asked.count,
        interval: asked.interval.0,
        size: asked.size,
        ..Echo::one(&netns, to, asked.timeout.0)
    };
    Ok(ping(&[echo])?.pop().unwrap_or_default())
}
