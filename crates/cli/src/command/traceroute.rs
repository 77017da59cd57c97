//! `twinax traceroute`: by which routers a packet goes from a node of a running lab.

use std::net::IpAddr;

use serde::Serialize;
use twinax_kernel::observe::What;
use twinax_lab::owners::Owners;
use twinax_lab::probe::{Hop, HopAnswer, Trace, trace};
use twinax_lab::registry::Registry;
use twinax_lab::{nodes, observe};
use twinax_topology::{NodeName, TraceMethod};

use super::target::{Target, of_one_link};
use super::{FAILED, HELD, Wrong, running};
use crate::args::Traceroute;
use crate::show;

/// What is told in JSON.
#[derive(Serialize)]
struct Traced<'a> {
    lab: &'a NodeName,
    from: &'a NodeName,
    to: &'a str,
    address: IpAddr,
    method: &'static str,
    max_hops: u8,
    reached: bool,
    hops: Vec<TracedHop<'a>>,
}

#[derive(Serialize)]
struct TracedHop<'a> {
    ttl: u8,
    answers: Vec<Option<Named<'a>>>,
}

#[derive(Serialize)]
struct Named<'a> {
    /// Whose the address is, where one interface of the lab alone has it.
    place: Option<String>,
    #[serde(flatten)]
    answer: &'a HopAnswer,
}

pub fn run(asked: &Traceroute) -> anyhow::Result<u8> {
    let method = asked.method();
    enough_ports(asked, method)?;
    let (lab, holder) = running::of_node(&Registry::open()?, &asked.from)?;
    let target = Target::read(&lab, &holder, &asked.to)?;
    let from = &asked.from.node;
    running::inside(&holder, || {
        let to = of_one_link(target.address(asked.family.family())?, "a traceroute")?;
        let waiting = show::Doing::new(&format!("traceroute {from} → {} …", asked.to));
        let traced = Trace {
            netns: &nodes::open(from)?,
            to,
            method,
            probes: asked.probes,
            max_hops: asked.max_hops,
            timeout: asked.timeout.0,
        };
        let done = trace(&traced).and_then(|hops| Ok((hops, owners()?)));
        waiting.end();
        let (hops, owners) = done?;
        let reached = hops.last().is_some_and(Hop::is_reached);
        if asked.json {
            let told = Traced {
                lab: &lab,
                from,
                to: &asked.to,
                address: to,
                method: method.as_str(),
                max_hops: asked.max_hops,
                reached,
                hops: hops.iter().map(|hop| named(&owners, hop)).collect(),
            };
            show::print(&(serde_json::to_string(&told)? + "\n"))?;
        } else {
            let way = format!("{from} → {}", show::called(&asked.to, to));
            let by = match method {
                TraceMethod::Icmp => "by ICMP".to_owned(),
                TraceMethod::Udp { port } => format!("by UDP from port {port} on"),
            };
            let head = format!("traceroute {way}, {by}");
            show::print(&show::traceroute(&head, from, &owners, &hops, asked.max_hops))?;
        }
        Ok(if reached { HELD } else { FAILED })
    })
}

/// Each datagram goes to a port of its own.
fn enough_ports(asked: &Traceroute, method: TraceMethod) -> anyhow::Result<()> {
    let TraceMethod::Udp { port } = method else { return Ok(()) };
    let last = u32::from(port) + u32::from(asked.probes) * u32::from(asked.max_hops) - 1;
    if last <= u16::MAX.into() {
        return Ok(());
    }
    let wrong = Wrong::new(format!("there is no port {last}, to which the last datagram would go"));
    Err(wrong.hint("begin with a lower --port, or try fewer --max-hops").into())
}

/// Whose addresses are whose in the lab just now.
fn owners() -> Result<Owners, twinax_kernel::Error> {
    let what = What { addresses: true, ..What::default() };
    Ok(Owners::observed(&observe::nodes(nodes::names()?, &what)?.nodes))
}

fn named<'a>(owners: &Owners, hop: &'a Hop) -> TracedHop<'a> {
    let named =
        |answer: &'a HopAnswer| Named { place: answer.by.and_then(|by| owners.place(by)), answer };
    let answers = hop.answers.iter().map(|answer| answer.as_ref().map(named)).collect();
    TracedHop { ttl: hop.ttl, answers }
}
