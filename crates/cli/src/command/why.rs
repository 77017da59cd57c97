//! `twinax why`: why a packet does not arrive.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use twinax_kernel::bpf::{self, Tracer};
use twinax_kernel::mounts::PINS;
use twinax_lab::Lab;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_topology::{NodeName, Ping, Spot};
use twinax_why::{Diagnosis, Fixed, Protocol, Question, Sample, confirm};

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
    // Before the lab is joined: in there, other files are seen.
    let record = asked.record.as_deref().map(create).transpose()?;
    // In the machine's own user namespace, and before the packet is sent.
    let tracer = Tracepoints::open(&holder);
    let doing = format!("why {} → {to} …", from.node);
    let waiting = show::Doing::new(&doing);
    let mut sent = running::send(&holder, |mut events| {
        let question = question(asked, &from, &target)?;
        let answer = twinax_why::why(&question)?;
        let fixed = match answer.remedy.as_ref().filter(|_| asked.fix) {
            Some(remedy) => Some(twinax_why::fix(&mut Lab::running(&lab)?, &question, remedy)?),
            None => None,
        };
        let (diagnosis, samples) = (answer.diagnosis.clone(), answer.samples.clone());
        let arrives = diagnosis.arrives || fixed == Some(Fixed::Arrives);
        events.write_all(&serde_json::to_vec(&Found { diagnosis, fixed, samples })?)?;
        if let Some(file) = record {
            answer.record(file).context("the packet's frames were not all recorded")?;
        }
        Ok(if arrives { HELD } else { FAILED })
    })?;
    let said = std::io::read_to_string(sent.events())?;
    waiting.end();
    let code = running::end(&holder, sent)?;
    if let Ok(found) = serde_json::from_str::<Found>(&said) {
        let Found { mut diagnosis, fixed, samples } = found;
        tracer.tell(&mut diagnosis, &samples);
        tell(asked, &lab, &diagnosis, fixed)?;
    }
    Ok(code)
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).map_err(|error| {
        Wrong::new(format!("`{}` can't be written: {error}", path.display())).into()
    })
}

/// What the process in the lab has found.
#[derive(Serialize, Deserialize)]
struct Found {
    diagnosis: Diagnosis,
    fixed: Option<Fixed>,
    samples: Vec<Sample>,
}

fn tell(
    asked: &Why,
    lab: &NodeName,
    diagnosis: &Diagnosis,
    fixed: Option<Fixed>,
) -> anyhow::Result<()> {
    if asked.json {
        let fixed = fixed.map(|fixed| fixed == Fixed::Arrives);
        return show::print(&(serde_json::to_string(&Told { lab, diagnosis, fixed })? + "\n"));
    }
    show::print(&diagnosis.to_string())?;
    show::print(match fixed {
        Some(Fixed::Arrives) => "\nCarried out: the packet arrives now.\n",
        Some(Fixed::Undone) => "\nCarried out, and undone again: the packet did not arrive.\n",
        None => "",
    })
}

/// The kernel's tracepoints, where they can be listened to.
struct Tracepoints {
    tracer: Result<Tracer, bpf::Error>,
    nodes: HashMap<u64, NodeName>,
}

impl Tracepoints {
    /// Listens to what concerns the nodes of a lab.
    fn open(holder: &Holder) -> Self {
        let pins = holder.sees(PINS);
        let inode = |node: &NodeName| Some(std::fs::metadata(pins.join(node.as_str())).ok()?.ino());
        let nodes: HashMap<u64, NodeName> = holder
            .node_names()
            .into_iter()
            .filter_map(|node| Some((inode(&node)?, node)))
            .collect();
        let namespaces: Vec<u64> = nodes.keys().copied().collect();
        Self { tracer: Tracer::open(&namespaces), nodes }
    }

    /// Adds what was heard; or says why nothing could be.
    fn tell(self, diagnosis: &mut Diagnosis, samples: &[Sample]) {
        if diagnosis.arrives {
            return;
        }
        match self.tracer {
            Ok(mut tracer) => {
                let (events, neighbours) = (tracer.events(), tracer.neighbours());
                confirm(diagnosis, samples, &events, &neighbours, &self.nodes);
            }
            Err(error) => {
                diagnosis
                    .notes
                    .push(format!("the kernel's tracepoints were not listened to: {error}"));
            }
        }
    }
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
        whose: match target {
            Target::Spot(spot) => Some(spot.node.clone()),
            Target::Address(_) => None,
        },
        ..Question::new(from.node.clone(), to)
    })
}
