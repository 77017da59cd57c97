//! Completions that ask what is there: labs that run, their nodes, the interfaces of these.
//!
//! The shell calls the program back for each word (`clap_complete::env`). Whatever goes wrong, there
//! are just no candidates: nobody wants an error amid the line that he is typing.

mod bash;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};
use twinax_kernel::observe::What;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_lab::wanted;
use twinax_topology::NodeName;

use crate::command::natural;

/// The variable that tells the program that it is asked for candidates, and by which shell.
const VARIABLE: &str = "TWINAX_COMPLETE";

const SHELLS: &[&dyn EnvCompleter] = &[&bash::Bash, &Elvish, &Fish, &Powershell, &Zsh];

/// Answers the shell, where it is the shell that asks.
pub fn answer() {
    CompleteEnv::with_factory(crate::args::command).var(VARIABLE).shells(Shells(SHELLS)).complete();
}

/// What a shell has to be told so that it asks.
pub fn registration(shell: &str) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match Shells(SHELLS).completer(shell) {
        Some(shell) => {
            shell.write_registration(VARIABLE, "twinax", "twinax", "twinax", &mut text)?
        }
        None => return Err(std::io::ErrorKind::Unsupported.into()),
    }
    Ok(text)
}

/// Those that begin with what is there already.
fn matching(current: &OsStr, words: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let current = current.to_str().unwrap_or("\0");
    let words = words.into_iter().filter(|word| word.starts_with(current));
    words.map(CompletionCandidate::new).collect()
}

fn running() -> Vec<(NodeName, Holder)> {
    let labs = Registry::open().and_then(|registry| registry.labs()).unwrap_or_default();
    labs.into_iter().filter_map(|entry| Some((entry.lab, entry.holder?))).collect()
}

fn sorted<T: Ord + AsRef<str>>(mut names: Vec<T>) -> Vec<T> {
    names.sort_by(|a, b| natural(a.as_ref(), b.as_ref()));
    names
}

/// Labs that run.
pub fn labs(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, running().into_iter().map(|(lab, _)| lab.to_string()))
}

/// `NODE` where one lab alone has it, and `LAB/NODE`.
fn node_words(current: &OsStr) -> Vec<String> {
    let labs = running();
    let named = current.to_str().and_then(|current| current.split_once('/'));
    if let Some((lab, _)) = named {
        let found = labs.iter().find(|(own, _)| own.as_str() == lab);
        let nodes = found.map(|(_, holder)| sorted(holder.node_names())).unwrap_or_default();
        return nodes.into_iter().map(|node| format!("{lab}/{node}")).collect();
    }
    let mut nodes: BTreeMap<NodeName, usize> = BTreeMap::new();
    for (_, holder) in &labs {
        for node in holder.node_names() {
            *nodes.entry(node).or_default() += 1;
        }
    }
    let alone = nodes.into_iter().filter(|(_, count)| *count == 1);
    let mut words = sorted(alone.map(|(node, _)| node.to_string()).collect());
    if labs.len() > 1 {
        words.extend(labs.iter().map(|(lab, _)| format!("{lab}/")));
    }
    words
}

/// Nodes of labs that run.
pub fn nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, node_words(current))
}

/// Labs, and nodes in them.
pub fn labs_and_nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = labs(current);
    found.extend(nodes(current));
    found
}

/// Nodes, and interfaces in them: those of a node as soon as it is clear which.
pub fn spots(current: &OsStr) -> Vec<CompletionCandidate> {
    let words: Vec<String> = match current.to_str().and_then(|current| current.split_once(':')) {
        Some((node, _)) => vec![node.to_owned()],
        None => matching(current, node_words(current))
            .iter()
            .map(|word| word.get_value().to_string_lossy().into_owned())
            .collect(),
    };
    let with_interfaces = match &words[..] {
        [node] => interfaces(node).into_iter().map(|name| format!("{node}:{name}")).collect(),
        _ => Vec::new(),
    };
    matching(current, words.into_iter().chain(with_interfaces))
}

/// Labs, nodes in them, and interfaces in these.
pub fn labs_and_spots(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = labs(current);
    found.extend(spots(current));
    found
}

/// As [`spots`], where the lab is said elsewhere.
pub fn bare_spots(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = spots(current);
    found.retain(|word| !word.get_value().to_string_lossy().contains('/'));
    found
}

/// The interfaces of a node, `NODE` or `LAB/NODE`, as the kernel has them.
fn interfaces(word: &str) -> Vec<String> {
    let (lab, node) = match word.split_once('/') {
        Some((lab, node)) => (Some(lab), node),
        None => (None, word),
    };
    let Ok(node) = node.parse::<NodeName>() else { return Vec::new() };
    let holder = running().into_iter().find_map(|(own, holder)| {
        let is_meant = match lab {
            Some(lab) => own.as_str() == lab,
            None => holder.has_node(&node),
        };
        is_meant.then_some(holder)
    });
    let names = || {
        let mut work = holder?
            .work(|mut to| {
                let links = twinax_lab::observe::nodes(vec![node], &What::default())
                    .map(|seen| seen.nodes.into_iter().flat_map(|(_, node)| node.links))
                    .into_iter()
                    .flatten();
                let names: Vec<String> = links.map(|link| link.name).collect();
                let _ = std::io::Write::write_all(&mut to, names.join("\n").as_bytes());
                0
            })
            .ok()?;
        let mut names = String::new();
        work.events().read_to_string(&mut names).ok()?;
        let ended = work.wait().ok()?;
        let done = ended == twinax_lab::sandbox::Ended::Exit(0);
        done.then(|| sorted(names.lines().map(str::to_owned).collect()))
    };
    names().unwrap_or_default()
}

/// Services, by node and name.
pub fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    let labs = running();
    let several = labs.len() > 1;
    let words = labs.iter().flat_map(|(lab, holder)| {
        let keys = wanted::all_in(&holder.sees("/")).unwrap_or_default().into_keys();
        keys.filter(wanted::Key::is_command)
            .map(|key| if several { format!("{lab}/{key}") } else { key.to_string() })
            .collect::<Vec<_>>()
    });
    matching(current, words)
}

/// What can be said of a node or interface, up to its value.
pub fn changes(current: &OsStr) -> Vec<CompletionCandidate> {
    let short = ["up", "down"].map(str::to_owned);
    let keys = crate::command::CHANGE_KEYS.iter().map(|key| format!("{key}="));
    matching(current, short.into_iter().chain(keys))
}

/// Programs in the folders of `PATH`, or files.
pub fn programs(current: &OsStr) -> Vec<CompletionCandidate> {
    let word = current.to_string_lossy();
    if word.is_empty() || word.contains('/') {
        return PathCompleter::any().complete(current);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let programs = files.filter(|file| file.file_name().to_string_lossy().starts_with(&*word));
    let programs = programs.filter(|file| {
        std::fs::metadata(file.path())
            .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    });
    let names = programs.filter_map(|file| file.file_name().into_string().ok());
    let mut found = matching(current, names.collect::<std::collections::BTreeSet<_>>());
    found.extend(PathCompleter::any().complete(current));
    found
}
