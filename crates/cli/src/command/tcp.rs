//! `twinax tcp`: a TCP connection from a node of a running lab.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use twinax_lab::nodes;
use twinax_lab::probe::{Connection, TcpReport, connect};
use twinax_lab::registry::Registry;
use twinax_topology::NodeName;
use twinax_why::{Protocol, Question};

use super::target::{Target, of_one_link};
use super::{FAILED, HELD, explain, running};
use crate::args::Tcp;
use crate::show;

/// What is told in JSON.
#[derive(Serialize)]
struct Connected<'a> {
    lab: &'a NodeName,
    from: &'a NodeName,
    to: &'a str,
    address: IpAddr,
    port: u16,
    #[serde(flatten)]
    report: &'a TcpReport,
}

pub fn run(asked: &Tcp) -> anyhow::Result<u8> {
    let (lab, holder) = running::of_node(&Registry::open()?, &asked.from)?;
    let target = Target::read(&lab, &holder, &asked.to)?;
    let (from, port) = (&asked.from.node, asked.port);
    running::inside(&holder, || {
        let to = of_one_link(target.address(asked.family.family())?, "a TCP connection")?;
        let waiting = show::Doing::new(&format!("tcp {from} → {} port {port} …", asked.to));
        let reports = connection(asked, to);
        waiting.end();
        let reports = reports?;
        for report in &reports {
            if asked.json {
                let (to, address) = (&asked.to, to);
                let told = Connected { lab: &lab, from, to, address, port, report };
                show::print(&(serde_json::to_string(&told)? + "\n"))?;
            } else {
                let head = format!("tcp {from} → {} port {port}", show::called(&asked.to, to));
                show::print(&show::tcp(&head, report))?;
            }
        }
        let held = reports.iter().all(|report| report.connected.is_some());
        if !held && !asked.json {
            let protocol = Protocol::Tcp;
            let lost = Question { protocol, port, size: 0, ..Question::new(from.clone(), to) };
            explain::offer(&lost, &lab, &asked.to, asked.family.family());
        }
        Ok(if held { HELD } else { FAILED })
    })
}

fn connection(asked: &Tcp, to: IpAddr) -> anyhow::Result<Vec<TcpReport>> {
    let connection = Connection {
        netns: &nodes::open(&asked.from.node)?,
        to: SocketAddr::new(to, asked.port),
        timeout: asked.timeout.0,
        listen: asked.listen.0,
    };
    Ok(connect(&[connection])?)
}
