//! Completion in bash, which takes a word apart at `:` and `=` (`COMP_WORDBREAKS`), where ours have
//! such characters in them.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::{Bash as Plain, EnvCompleter};

/// As the one of `clap_complete`, with words put together again.
pub(super) struct Bash;

/// Puts the words before the cursor together as they stand in the line, asks, and takes away from
/// each answer what bash has put aside.
const REGISTRATION: &str = r#"_NAME() {
    local IFS=$'\013' line=$COMP_LINE piece prefix i
    local -a words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        if ((i > 0)) && [[ -n $piece && $line != [[:space:]]* ]]; then
            words[${#words[@]}-1]+=$piece
        else
            words+=("$piece")
        fi
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$piece"}
    done
    if [[ $piece == [:=] ]]; then piece=; fi
    prefix=${words[${#words[@]}-1]}
    prefix=${prefix%"$piece"}
    COMPREPLY=( $(
        _CLAP_IFS="$IFS" \
        _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) \
        VAR=bash COMPLETER -- "${words[@]}" 2> /dev/null
    ) ) || COMPREPLY=()
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace 2> /dev/null || :
    fi
    COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
}
complete -o bashdefault -o default -F _NAME BIN
"#;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        Plain.name()
    }

    fn is(&self, name: &str) -> bool {
        Plain.is(name)
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        program: &str,
        completer: &str,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        let text = REGISTRATION.replace("NAME", name).replace("BIN", program);
        let text = text.replace("COMPLETER", completer).replace("VAR", variable);
        to.write_all(text.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        Plain.write_complete(command, words, directory, to)
    }
}
