//! What runs in the nodes of a lab that becomes another one.

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;

use twinax_kernel::Error;
use twinax_lab::nodes::{self, inside};
use twinax_lab::wanted::{self, Key, State};
use twinax_lab::{Lab, converge, memory};
use twinax_topology::{NodeName, Topology, parse};

use crate::both_ways::{chain, in_sandbox};

/// `goes` leaves a word when it is told to end.
const BEFORE: &str = r#"
    name = "services"
    [node.a]
    listen = [{ tcp = 80, say = "stays" }, { tcp = 81, say = "before" }, { tcp = 82, say = "goes" }]
    [[node.a.run]]
    name = "stays"
    cmd = "exec sleep infinity"
    [[node.a.run]]
    name = "changes"
    cmd = "echo before; exec sleep infinity"
    ready = "line:before"
    [[node.a.run]]
    name = "goes"
    cmd = "trap 'echo in time > /run/goes; exit 0' TERM; echo waits; sleep infinity & wait"
    ready = "line:waits"
    [[node.a.run]]
    name = "once"
    cmd = "echo done"
    ready = "exit"
    [node.gone]
    listen = [{ tcp = 80, say = "gone" }]
    run = [{ name = "gone", cmd = "exec sleep infinity" }]
"#;

const AFTER: &str = r#"
    name = "services"
    [node.a]
    listen = [{ tcp = 80, say = "stays" }, { tcp = 81, say = "after" }, { tcp = 83, say = "new" }]
    [[node.a.run]]
    name = "stays"
    cmd = "exec sleep infinity"
    [[node.a.run]]
    name = "changes"
    cmd = "echo after; exec sleep infinity"
    ready = "line:after"
    [[node.a.run]]
    name = "once"
    cmd = "echo done"
    ready = "exit"
    [[node.a.run]]
    name = "new"
    cmd = "exec sleep infinity"
    [node.b]
    listen = [{ tcp = 80, say = "another node" }]
    run = [{ name = "new", cmd = "exec sleep infinity" }]
"#;

/// They come, are started anew, and go with the time that they need; and some stay.
pub fn they_come_change_and_go() {
    let done = in_sandbox(|| {
        let [before, after] =
            [BEFORE, AFTER].map(|text| parse(text, "services.toml").expect("a lab"));
        let (mut lab, _) = Lab::build(before.clone()).map_err(chain)?;
        lab.start().map_err(chain)?;
        memory::remember(&before).map_err(chain)?;
        let [stays, changes, goes, once, gone] =
            ["a/stays", "a/changes", "a/goes", "a/once", "gone/gone"].map(state);
        let (stays, changes, goes, once, gone) = (stays?, changes?, goes?, once?, gone?);

        let told = becomes(&after)?;
        let lists = |key: &str, in_list: &[String]| in_list.iter().any(|own| own == key);
        for key in ["a/changes", "a/goes", "a/tcp:81", "a/tcp:82", "gone/gone", "gone/tcp:80"] {
            expect(lists(key, &told.0), &format!("{key} is told as one that stops"))?;
        }
        for key in ["a/changes", "a/new", "a/tcp:81", "a/tcp:83", "b/new", "b/tcp:80"] {
            expect(lists(key, &told.1), &format!("{key} is told as one that starts"))?;
        }
        expect(told.0.len() == 6 && told.1.len() == 6, &format!("nothing else is told: {told:?}"))?;

        expect(state("a/stays")? == stays && runs(&stays), "what stays runs on")?;
        expect(state("a/once")? == once, "what has ended is not started again")?;
        let changed = state("a/changes")?;
        expect(changed.pid != changes.pid && runs(&changed), "what changes is started anew")?;
        for (key, old) in [("a/changes", &changes), ("a/goes", &goes), ("gone/gone", &gone)] {
            expect(!runs(old), &format!("the old process of {key} is gone"))?;
        }
        expect(state("a/goes").is_err() && state("gone/gone").is_err(), "nobody wants them")?;
        let left = std::fs::read_to_string("/run/goes").unwrap_or_default();
        expect(left == "in time\n", "what goes has had its time")?;
        for key in ["a/new", "b/new"] {
            expect(runs(&state(key)?), &format!("{key} runs"))?;
        }
        let said = [("a", 80, "stays"), ("a", 81, "after"), ("a", 83, "new")];
        for (node, port, text) in said.into_iter().chain([("b", 80, "another node")]) {
            let heard = ask(node, port)?;
            expect(heard.as_deref() == Some(text), &format!("{node}:{port} says {heard:?}"))?;
        }
        expect(ask("a", 82)?.is_none(), "nobody listens where nobody shall")?;
        let again = becomes(&after)?;
        expect(again.0.is_empty() && again.1.is_empty(), &format!("once more: {again:?}"))
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

/// What has died, and is not started again by itself, is not what a lab file is about; but whoever
/// stops something by hand has it back.
pub fn what_nobody_wants_any_more_is_wanted_again() {
    let done = in_sandbox(|| {
        let lab = parse(BEFORE, "services.toml").expect("a lab");
        let (mut running, _) = Lab::build(lab.clone()).map_err(chain)?;
        running.start().map_err(chain)?;
        memory::remember(&lab).map_err(chain)?;
        for key in ["a/stays", "a/tcp:80"] {
            twinax_lab::service::stop(&self::key(key)).map_err(chain)?;
        }
        expect(ask("a", 80)?.is_none(), "it was stopped")?;
        let (stop, start) = becomes(&lab)?;
        expect(stop.is_empty() && start == ["a/tcp:80", "a/stays"], &format!("{start:?}"))?;
        expect(runs(&state("a/stays")?), "it runs again")?;
        expect(ask("a", 80)?.as_deref() == Some("stays"), "it listens again")
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

/// What stopped and what started.
fn becomes(lab: &Topology) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut stop, mut start) = (Vec::new(), Vec::new());
    converge::converge(lab, |difference| {
        stop.extend(difference.stop.iter().map(ToString::to_string));
        start.extend(difference.start.iter().map(ToString::to_string));
    })
    .map_err(chain)?;
    Ok((stop, start))
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("not so: {what}")) }
}

fn key(text: &str) -> Key {
    let (node, name) = text.split_once('/').expect("node/name");
    Key { node: node.parse().expect("a name"), name: name.to_owned() }
}

fn state(text: &str) -> Result<State, String> {
    wanted::state(&key(text)).ok_or_else(|| format!("{text}: nothing runs"))
}

fn runs(state: &State) -> bool {
    state.pid.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists())
}

/// What is said by whoever listens; `None`: nobody does.
fn ask(node: &str, port: u16) -> Result<Option<String>, String> {
    let node: NodeName = node.parse().expect("a name");
    let asked = inside(&nodes::open(&node).map_err(chain)?, || {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return Ok(None) };
        let mut said = String::new();
        stream.read_to_string(&mut said).map_err(Error::io("reading"))?;
        Ok(Some(said))
    });
    asked.map_err(chain)
}
