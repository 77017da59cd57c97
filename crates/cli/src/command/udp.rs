//! `twinax udp`: datagrams from a node of a running lab, which are to come back.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use twinax_lab::nodes;
use twinax_lab::probe::{EchoReport, UdpEcho, udp_echo};
use twinax_lab::registry::Registry;
use twinax_topology::NodeName;
use twinax_why::{Protocol, Question};

use super::target::{Target, of_one_link};
use super::{FAILED, HELD, explain, running};
use crate::args::Udp;
use crate::show;

/// What is told in JSON.
#[derive(Serialize)]
struct Echoed<'a> {
    lab: &'a NodeName,
    from: &'a NodeName,
    to: &'a str,
    address: IpAddr,
    port: u16,
    size: u16,
    #[serde(flatten)]
    report: &'a EchoReport,
}

pub fn run(asked: &Udp) -> anyhow::Result<u8> {
    let (lab, holder) = running::of_node(&Registry::open()?, &asked.from)?;
    let target = Target::read(&lab, &holder, &asked.to)?;
    let (from, port) = (&asked.from.node, asked.port);
    running::inside(&holder, || {
        let to = of_one_link(target.address(asked.family.family())?, "a UDP echo")?;
        let waiting = show::Doing::new(&format!("udp {from} → {} port {port} …", asked.to));
        let report = echo(asked, to);
        waiting.end();
        let report = report?;
        if asked.json {
            let (to, address, size) = (&asked.to, to, asked.size);
            let told = Echoed { lab: &lab, from, to, address, port, size, report: &report };
            show::print(&(serde_json::to_string(&told)? + "\n"))?;
        } else {
            let head = format!("udp {from} → {} port {port}", show::called(&asked.to, to));
            show::print(&show::echo(&head, from, &report))?;
        }
        if report.lost() > 0 && !asked.json {
            let (protocol, size, ttl) = (Protocol::Udp, asked.size, asked.ttl);
            let lost = Question { protocol, port, size, ttl, ..Question::new(from.clone(), to) };
            explain::offer(&lost, &lab, &asked.to, asked.family.family());
        }
        Ok(if report.lost() == 0 { HELD } else { FAILED })
    })
}

fn echo(asked: &Udp, to: IpAddr) -> anyhow::Result<EchoReport> {
    let netns = nodes::open(&asked.from.node)?;
    let series = UdpEcho {
        netns: &netns,
        to: SocketAddr::new(to, asked.port),
        source_port: asked.source_port,
        count: asked.count,
        interval: asked.interval.0,
        timeout: asked.timeout.0,
        ttl: asked.ttl,
        size: asked.size,
    };
    Ok(udp_echo(&[series])?.pop().unwrap_or_default())
}
