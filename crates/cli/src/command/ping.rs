//! `twinax ping`: echo requests from a node of a running lab.

use std::net::IpAddr;

use serde::Serialize;
use twinax_lab::nodes;
use twinax_lab::probe::{Echo, EchoReport, ping};
use twinax_lab::registry::Registry;
use twinax_topology::NodeName;
use twinax_why::Question;

use super::target::{Target, has_interface, of_one_link};
use super::{FAILED, HELD, explain, running};
use crate::args::Ping;
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
    let target = Target::read(&lab, &holder, &asked.to)?;
    let spot = &asked.from.spot;
    running::inside(&holder, || {
        let to = target.address(asked.family.family())?;
        match &spot.interface {
            Some(interface) => has_interface(&spot.node, interface.as_ref())?,
            None => {
                let hint = format!("or say by which interface: `{spot}:INTERFACE`");
                of_one_link(to, "a ping").map_err(|wrong| wrong.hint(hint))?;
            }
        }
        let waiting = show::Doing::new(&format!("ping {spot} → {} …", asked.to));
        let report = echo(asked, to);
        waiting.end();
        let report = report?;
        if asked.json {
            let (from, to, address) = (spot.to_string(), &asked.to, to);
            let told = Pinged { lab: &lab, from, to, address, size: asked.size, report: &report };
            show::print(&(serde_json::to_string(&told)? + "\n"))?;
        } else {
            let head = format!("ping {spot} → {}", show::called(&asked.to, to));
            show::print(&show::echo(&head, &spot.node, &report))?;
        }
        if report.lost() > 0 && !asked.json {
            let interface = spot.interface.clone();
            let lost =
                Question { size: asked.size, interface, ..Question::new(spot.node.clone(), to) };
            explain::offer(&lost, &lab, &asked.to, asked.family.family());
        }
        Ok(if report.lost() == 0 { HELD } else { FAILED })
    })
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
