//! The probe: the packet is sent while every device on its way is watched.
//!
//! The rings are open before it is sent, and read until the kernel says that there is no more
//! ([`Session::settle`]), so what is not there was not.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use twinax_kernel::ask::Tunnel;
use twinax_kernel::nft::trace::{self, Tracer};
use twinax_kernel::{Error, Netns};
use twinax_lab::capture::filter::{self, FilterError};
use twinax_lab::capture::{CaptureError, Memory, Options, Session};
use twinax_lab::probe::{Connection, Echo, UdpEcho, connect, ping, udp_echo};
use twinax_lab::{ask, nodes};
use twinax_packet::filter::Filter;
use twinax_topology::NodeName;

use crate::counted::Counts;
use crate::facts::Facts;
use crate::question::{Protocol, Question};
use crate::seen::{Classifier, Seen, Translation, Word};

/// Why a probe could not be sent, or not be watched.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It could not be watched.
    #[error(transparent)]
    Watch(#[from] CaptureError),
    /// There is no filter for it.
    #[error("what is to be watched can't be said to the kernel")]
    Filter(#[source] FilterError),
    /// It could not be sent.
    #[error("the probe could not be sent")]
    Send(#[source] Error),
    /// What nftables does with it could not be traced.
    #[error("what nftables does with the probe could not be traced")]
    Trace(#[source] Error),
    /// What the kernel counts meanwhile could not be read.
    #[error("what the kernel counts could not be read")]
    Count(#[source] Error),
}

/// How long frames that are still on their way are waited for.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// How often the rings are looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// So much memory a node's ring has at least, in bytes.
const LEAST: u64 = 64 << 10;

/// Sends the packet, and watches these nodes meanwhile.
pub fn probe(question: &Question, facts: &Facts, watched: &[NodeName]) -> Result<Seen, ProbeError> {
    probe_since(question, facts, watched, &count(watched)?)
}

/// The same; what the kernel counts is told since these counters were read.
pub fn probe_since(
    question: &Question,
    facts: &Facts,
    watched: &[NodeName],
    before: &[Counts],
) -> Result<Seen, ProbeError> {
    let bytes = Memory::STEP.bytes.max(watched.len() as u64 * LEAST);
    let memory = Memory { bytes, ..Memory::STEP };
    let filter = wanted(question, facts).map_err(ProbeError::Filter)?;
    let options = Options { newcomers: false, filter, ..Options::all(memory) };
    let mut session = Session::open(watched, &options)?;
    let mut classifier = Classifier::default();
    let netns = nodes::open(&question.from).map_err(ProbeError::Send)?;
    let mut tracers = trace(question, facts, watched)?;
    let (answered, words) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(question, &netns));
        while !sending.is_finished() {
            session.wait(Some(Instant::now() + LOOK_EVERY))?;
            take(&mut session, &mut classifier)?;
        }
        let sent = sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        sent.map_err(ProbeError::Send)
    })?;
    let deadline = Instant::now() + SETTLES_WITHIN;
    session.settle(deadline, |devices, frame| {
        classifier.frame(devices.interfaces(), devices.wiring(), frame);
    })?;
    let lost = session.drops()?;
    if lost > 0 {
        classifier.lost();
    }
    let now = watched.iter().zip(count(watched)?).zip(before);
    let counted = now.map(|((node, now), before)| (node.clone(), now.since(before))).collect();
    let seen = classifier.finish(question, session.devices().interfaces());
    let (mut traces, mut translations) = (Vec::new(), Vec::new());
    for (node, tracer) in &mut tracers {
        let events = tracer.events().map_err(ProbeError::Trace)?;
        traces.extend(events.into_iter().map(|event| (node.clone(), event)));
        translations.extend(tracer.passed().iter().filter_map(|own| Translation::of(node, own)));
    }
    Ok(Seen { answered, words, lost, traces, translations, counted, ..seen })
}

/// Which frames can be of the probe. In a large lab, what all hosts say to all (router solicitations, reports of
/// groups: RFC 4861, RFC 3810) would fill the rings.
fn wanted(question: &Question, facts: &Facts) -> Result<Filter, FilterError> {
    // A tunnel's packets may be of the other family, or of none.
    if facts.with_tunnels().next().is_some() {
        return Ok(Filter::everything());
    }
    filter::by_own_words(match question.to {
        IpAddr::V4(_) => "ip or arp",
        IpAddr::V6(_) => "ip6 and not dst host ff02::2 and not dst host ff02::16",
    })
}

/// Has the kernel tell what nftables does with the packet, in all nodes that have any.
fn trace(
    question: &Question,
    facts: &Facts,
    nodes: &[NodeName],
) -> Result<Vec<(NodeName, Tracer)>, ProbeError> {
    let port = Some(question.port).filter(|port| *port != 0);
    let mut wanted = vec![
        trace::Probe::new(match question.protocol {
            Protocol::Icmp => trace::Protocol::Icmp,
            Protocol::Tcp => trace::Protocol::Tcp,
            Protocol::Udp => trace::Protocol::Udp,
        })
        .ports(None, port),
    ];
    wanted.push(trace::Probe::new(match question.to {
        IpAddr::V4(_) => trace::Protocol::Arp,
        IpAddr::V6(_) => trace::Protocol::Icmpv6,
    }));
    let tunnels = facts.all_tunnels().map_err(ProbeError::Trace)?;
    wanted.extend(tunnels.iter().flat_map(around));
    wanted.sort_by_key(|probe| (probe.protocol.number(), probe.ports));
    wanted.dedup();
    let mut tracers = Vec::new();
    for node in nodes {
        let armed = ask::in_node(node, || Tracer::arm(&wanted)).map_err(ProbeError::Trace)?;
        tracers.extend(armed.map(|tracer| (node.clone(), tracer)));
    }
    Ok(tracers)
}

/// What a tunnel's own packets are.
fn around(tunnel: &Tunnel) -> Vec<trace::Probe> {
    use trace::Protocol::{Gre, Ipv4InIp, Ipv6InIp, Udp};
    let all: &[trace::Protocol] = match &*tunnel.kind {
        "vxlan" | "geneve" => return vec![trace::Probe::new(Udp).ports(None, tunnel.port)],
        "ipip" | "sit" | "ip6tnl" => &[Ipv4InIp, Ipv6InIp],
        _ => &[Gre],
    };
    all.iter().map(|protocol| trace::Probe::new(*protocol)).collect()
}

/// What the kernel has counted in each node.
pub fn count(nodes: &[NodeName]) -> Result<Vec<Counts>, ProbeError> {
    nodes.iter().map(Counts::of).collect::<Result<_, _>>().map_err(ProbeError::Count)
}

fn take(session: &mut Session, classifier: &mut Classifier) -> Result<(), CaptureError> {
    session.drain(|devices, frame| {
        classifier.frame(devices.interfaces(), devices.wiring(), frame);
    })?;
    Ok(())
}

/// Sends it: whether it was answered, and what the sender was told.
fn send(question: &Question, netns: &Netns) -> Result<(bool, Vec<Word>), Error> {
    let to = std::net::SocketAddr::new(question.to, question.port);
    let report = match question.protocol {
        Protocol::Icmp => {
            let echo = Echo {
                interface: question.interface.as_ref().map(AsRef::as_ref),
                source: question.source,
                ttl: question.ttl,
                size: question.size,
                dont_fragment: question.dont_fragment,
                // What was learned before would hide where it was learned.
                probe_mtu: true,
                ..Echo::one(netns, question.to, question.timeout)
            };
            ping(&[echo])?.pop().unwrap_or_default()
        }
        Protocol::Udp => {
            let echo = UdpEcho {
                netns,
                to,
                source_port: None,
                count: 1,
                interval: Duration::ZERO,
                timeout: question.timeout,
                ttl: question.ttl,
                size: question.size,
            };
            udp_echo(&[echo])?.pop().unwrap_or_default()
        }
        Protocol::Tcp => {
            let asked = Connection { netns, to, timeout: question.timeout, listen: Duration::ZERO };
            let report = connect(&[asked])?.pop();
            let told = report.as_ref().and_then(|report| Some((report.told?, report.by)));
            let answered = report.is_some_and(|report| report.connected.is_some());
            return Ok((answered, told.map(|(told, by)| Word { told, by }).into_iter().collect()));
        }
    };
    let words = report.words.iter().map(|word| Word { told: word.told, by: word.from });
    Ok((report.received() > 0, words.collect()))
}
