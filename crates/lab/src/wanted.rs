//! What is wanted of a lab's holder, and what has become of it: files in the sandbox's own `/run`.
//!
//! Whoever wants a command to run, a port to be listened on, or a wire to carry, says so in a file of [`WANTED`], and
//! takes the file away when it is no longer wanted. The holder does what the files say, and says in
//! a file of [`STATE`] what has become of it. So nobody has to talk to the holder, and one who is
//! interrupted finds out from the files how far he came.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use twinax_topology::{Command, Listener, NodeName, Place, Wire};

use crate::report::Broken;

/// What is wanted: for each thing a file, called by its [`Key`].
pub const WANTED: &str = "/run/twinax/wanted";
/// What has become of it.
pub const STATE: &str = "/run/twinax/state";
/// What commands write.
pub const LOG: &str = "/run/twinax/log";

/// The signal that tells the holder that what is wanted has changed, as it tells other servers to
/// read their files again. (Watching the files would cost each lab's end 15 ms: that is what the
/// kernel takes to give an inotify instance up.)
pub(crate) const LOOK_AGAIN: Signal = Signal::HUP;

/// Which thing is meant: the node, and in it the name of the command, the port, or the device of the
/// wire that is said first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The node.
    pub node: NodeName,
    /// The name of a command, which can't have a colon; or `tcp:PORT`, `udp:PORT`, `wire:DEVICE`.
    pub name: String,
}

impl Key {
    /// That of a command.
    pub fn command(node: &NodeName, name: &NodeName) -> Self {
        Self { node: node.clone(), name: name.to_string() }
    }

    /// That of a port.
    pub fn listener(node: &NodeName, listener: &Listener) -> Self {
        let (protocol, port) = listener.key();
        Self { node: node.clone(), name: format!("{}:{port}", protocol.as_str()) }
    }

    /// That of a wire.
    pub fn wire(wire: &Wire) -> Self {
        let Place { node, interface } = &wire.a;
        Self { node: node.clone(), name: format!("wire:{interface}") }
    }

    /// Whether it is that of something in its node alone: no wire, which leads to another.
    pub fn is_of_node(&self) -> bool {
        !self.name.starts_with("wire:")
    }

    /// Whether it is that of a command.
    pub fn is_command(&self) -> bool {
        !self.name.contains(':')
    }

    fn of_file(name: &str) -> Option<Self> {
        let (node, name) = name.split_once(':')?;
        Some(Self { node: node.parse().ok()?, name: name.to_owned() })
    }

    /// Its file in a folder.
    pub fn file(&self, folder: &str) -> PathBuf {
        Path::new(folder).join(format!("{}:{}", self.node, self.name))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.name)
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A command that runs.
    Command(Command),
    /// A port on which twinax itself listens.
    Listener(Listener),
    /// A wire between two devices.
    Wire(Wire),
}

/// What is wanted, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub what: What,
    /// The working directory of whoever wants it.
    pub directory: PathBuf,
    /// The environment of whoever wants it.
    pub environment: BTreeMap<String, String>,
}

impl Wanted {
    /// By the calling process.
    pub fn here(what: What) -> Self {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        Self {
            what,
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
                .collect(),
        }
    }
}

/// What has become of a thing that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// The process, while it runs; of a wire, while it holds both devices.
    pub pid: Option<u32>,
    /// How often it was started, or, of a port, opened.
    pub starts: u32,
    /// The exit code with which it ended last; 128 + N when signal N ended it.
    pub ended: Option<i32>,
    /// Why it could not be started.
    pub broken: Option<Broken>,
}

/// Everything that is wanted now.
pub fn all() -> io::Result<BTreeMap<Key, Wanted>> {
    all_in(Path::new("/"))
}

/// Everything that is wanted now in a lab whose files are seen below this folder.
pub fn all_in(root: &Path) -> io::Result<BTreeMap<Key, Wanted>> {
    let entries = fs::read_dir(below(root, Path::new(WANTED)))?.flatten();
    let keys = entries.filter_map(|entry| Key::of_file(entry.file_name().to_str()?));
    Ok(keys.filter_map(|key| Some((key.clone(), get_in(root, &key)?))).collect())
}

/// The wires that are wanted now.
pub fn wires() -> io::Result<Vec<Wire>> {
    let wires = all()?.into_values().filter_map(|wanted| match wanted.what {
        What::Wire(wire) => Some(wire),
        _ => None,
    });
    Ok(wires.collect())
}

/// What is wanted under this key.
pub fn get(key: &Key) -> Option<Wanted> {
    get_in(Path::new("/"), key)
}

fn get_in(root: &Path, key: &Key) -> Option<Wanted> {
    serde_json::from_slice(&fs::read(below(root, &key.file(WANTED))).ok()?).ok()
}

/// A file of the sandbox, in one whose root is seen there.
pub(crate) fn below(root: &Path, file: &Path) -> PathBuf {
    root.join(file.strip_prefix("/").unwrap_or(file))
}

/// Wants something.
pub fn want(key: &Key, wanted: &Wanted) -> io::Result<()> {
    replace(&key.file(WANTED), &serde_json::to_vec(wanted)?)?;
    tell_holder()
}

/// Tells the holder to look at what is wanted: PID 1 of the PID namespace of the calling process.
pub fn tell_holder() -> io::Result<()> {
    Ok(rustix::process::kill_process(Pid::INIT, LOOK_AGAIN)?)
}

/// Wants it no longer.
pub fn want_no_more(key: &Key) -> io::Result<()> {
    match fs::remove_file(key.file(WANTED)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        done => done?,
    }
    tell_holder()
}

/// What has become of it; `None`: nothing yet, or it is gone.
pub fn state(key: &Key) -> Option<State> {
    state_in(Path::new("/"), key)
}

/// What has become of it in a lab whose files are seen below this folder.
pub fn state_in(root: &Path, key: &Key) -> Option<State> {
    serde_json::from_slice(&fs::read(below(root, &key.file(STATE))).ok()?).ok()
}

/// Says what has become of it.
pub(crate) fn set_state(key: &Key, state: &State) -> io::Result<()> {
    replace(&key.file(STATE), &serde_json::to_vec(state)?)
}

/// Puts a file there at once: nobody sees half of it.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // Hidden, so that it is no key: a node's name does not begin with a dot.
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = file.with_file_name(format!(".{name}"));
    fs::write(&new, bytes)?;
    fs::rename(&new, file)
}
