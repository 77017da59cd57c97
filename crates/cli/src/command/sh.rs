//! `twinax sh`: a shell script in a fresh sandbox.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use twinax_kernel::Rtnl;
use twinax_lab::enter;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::{Options, Sandbox};
use twinax_topology::{NodeName, Program};

use super::shell::{self, OwnShell};
use super::{Wrong, up};
use crate::args::Sh;

/// How a file begins that the kernel executes without an interpreter (`elf(5)`).
const PROGRAM: &[u8] = b"\x7fELF";

/// Programs that stand in the way of the machine's, in the sandbox.
const BIN: &str = "/run/twinax/bin";

/// What an interactive shell says in its prompt, where the lab has no name.
const PLACE: &str = "sandbox";

pub fn run(asked: &Sh) -> anyhow::Result<u8> {
    let (program, shell) = match words(asked)? {
        Some(words) => (Program::Argv(words), None),
        None => {
            let shell = OwnShell::find();
            (shell.program(), Some(shell))
        }
    };
    let options = up::options(asked.no_user_namespace, asked.keep.as_ref())?;
    let options = Options { own_etc: true, ..options };
    let claim = asked.keep.as_ref().map(|name| Registry::open()?.claim(name)).transpose()?;
    let sandbox = match Sandbox::start(&options) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            claim.into_iter().for_each(|claim| claim.remove());
            return Err(error.into());
        }
    };
    let is_root = rustix::process::geteuid().is_root();
    // As on a machine that has just been started.
    sandbox.holder().work(|_| u8::from(prepare(is_root).is_err()))?.wait()?;
    if let Some(claim) = &claim {
        claim.register(sandbox.holder())?;
    }
    let told = |command: &mut Command| {
        if !is_root {
            put_first_in_path(command);
        }
        if let Some(shell) = &shell {
            shell.tell(command, asked.keep.as_ref().map_or(PLACE, NodeName::as_str));
        }
    };
    let run = if shell.is_some() { enter::run_shell } else { enter::run };
    let code = run(sandbox.holder(), None, &program, told)?;
    match claim {
        Some(_) => sandbox.keep()?,
        None => drop(sandbox),
    }
    Ok(code as u8)
}

/// In the sandbox, before anything else.
fn prepare(is_root: bool) -> anyhow::Result<()> {
    let mut rtnl = Rtnl::open()?;
    rtnl.set_up("lo", true)?;
    rtnl.flush()?;
    if !is_root {
        stand_in_for_sudo()?;
    }
    Ok(shell::write_files()?)
}

/// What is run; `None`: the user's shell.
fn words(asked: &Sh) -> anyhow::Result<Option<Vec<String>>> {
    Ok(match (&asked.line, &asked.script[..]) {
        (Some(line), rest) => {
            Some([&["sh".to_owned(), "-c".to_owned(), line.clone()], rest].concat())
        }
        (None, []) => None,
        (None, script) => Some([interpreter(&script[0])?, script.to_vec()].concat()),
    })
}

/// What a script says in its first line that it is run by; `sh` where it says nothing.
fn interpreter(script: &str) -> anyhow::Result<Vec<String>> {
    let mut begin = Vec::new();
    fs::File::open(script)
        .and_then(|file| file.take(256).read_to_end(&mut begin))
        .with_context(|| format!("reading {script}"))
        .map_err(|error| Wrong::new(format!("{error:#}")))?;
    if begin.starts_with(PROGRAM) {
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&begin);
    let line = text.strip_prefix("#!").and_then(|text| text.lines().next()).unwrap_or_default();
    // As the kernel reads it (execve(2)): the interpreter, and all that follows as one argument.
    let (program, argument) = match line.trim().split_once(char::is_whitespace) {
        Some((program, argument)) => (program, Some(argument.trim())),
        None => (line.trim(), None),
    };
    if program.is_empty() {
        return Ok(vec!["sh".to_owned()]);
    }
    Ok([Some(program), argument].into_iter().flatten().map(str::to_owned).collect())
}

/// In a user namespace the machine's `sudo` refuses: its file does not belong to anybody there. Who
/// asks for it in the sandbox is root already.
const SUDO: &str = r#"#!/bin/sh
# sudo, as far as it is needed by somebody who is root already.
user=
while [ $# -gt 0 ]; do
    case $1 in
    -u | -g | -h | -p | -C | -D | -R | -T | -U)
        [ "$1" = -u ] && user=$2
        shift 2
        ;;
    --user=*) user=${1#--user=}; shift ;;
    -v | -k | -K) exit 0 ;;
    -s | -i) shift; [ $# -gt 0 ] || exec "${SHELL:-/bin/sh}" ;;
    --) shift; break ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
    esac
done
case $user in
'' | root | 0 | '#0') exec "$@" ;;
*) exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- "$@" ;;
esac
"#;

fn stand_in_for_sudo() -> std::io::Result<()> {
    let file = Path::new(BIN).join("sudo");
    fs::create_dir_all(BIN)?;
    fs::write(&file, SUDO)?;
    fs::set_permissions(&file, PermissionsExt::from_mode(0o755))
}

fn put_first_in_path(command: &mut Command) {
    let own = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
    let mut path = OsString::from(BIN);
    path.push(":");
    path.push(own.unwrap_or_default());
    command.env("PATH", path);
}
