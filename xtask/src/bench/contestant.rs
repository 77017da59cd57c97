//! Who takes part in `bench build`, and what each is given.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use tempfile::TempDir;

use super::lab::{BRIDGE, End, Kind, Lab, Shape};
use super::verify;

/// A contestant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Contestant {
    /// `twinax run` of the lab file, which has no steps.
    Twinax,
    /// The same on one processor alone.
    OneCore,
    /// `twinax up` of the same file.
    Up,
    /// The fewest system calls: `bench/bare.rs`.
    Bare,
    /// `ip -batch`: one file for all namespaces and links, then one for each node.
    Batch,
    /// A shell script of `ip` commands.
    Script,
}

impl Contestant {
    /// The word for it on the command line and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twinax => "twinax",
            Self::OneCore => "one-core",
            Self::Up => "up",
            Self::Bare => "bare",
            Self::Batch => "batch",
            Self::Script => "script",
        }
    }
}

/// What labs are called.
pub const LAB: &str = "bench";

/// Where the programs are that the bench has built.
pub struct Programs {
    folder: PathBuf,
    /// Where labs are registered that stay: there are no others.
    registry: TempDir,
}

/// The variable that says where (`twinax_lab::registry::VARIABLE`).
const REGISTRY: &str = "TWINAX_RUNTIME_DIR";

impl Programs {
    /// Builds them, as they are released.
    pub fn build() -> Result<Self> {
        let status = Command::new(crate::cargo())
            .args(["build", "--release", "--package", "xtask", "--package", "twinax-cli"])
            .current_dir(crate::workspace())
            .status()
            .context("cargo")?;
        ensure!(status.success(), "cargo build: {status}");
        let registry = tempfile::tempdir().context("a folder for the registry")?;
        Ok(Self { folder: crate::target().join("release"), registry })
    }

    /// twinax.
    pub fn twinax(&self) -> PathBuf {
        self.folder.join("twinax")
    }

    /// Has labs that a command brings up, and what it starts does, registered with the bench.
    pub fn register(&self, command: &mut Command) {
        command.env(REGISTRY, self.registry.path());
    }

    /// This program.
    pub fn xtask(&self) -> PathBuf {
        self.folder.join("xtask")
    }
}

/// A process that builds a lab and takes it away, ready to be started as often as one likes.
pub struct Entry {
    /// Who it is.
    pub contestant: Contestant,
    program: PathBuf,
    args: Vec<OsString>,
    complaints: PathBuf,
    registry: PathBuf,
}

impl Entry {
    /// Writes a contestant's input for a lab into a folder of its own. With `observe` it writes,
    /// once the lab stands, into that folder what each node has.
    pub fn prepare(
        contestant: Contestant,
        programs: &Programs,
        (shape, count): (Shape, u32),
        folder: &Path,
        observe: Option<&Path>,
    ) -> Result<Self> {
        let lab = Lab::new(shape, count);
        let folder = folder.join(format!("{}-{}-{count}", contestant.as_str(), shape.as_str()));
        fs::create_dir_all(&folder)?;
        let (program, args) = match contestant {
            Contestant::Twinax | Contestant::OneCore | Contestant::Up => {
                let file = folder.join("lab.toml");
                fs::write(&file, lab_file(&lab, observe))?;
                let verb = if contestant == Contestant::Up { "up" } else { "run" };
                let words = vec![OsString::from(verb), file.into()];
                if contestant == Contestant::OneCore {
                    let mut args = ["-c", "0"].map(OsString::from).to_vec();
                    args.push(programs.twinax().into());
                    args.extend(words);
                    ("taskset".into(), args)
                } else {
                    (programs.twinax(), words)
                }
            }
            Contestant::Bare => {
                let mut args: Vec<OsString> =
                    vec!["bench-bare".into(), shape.as_str().into(), count.to_string().into()];
                args.extend(observe.into_iter().flat_map(|to| ["--observe".into(), to.into()]));
                (programs.xtask(), args)
            }
            Contestant::Batch => {
                sandboxed(&folder, batches(&lab, &folder)? + &observations(&lab, observe))?
            }
            Contestant::Script => sandboxed(&folder, script(&lab) + &observations(&lab, observe))?,
        };
        let complaints = folder.join("stderr");
        let registry = programs.registry.path().to_owned();
        Ok(Self { contestant, program, args, complaints, registry })
    }

    /// From the start of its process to its end.
    pub fn run(&self) -> Result<()> {
        let stderr = fs::File::create(&self.complaints)?;
        let status = Command::new(&self.program)
            .args(&self.args)
            .env(REGISTRY, &self.registry)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .status()
            .with_context(|| self.program.display().to_string())?;
        if !status.success() {
            let complaints = fs::read_to_string(&self.complaints)?;
            let first: Vec<&str> = complaints.lines().take(20).collect();
            bail!("{}: {status}\n{}", self.contestant.as_str(), first.join("\n"));
        }
        Ok(())
    }
}

/// The script that builds a lab with `ip -batch`, and the batches in a folder.
pub fn batches(lab: &Lab, folder: &Path) -> Result<String> {
    let mut script = format!("ip -batch {}\n", write(folder, "all", &batch(lab))?);
    for (node, kind) in &lab.nodes {
        let file = write(folder, node, &node_batch(lab, node, *kind))?;
        writeln!(script, "ip -n {node} -batch {file}")?;
    }
    Ok(script)
}

/// What runs a shell script as root of an empty sandbox, as far from the machine's own network as
/// the other contestants are.
pub fn sandboxed(folder: &Path, script: String) -> Result<(PathBuf, Vec<OsString>)> {
    let file = folder.join("lab.sh");
    fs::write(&file, format!("set -e\nmount -t tmpfs tmpfs /run\n{script}"))?;
    let as_root = if rustix::process::geteuid().is_root() { None } else { Some("--map-root-user") };
    let args = ["--net", "--mount"].into_iter().chain(as_root).chain(["sh"]);
    Ok(("unshare".into(), args.map(OsString::from).chain([file.into()]).collect()))
}

fn write(folder: &Path, node: &str, text: &str) -> Result<String> {
    let file = folder.join(format!("{node}.batch"));
    fs::write(&file, text)?;
    Ok(file.display().to_string())
}

/// The commands of the batch for all nodes: namespaces and links, and what only `netns exec` does.
fn batch(lab: &Lab) -> String {
    let mut text = String::new();
    for (node, kind) in &lab.nodes {
        text += &format!("netns add {node}\n");
        if *kind == Kind::Router {
            text += &format!("{}\n", forwarding(node));
        }
    }
    for (a, b) in &lab.links {
        text += &format!("{}\n", add_veth(a, b));
    }
    text
}

/// The commands of the batch for one node.
fn node_batch(lab: &Lab, node: &str, kind: Kind) -> String {
    let mut text = "link set lo up\n".to_owned();
    if kind == Kind::Bridge {
        text += &add_bridge().map(|line| line + "\n").concat();
    }
    for end in lab.ends(node) {
        text += &finish(end).map(|line| line + "\n").concat();
    }
    text
}

/// The script, node by node, each with its links to nodes that are there.
fn script(lab: &Lab) -> String {
    let mut text = String::new();
    let mut links = lab.links.iter().peekable();
    for (node, kind) in &lab.nodes {
        text += &format!("ip netns add {node}\nip -n {node} link set lo up\n");
        match kind {
            Kind::Host => {}
            Kind::Router => text += &format!("ip {}\n", forwarding(node)),
            Kind::Bridge => {
                text += &add_bridge().map(|line| format!("ip -n {node} {line}\n")).concat();
            }
        }
        while let Some((a, b)) = links.next_if(|(a, _)| a.node == *node) {
            text += &format!("ip {}\n", add_veth(a, b));
            for end in [b, a] {
                text += &finish(end).map(|line| format!("ip -n {} {line}\n", end.node)).concat();
            }
        }
    }
    text
}

fn add_bridge() -> [String; 2] {
    [format!("link add {BRIDGE} type bridge"), format!("link set {BRIDGE} up")]
}

/// Both ends in their final namespaces at once; a pair that is moved costs many times more.
fn add_veth(a: &End, b: &End) -> String {
    format!(
        "link add {} netns {} type veth peer name {} netns {}",
        a.interface, a.node, b.interface, b.node
    )
}

fn forwarding(node: &str) -> String {
    format!("netns exec {node} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
}

/// What is left to do for an end: a port is enslaved and brought up, any other addressed and
/// brought up.
fn finish(end: &End) -> [String; 2] {
    let interface = &end.interface;
    let first = match end.address {
        Some((address, prefix)) => format!("addr add {address}/{prefix} dev {interface}"),
        None => format!("link set {interface} master {BRIDGE}"),
    };
    [first, format!("link set {interface} up")]
}

fn observations(lab: &Lab, observe: Option<&Path>) -> String {
    let Some(folder) = observe else { return String::new() };
    lab.nodes
        .iter()
        .map(|(node, _)| {
            format!("ip netns exec {node} sh -c '{}'\n", verify::observation(folder, node))
        })
        .collect()
}

/// The lab file; with `observe`, with a step for each node that writes what it has.
pub fn lab_file(lab: &Lab, observe: Option<&Path>) -> String {
    let mut text = format!("name = \"{LAB}\"\n");
    for (node, kind) in &lab.nodes {
        let kind = match kind {
            Kind::Host => "host",
            Kind::Bridge => "bridge",
            Kind::Router => "router",
        };
        text += &format!("\n[node.{node}]\nkind = \"{kind}\"\n");
    }
    let end = |end: &End| {
        let at = format!("{}:{}", end.node, end.interface);
        match end.address {
            Some((address, prefix)) => format!("{{ at = \"{at}\", ip = \"{address}/{prefix}\" }}"),
            None => format!("\"{at}\""),
        }
    };
    for (a, b) in &lab.links {
        text += &format!("\n[[link]]\na = {}\nb = {}\n", end(a), end(b));
    }
    for (node, _) in lab.nodes.iter().filter(|_| observe.is_some()) {
        let command = observe.map(|folder| verify::observation(folder, node)).unwrap_or_default();
        text += &format!(
            "\n[[step]]\nrun = {{ at = \"{node}\", cmd = '''{command}''' }}\nexpect = {{ exit = 0 }}\n"
        );
    }
    text
}
