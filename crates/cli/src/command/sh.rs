//! `twinax sh`: a shell script in a fresh sandbox.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use twinax_kernel::Rtnl;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Sandbox;
use twinax_topology::Program;

use super::{Wrong, up};
use crate::args::Sh;

/// Programs that stand in the way of the machine's, in the sandbox.
const BIN: &str = "/run/twinax/bin";

pub fn run(asked: &Sh) -> anyhow::Result<u8> {
    let program = program(asked)?;
    let options = up::options(asked.no_user_namespace, asked.keep.as_ref())?;
    let claim = asked.keep.as_ref().map(|name| Registry::open()?.claim(name)).transpose()?;
    let is_root = rustix::process::geteuid().is_root();
    let sandbox = match Sandbox::start(&options) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            claim.into_iter().for_each(|claim| claim.remove());
            return Err(error.into());
        }
    };
    // As on a machine that has just been started.
    sandbox.holder().work(|_| u8::from(bring_lo_up().is_err()))?.wait()?;
    if let Some(claim) = &claim {
        claim.register(sandbox.holder())?;
    }
    let code = twinax_lab::enter::run(sandbox.holder(), None, &program, |command| {
        if !is_root && stand_in_for_sudo().is_ok() {
            put_first_in_path(command);
        }
    })?;
    match claim {
        Some(_) => sandbox.keep()?,
        None => drop(sandbox),
    }
    Ok(code as u8)
}

fn bring_lo_up() -> Result<(), twinax_kernel::Error> {
    let mut rtnl = Rtnl::open()?;
    rtnl.set_up("lo", true)?;
    rtnl.flush()
}

fn program(asked: &Sh) -> anyhow::Result<Program> {
    let words = match (&asked.line, &asked.script[..]) {
        (Some(line), rest) => [&["sh".to_owned(), "-c".to_owned(), line.clone()], rest].concat(),
        (None, []) => vec![std::env::var("SHELL").unwrap_or_else(|_| "sh".to_owned())],
        (None, script) => [interpreter(&script[0])?, script.to_vec()].concat(),
    };
    Ok(Program::Argv(words))
}

/// What a script says in its first line that it is run by; `sh` where it says nothing.
fn interpreter(script: &str) -> anyhow::Result<Vec<String>> {
    let mut begin = Vec::new();
    fs::File::open(script)
        .and_then(|file| file.take(256).read_to_end(&mut begin))
        .with_context(|| format!("reading {script}"))
        .map_err(|error| Wrong::new(format!("{error:#}")))?;
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
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    command.env("PATH", format!("{BIN}:{path}"));
}
