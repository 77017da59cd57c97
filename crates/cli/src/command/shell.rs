//! `twinax shell`: the user's shell in a node of a running lab, with a prompt that says where it is.
//!
//! The files by which each kind of shell is told are in the sandbox's own `/run`. Each has the
//! user's own files read first, as the shell would have.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use twinax_lab::enter;
use twinax_lab::registry::Registry;
use twinax_topology::Program;

use super::{HELD, running};
use crate::args::InLab;

/// The folder of the files, in the sandbox.
const FILES: &str = "/run/twinax/shell";

/// Whatever a prompt is made of, and each time it is made anew, this goes before it.
const BASH: &str = r#"[ -f ~/.bashrc ] && . ~/.bashrc
__twinax_prompt() {
    local own="($TWINAX_PLACE) "
    [[ $PS1 == "$own"* ]] || PS1=$own$PS1
}
PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND; }__twinax_prompt"
"#;

const ZSHENV: &str = r#"ZDOTDIR=${TWINAX_ZDOTDIR:-$HOME}
[[ -f $ZDOTDIR/.zshenv ]] && . $ZDOTDIR/.zshenv
TWINAX_ZDOTDIR=$ZDOTDIR
ZDOTDIR=FILES
"#;

const ZSHRC: &str = r#"ZDOTDIR=$TWINAX_ZDOTDIR
unset TWINAX_ZDOTDIR
[[ -f $ZDOTDIR/.zshrc ]] && . $ZDOTDIR/.zshrc
[[ $ZDOTDIR == $HOME ]] && unset ZDOTDIR
__twinax_prompt() {
    local own="($TWINAX_PLACE) "
    [[ $PROMPT == "$own"* ]] || PROMPT=$own$PROMPT
}
precmd_functions+=(__twinax_prompt)
"#;

const FISH: &str = r#"functions --copy fish_prompt __twinax_prompt
function fish_prompt
    echo -n "($TWINAX_PLACE) "
    __twinax_prompt
end
"#;

/// What POSIX has interactive shells read (`ENV`).
const POSIX: &str = r#"if [ -n "$TWINAX_ENV" ]; then
    ENV=$TWINAX_ENV
    unset TWINAX_ENV
    [ -f "$ENV" ] && . "$ENV"
else
    unset ENV
fi
PS1="($TWINAX_PLACE) ${PS1:-\$ }"
"#;

/// The kinds of shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bash,
    Zsh,
    Fish,
    Posix,
}

pub fn run(at: &InLab) -> anyhow::Result<u8> {
    let (lab, holder) = running::of_node(&Registry::open()?, at)?;
    let shell = OwnShell::find();
    let written = running::inside(&holder, || {
        write_files().with_context(|| format!("writing to {FILES}"))?;
        Ok(HELD)
    })?;
    if written != HELD {
        return Ok(written);
    }
    let told = |command: &mut Command| {
        command.env("TWINAX_LAB", lab.as_str()).env("TWINAX_NODE", at.node.as_str());
        shell.tell(command, &format!("{lab}/{}", at.node));
    };
    Ok(enter::run_shell(&holder, Some(&at.node), &shell.program(), told)? as u8)
}

/// The user's shell, told to say in its prompt where it is.
pub(super) struct OwnShell {
    file: PathBuf,
    kind: Kind,
}

impl OwnShell {
    pub(super) fn find() -> Self {
        let (file, kind) = own_shell();
        Self { file, kind }
    }

    pub(super) fn program(&self) -> Program {
        let mut words = vec![self.file.to_string_lossy().into_owned()];
        words.extend(arguments(self.kind).map(str::to_owned));
        Program::Argv(words)
    }

    /// It finds the files that have been [written](write_files).
    pub(super) fn tell(&self, command: &mut Command, place: &str) {
        command.env("TWINAX_PLACE", place);
        environment(self.kind, command);
    }
}

/// The shell that the user has; where that is none that there is, the one that every machine has.
fn own_shell() -> (PathBuf, Kind) {
    let named = std::env::var_os("SHELL").map(PathBuf::from);
    let shell = named
        .filter(|shell| shell.is_absolute() && shell.is_file())
        .unwrap_or_else(|| PathBuf::from("/bin/sh"));
    let kind = match shell.file_name().and_then(|name| name.to_str()) {
        Some("bash") => Kind::Bash,
        Some("zsh") => Kind::Zsh,
        Some("fish") => Kind::Fish,
        _ => Kind::Posix,
    };
    (shell, kind)
}

fn arguments(kind: Kind) -> impl Iterator<Item = &'static str> {
    let words: &[&str] = match kind {
        Kind::Bash => &["--rcfile", "/run/twinax/shell/bashrc", "-i"],
        Kind::Fish => &["--init-command", "source /run/twinax/shell/prompt.fish", "-i"],
        Kind::Zsh | Kind::Posix => &["-i"],
    };
    words.iter().copied()
}

fn environment(kind: Kind, command: &mut Command) {
    let moved = |command: &mut Command, name, to, file: &str| {
        if let Some(own) = std::env::var_os(name) {
            command.env(to, own);
        }
        command.env(name, file);
    };
    match kind {
        Kind::Zsh => moved(command, "ZDOTDIR", "TWINAX_ZDOTDIR", FILES),
        Kind::Posix => moved(command, "ENV", "TWINAX_ENV", &format!("{FILES}/profile")),
        Kind::Bash | Kind::Fish => {}
    }
}

/// Writes the files, in the sandbox. Each at once: another shell may be reading the one that is there.
pub(super) fn write_files() -> std::io::Result<()> {
    let folder = Path::new(FILES);
    std::fs::create_dir_all(folder)?;
    let files = [
        ("bashrc", BASH.to_owned()),
        (".zshenv", ZSHENV.replace("FILES", FILES)),
        (".zshrc", ZSHRC.to_owned()),
        ("prompt.fish", FISH.to_owned()),
        ("profile", POSIX.to_owned()),
    ];
    for (name, text) in files {
        let new = folder.join(format!("{name}.{}", std::process::id()));
        std::fs::write(&new, text)?;
        std::fs::rename(&new, folder.join(name))?;
    }
    Ok(())
}
