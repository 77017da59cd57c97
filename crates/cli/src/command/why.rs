//! `twinax why`: why a packet does not arrive.

use std::net::IpAddr;

use serde::Serialize;
use twinax_lab::Lab;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_topology::{NodeName, Ping, Spot};
use twinax_why::{Diagnosis, Fixed, Protocol, Question};

use super::target::{Target, has_interface, of_one_link};
use super::{FAILED, HELD, Wrong, running};
use crate::args::{Proto, SpotInLab, Why};
use crate::show;

/// What is told in JSON.
#[derive(Serialize)]
struct Told<'a> {
    lab: &'a NodeName,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<bool>,
}

pub fn run(asked: &Why) -> anyhow::Result<u8> {
    let (lab, holder, from, to) = ends(asked)?;
    let target = Target::read(&lab, &holder, &to)?;
    let (lab, holder, _claim) = match asked.fix {
        true => {
            let (claim, holder) = Registry::open()?.change(&lab)?;
            (lab, holder, Some(claim))
        }
        false => (lab, holder, None),
    };
    running::inside(&holder, || {
        let question = question(asked, &from, &target)?;
        let doing = format!("why {} → {to} …", from.node);
        let waiting = show::Doing::new(&doing);
        let found = twinax_why::why(&question);
        waiting.end();
        let (diagnosis, remedy) = found?;
        let mut fixed = None;
        if !asked.json {
            show::print(&diagnosis.to_string())?;
        }
        if let Some(remedy) = remedy.filter(|_| asked.fix) {
            let outcome = twinax_why::fix(&mut Lab::running(&lab)?, &question, &remedy)?;
            fixed = Some(outcome == Fixed::Arrives);
            if !asked.json {
                show::print(match outcome {
                    Fixed::Arrives => "\nCarried out: the packet arrives now.\n",
                    Fixed::Undone => {
                        "\nCarried out, and undone again: the packet did not arrive.\n"
                    }
                })?;
            }
        }
        if asked.json {
            let told = Told { lab: &lab, diagnosis: &diagnosis, fixed };
            show::print(&(serde_json::to_string(&told)? + "\n"))?;
        }
        Ok(if diagnosis.arrives || fixed == Some(true) { HELD } else { FAILED })
    })
}

/// The lab, who sends, and to whom.
fn ends(asked: &Why) -> anyhow::Result<(NodeName, Holder, Spot, String)> {
    let registry = Registry::open()?;
    let (lab, from, to) = match &asked.words[..] {
        [from, to] => (None, from, to),
        [lab, from, to] => {
            let lab: NodeName = lab
                .parse()
                .map_err(|error| Wrong::new(format!("`{lab}` is no name of a lab: {error}")))?;
            (Some(lab), from, to)
        }
        _ => return Err(Wrong::new("say who sends, and to whom").into()),
    };
    let mut at: SpotInLab = from.parse().map_err(|error| {
        Wrong::new(format!("`{from}` is no node: {error}")).hint("write NODE or NODE:INTERFACE")
    })?;
    at.lab = at.lab.or(lab);
    let (lab, holder) = running::of_node(&registry, &at.in_lab())?;
    Ok((lab, holder, at.spot, to.clone()))
}

fn question(asked: &Why, from: &Spot, target: &Target) -> anyhow::Result<Question> {
    let to: IpAddr = target.address(asked.family.family())?;
    let protocol = match asked.proto {
        Proto::Icmp => Protocol::Icmp,
        Proto::Tcp => Protocol::Tcp,
        Proto::Udp => Protocol::Udp,
    };
    let interface = asked.interface.clone().or_else(|| from.interface.clone());
    match &interface {
        Some(name) => has_interface(&from.node, name.as_str())?,
        None => {
            of_one_link(to, "a packet")?;
        }
    }
    if protocol != Protocol::Icmp {
        let only_icmp =
            [("--source", asked.source.is_some()), ("an interface", interface.is_some())];
        if let Some((what, _)) = only_icmp.iter().find(|(_, said)| *said) {
            let wrong = Wrong::new(format!("{what} can be said only of an echo request"));
            return Err(wrong.hint("leave it out, or ask with `--proto icmp`").into());
        }
    }
    if protocol == Protocol::Tcp && (asked.ttl.is_some() || asked.size.is_some()) {
        let wrong =
            Wrong::new("a connection is asked for with packets of the kernel's own size and TTL");
        return Err(wrong.hint("leave `--size` and `--ttl` out, or ask with `--proto udp`").into());
    }
    if protocol == Protocol::Icmp && asked.port.is_some() {
        return Err(Wrong::new("an echo request has no port")
            .hint("say `--proto tcp` or `--proto udp`")
            .into());
    }
    Ok(Question {
        protocol,
        port: asked.port.unwrap_or(0),
        size: if protocol == Protocol::Tcp { 0 } else { asked.size.unwrap_or(Ping::SIZE) },
        ttl: asked.ttl,
        dont_fragment: protocol == Protocol::Icmp
            && (asked.dont_fragment || (asked.size.is_some() && !asked.fragment)),
        source: asked.source,
        interface,
        timeout: asked.timeout.0,
        ..Question::new(from.node.clone(), to)
    })
}
