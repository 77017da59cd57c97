//! `twinax` in Wireshark's extcap folder: the devices of running labs are in Wireshark's list, and what
//! it captures there comes from here.
//!
//! ```text
//!  Wireshark ──▶ --extcap-interfaces             a lab, a node, a device: which there are
//!            ──▶ --extcap-interface X --extcap-dlts | --extcap-config
//!            ──▶ --extcap-interface X --capture --fifo F [--extcap-capture-filter EXPR]
//!                                     pcapng ──▶ F, until it is told to end, or hangs up
//! ```

use std::fmt::Write;

use clap::{CommandFactory, FromArgMatches};
use twinax_kernel::observe::What;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_topology::NodeName;

use crate::args::{Capture, Extcap};
use crate::command::{self, HELD, Wrong, natural};
use crate::show;

/// What the names of our interfaces begin with; `twinax/LAB`, `twinax/LAB/NODE`,
/// `twinax/LAB/NODE:DEVICE`.
const PREFIX: &str = "twinax/";

/// Of a lab with more devices than this the nodes are listed.
const MANY: usize = 200;

/// What can be set.
const CONFIG: &str = "arg {number=0}{call=--ring}{display=Memory for frames that wait}{type=string}\
                      {placeholder=64MiB}{tooltip=Of all nodes together, with its unit}\n";

/// Answers Wireshark; the exit code.
pub fn answer() -> u8 {
    let asked = Extcap::command().try_get_matches();
    let asked = match asked.and_then(|matches| Extcap::from_arg_matches(&matches)) {
        Ok(asked) => asked,
        Err(error) => {
            let _ = error.print();
            return command::WRONG;
        }
    };
    done(asked).unwrap_or_else(|error| {
        show::error(&error);
        command::exit_code(&error)
    })
}

fn done(asked: Extcap) -> anyhow::Result<u8> {
    let name =
        || asked.interface.clone().ok_or_else(|| Wrong::new("no `--extcap-interface` is said"));
    if asked.interfaces {
        show::print(&interfaces()?)?;
    } else if asked.dlts {
        // Of devices without an Ethernet header the file itself says so.
        show::print("dlt {number=1}{name=EN10MB}{display=Ethernet, or as the device has it}\n")?;
    } else if asked.config {
        show::print(CONFIG)?;
    } else if asked.capture {
        return capture(&name()?, &asked);
    } else if let Some(expression) = &asked.filter {
        // Wireshark takes any word for a refusal.
        if let Err(error) = twinax_lab::capture::filter::compile(expression) {
            show::print(&format!("{error}\n"))?;
        }
    }
    Ok(HELD)
}

fn capture(interface: &str, asked: &Extcap) -> anyhow::Result<u8> {
    let Some(what) = interface.strip_prefix(PREFIX) else {
        return Err(Wrong::new(format!("`{interface}` is no interface of twinax")).into());
    };
    let write = asked.fifo.clone().ok_or_else(|| Wrong::new("no `--fifo` is said"))?;
    let ring = asked.ring.as_deref().filter(|ring| !ring.is_empty());
    let ring = ring.map(str::parse).transpose().map_err(Wrong::new)?;
    let words = Capture {
        what: vec![what.to_owned()],
        write: Some(write),
        filter: asked.filter.clone().filter(|filter| !filter.is_empty()),
        ring,
        read: None,
        count: None,
        span: None,
        journeys: false,
        // What is told, Wireshark takes for an error.
        quiet: true,
        json: false,
    };
    command::capture(&words)
}

fn interfaces() -> anyhow::Result<String> {
    let mut text = format!("extcap {{version={}}}{{display=twinax}}\n", env!("CARGO_PKG_VERSION"));
    for entry in Registry::open()?.labs()? {
        let Some(holder) = entry.holder else { continue };
        let lab = entry.lab;
        let _ =
            writeln!(text, "interface {{value={PREFIX}{lab}}}{{display=lab {lab}, every device}}");
        for place in places(&holder) {
            let _ = writeln!(
                text,
                "interface {{value={PREFIX}{lab}/{place}}}{{display=lab {lab}, {place}}}"
            );
        }
    }
    Ok(text)
}

/// The devices of a lab as `node:device`, `lo` apart; its nodes where there are too many.
fn places(holder: &Holder) -> Vec<String> {
    let mut nodes: Vec<NodeName> = holder.node_names();
    nodes.sort_by(|a, b| natural(a.as_str(), b.as_str()));
    let devices = devices(holder, &nodes);
    if (1..=MANY).contains(&devices.len()) {
        return devices;
    }
    nodes.iter().map(ToString::to_string).collect()
}

fn devices(holder: &Holder, nodes: &[NodeName]) -> Vec<String> {
    let listed = || {
        let mut work = holder
            .work(|mut to| {
                let seen = twinax_lab::observe::nodes(nodes.to_vec(), &What::default());
                let nodes = seen.map(|seen| seen.nodes).unwrap_or_default();
                let places = nodes.iter().flat_map(|(name, node)| {
                    let links = node.links.iter().filter(|link| link.name != "lo");
                    links.map(move |link| format!("{name}:{}\n", link.name))
                });
                let all: String = places.collect();
                u8::from(std::io::Write::write_all(&mut to, all.as_bytes()).is_err())
            })
            .ok()?;
        let told = std::io::read_to_string(work.events()).ok()?;
        work.wait().ok()?;
        Some(told.lines().map(str::to_owned).collect())
    };
    listed().unwrap_or_default()
}
