//! `twinax logs`: what the services of a running lab have written.

use std::io::Write;

use twinax_lab::log::Log;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_lab::wanted::{self, Key};
use twinax_topology::NodeName;

use super::{HELD, Wrong, running};
use crate::args::InLab;

pub fn run(named: &str, follow: bool) -> anyhow::Result<u8> {
    let registry = Registry::open()?;
    let parts = named.split('/').map(str::parse).collect::<Result<Vec<NodeName>, _>>();
    let parts = parts.map_err(|error| Wrong::new(format!("`{named}` is no service: {error}")))?;
    let (lab, node, name) = match &parts[..] {
        [node] => (None, node, None),
        // A lab of that name wins over a node.
        [first, second] => match registry.find(first) {
            Ok(_) => (Some(first), second, None),
            Err(_) => (None, first, Some(second)),
        },
        [lab, node, name] => (Some(lab), node, Some(name)),
        _ => {
            let wrong = Wrong::new(format!("`{named}` is no service"));
            return Err(wrong.hint("write LAB/NODE/SERVICE").into());
        }
    };
    let at = InLab { lab: lab.cloned(), node: node.clone() };
    let (_, holder) = running::of_node(&registry, &at).map_err(|error| match (lab, name) {
        // The first of two words may have been meant as a lab.
        (None, Some(_)) if error.is::<Wrong>() => {
            Wrong::new(format!("there is neither a lab nor a node `{node}`")).into()
        }
        _ => error,
    })?;
    let key = key(&holder, node, name)?;
    let mut shown = Log::open(&holder, &key)?;
    let mut out = std::io::stdout().lock();
    loop {
        out.write_all(&shown.more()?)?;
        out.flush()?;
        if !follow || !shown.wait()? {
            return Ok(HELD);
        }
    }
}

/// The service that is meant; the only one of its node where none is said.
fn key(holder: &Holder, node: &NodeName, name: Option<&NodeName>) -> anyhow::Result<Key> {
    let all = wanted::all_in(&holder.sees("/")).unwrap_or_default();
    let own: Vec<Key> =
        all.into_keys().filter(|key| key.node == *node && key.is_command()).collect();
    let names = || own.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    match (name, &own[..]) {
        (_, []) => Err(Wrong::new(format!("no service runs in node `{node}`")).into()),
        (Some(name), own) => match own.iter().find(|key| key.name == name.as_str()) {
            Some(key) => Ok(key.clone()),
            None => {
                let wrong = Wrong::new(format!("node `{node}` has no service `{name}`"));
                Err(wrong.hint(format!("it has {}", names())).into())
            }
        },
        (None, [one]) => Ok(one.clone()),
        (None, more) => {
            let wrong = Wrong::new(format!("node `{node}` has {} services", more.len()));
            Err(wrong.hint(format!("say which: {}", names())).into())
        }
    }
}
