//! A copy of nodes is as they are, and is gone when its work is done.

mod facts;

use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use twinax_lab::copy::Blueprint;
use twinax_lab::probe::{Echo, ping};
use twinax_lab::sandbox::{Options, Sandbox};
use twinax_lab::{Lab, nodes};
use twinax_topology::{NodeName, Topology};

use crate::both_ways::{Way, build_here, chain, in_sandbox, in_view, lacks};
use crate::shipped;

/// No answer that comes takes so long.
const PATIENCE: Duration = Duration::from_secs(5);

fn routers() -> Topology {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs/routers.toml");
    twinax_topology::read(&file).expect("a lab")
}

/// Whether a node gets an answer.
fn answers(from: &str, to: &str) -> Result<bool, String> {
    let netns = nodes::open(&from.parse().expect("a name")).map_err(chain)?;
    let to: IpAddr = to.parse().expect("an address");
    let told = ping(&[Echo::one(&netns, to, PATIENCE)]).map_err(chain)?;
    Ok(told.iter().all(|report| report.received() == 1))
}

fn names() -> Result<Vec<NodeName>, String> {
    let mut names = nodes::names().map_err(chain)?;
    names.sort();
    Ok(names)
}

pub fn a_copy_of_a_lab_pings_as_the_lab_does() {
    let tried = in_sandbox(|| {
        let (mut lab, _) = Lab::build(routers()).map_err(chain)?;
        lab.start().map_err(chain)?;
        let blueprint = Blueprint::take(&names()?).map_err(chain)?;
        let work = |_: &mut Lab| -> Result<[bool; 2], String> {
            Ok([answers("left", "10.0.3.2")?, answers("left", "fd00:3::2")?])
        };
        // Two at once, which do not hear of each other.
        let one = blueprint.start(work).map_err(chain)?;
        let other = blueprint.start(work).map_err(chain)?;
        let told = [one.finish().map_err(chain)?, other.finish().map_err(chain)?];
        // A copy can be copied.
        let of_copy = |_: &mut Lab| -> Result<[bool; 2], String> {
            let names: Vec<NodeName> = blueprint.nodes().cloned().collect();
            Blueprint::take(&names).map_err(chain)?.run(work).map_err(chain)
        };
        assert_eq!(blueprint.run(of_copy).map_err(chain)?, told[0]);
        Ok((told, blueprint.lacks().to_vec()))
    });
    assert_eq!(tried, Ok(([[true, true]; 2], Vec::new())));
}

/// Every lab of `labs/`.
pub fn shipped_labs_are_copied_as_they_are() {
    shipped::each("copy::shipped_labs_are_copied_as_they_are", |lab| {
        in_sandbox(|| {
            let (mut running, _) = Lab::build(lab.clone()).map_err(chain)?;
            running.start().map_err(chain)?;
            is_copied()
        })
    });
}

/// What was done by hand, with words that no lab file has.
pub fn what_no_lab_file_can_say_is_copied() {
    if lacks("copy::what_no_lab_file_can_say_is_copied") {
        return;
    }
    let lab = twinax_topology::parse(
        "name = 'l'\n[node.a]\n[node.b]\n[node.sw]\nkind = 'bridge'\n\
         [[link]]\na = { at = 'a:e0', ip = ['10.0.0.1/24', 'fd00::1/64'] }\nb = 'sw:p1'\n\
         [[link]]\na = { at = 'b:e0', ip = ['10.0.0.2/24', 'fd00::2/64'] }\nb = 'sw:p2'\n\
         [[link]]\na = 'a:e1'\nb = { at = 'b:e1', up = false }\n",
        "lab.toml",
    )
    .expect("a lab");
    const BY_HAND: &str = "set -e
        ip -n a rule add pref 100 ipproto tcp dport 80 lookup 7
        ip -n a rule add pref 100 from 10.9.0.0/16 blackhole
        ip -n a rule del pref 32767
        ip -n a rule add pref 32000 lookup main suppress_prefixlength 0
        ip -n a -6 rule add pref 101 to fd09::/16 prohibit
        ip -n a route add 10.1.0.0/16 nexthop via 10.0.0.2 dev e0 nexthop via 10.0.0.3 dev e0 weight 3
        ip -n a nexthop add id 7 via 10.0.0.2 dev e0
        ip -n a nexthop add id 8 blackhole
        ip -n a route add 10.9.0.0/16 nhid 7
        ip -n a route add throw 10.2.0.0/16 table 7
        ip -n a route add 10.3.0.0/16 via 10.0.0.2 mtu lock 1300 proto static
        ip -n a route add unreachable fd03::/16
        ip -n a route add 10.5.0.0/16 via 10.77.0.1 dev e0 onlink
        ip -n a route del broadcast 10.0.0.255 table local dev e0
        ip -n a addr add 10.0.0.7/24 dev e0 label e0:x
        ip -n a addr add 10.6.0.1 peer 10.6.0.2/32 dev e0
        ip -n a addr add fd00::7/64 dev e0 nodad noprefixroute preferred_lft 0
        ip -n a addr add 10.0.8.1/24 dev e0 scope link
        ip -n a link set e0 txqueuelen 77 mtu 1400
        ip -n b link set e0 arp off
        ip -n b neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev e0
        ip -n b neigh add proxy 10.0.0.10 dev e0
        ip -n sw link set br0 type bridge ageing_time 1000 mcast_snooping 0
        bridge -n sw link set dev p1 isolated on learning off
        bridge -n sw link set dev p2 state 4
        bridge -n sw fdb add 02:00:00:00:00:55 dev p1 master static
        ip netns exec a sysctl -qw net.ipv4.conf.e0.rp_filter=2 net.ipv6.conf.e0.mtu=1290 net.ipv4.icmp_echo_ignore_all=1
        ip netns exec b sysctl -qw net.ipv4.conf.all.arp_ignore=8 net.ipv6.conf.e0.disable_ipv6=1
        ip -n b link set lo down
        # A kernel may have no VXLAN.
        if ip -n a link add vx0 type vxlan id 5 remote 10.0.0.2 dstport 4789 ttl inherit nolearning 2>&-; then
            bridge -n a fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.3
            bridge -n a fdb append 02:00:00:00:00:56 dev vx0 dst 10.0.0.4
            ip -n a link set vx0 up
        fi
    ";
    let copied = in_sandbox(|| {
        build_here(&lab, Way::Twinax)?;
        in_view(|| {
            let mut sh = Command::new("sh");
            let output = sh.args(["-c", BY_HAND]).output().map_err(chain)?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() { Ok(()) } else { Err(said) }
        })?;
        is_copied()
    });
    assert_eq!(copied, Ok(()));
}

/// Whether a copy of all nodes of the sandbox of the calling process, and one of half of them, are as the
/// nodes are.
fn is_copied() -> Result<(), String> {
    let all = names()?;
    let half: Vec<NodeName> = all.iter().step_by(2).cloned().collect();
    for names in [all, half] {
        let (is, blueprint) = taken(&names)?;
        let trial = blueprint.start(|_| facts::of(&names)).map_err(chain)?;
        let (copied, refused) = trial.finish_told().map_err(chain)?;
        let missing =
            is.iter().filter(|fact| !copied.contains(fact)).map(|fact| format!("- {fact}"));
        let added = copied.iter().filter(|fact| !is.contains(fact)).map(|fact| format!("+ {fact}"));
        let mut lines: Vec<String> = missing.chain(added).collect();
        lines.sort_by(|a, b| a[2..].cmp(&b[2..]));
        lines.extend(refused.into_iter().map(|what| format!("refused: {what}")));
        if !lines.is_empty() {
            return Err(format!("{names:?}\n{}", lines.join("\n")));
        }
    }
    Ok(())
}

/// What the kernel reports of nodes, and what was taken down when it was that.
fn taken(names: &[NodeName]) -> Result<(Vec<String>, Blueprint), String> {
    /// What still happens in a lab that has just been built has ended by then.
    const TRIES: usize = 16;
    for _ in 0..TRIES {
        let before = facts::of(names)?;
        let blueprint = Blueprint::take(names).map_err(chain)?;
        let is = facts::of(names)?;
        if before == is {
            return Ok((is, blueprint));
        }
    }
    Err("the lab changes by itself".to_owned())
}

/// Whoever is killed in the middle takes the copy with him.
pub fn what_is_killed_leaves_nothing() {
    let sandbox = Sandbox::start(&Options::default()).expect("a sandbox");
    let (mut here, there) = std::io::pipe().expect("a pipe");
    let work = |_| {
        let begin = || {
            build_here(&routers(), Way::Twinax)?;
            let blueprint = Blueprint::take(&names()?).map_err(chain)?;
            let work = |_: &mut Lab| {
                (&there).write_all(b"!").map_err(chain)?;
                // For ever.
                poll(&mut [], None).map_err(chain)
            };
            blueprint.run(work).map_err(chain)
        };
        if begin().is_ok() { 0 } else { 1 }
    };
    let worker = sandbox.holder().work(work).expect("a worker");
    drop(there);
    let mut byte = [0];
    here.read_exact(&mut byte).expect("the copy is there");
    // Kills it.
    drop(worker);
    // Whoever was left would still have the other end.
    let mut end = [PollFd::new(&here, PollFlags::IN)];
    let within = Timespec { tv_sec: 10, tv_nsec: 0 };
    assert_eq!(poll(&mut end, Some(&within)).ok(), Some(1), "somebody is left");
    assert_eq!(here.read(&mut byte).ok(), Some(0));
}
