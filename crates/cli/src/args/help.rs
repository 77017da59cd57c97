//! The help of the program itself: its verbs in groups.

use std::fmt::Write;

use clap::CommandFactory;

use super::{Args, EXIT_CODES};

/// The verbs that belong together. One that is in no group is shown in the last.
const GROUPS: [(&str, &[&str]); 4] = [
    ("A lab from beginning to end", &["run", "plan"]),
    ("Labs that stay", &["up", "down", "ls", "apply", "save", "sh"]),
    (
        "In a running lab",
        &[
            "show",
            "exec",
            "shell",
            "logs",
            "ping",
            "traceroute",
            "tcp",
            "udp",
            "capture",
            "why",
            "check",
            "set",
        ],
    ),
    ("Besides", &[]),
];

/// The program's command line.
pub fn command() -> clap::Command {
    let command = Args::command();
    let verbs = grouped(&command);
    command.help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n{verbs}\nOptions:\n{{options}}\n\n{EXIT_CODES}\n"
    ))
}

fn grouped(command: &clap::Command) -> String {
    let all: Vec<_> = command.get_subcommands().filter(|verb| !verb.is_hide_set()).collect();
    let width = all.iter().map(|verb| verb.get_name().len()).max().unwrap_or_default();
    let mut text = String::new();
    for (title, names) in GROUPS {
        let _ = writeln!(text, "\n{title}:");
        let is_here = |name: &str| match names {
            [] => !GROUPS.iter().any(|(_, names)| names.contains(&name)),
            names => names.contains(&name),
        };
        let mut verbs: Vec<_> = all.iter().filter(|verb| is_here(verb.get_name())).collect();
        verbs.sort_by_key(|verb| names.iter().position(|name| *name == verb.get_name()));
        for verb in verbs {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {:width$}  {about}", verb.get_name());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_in_the_help_once() {
        let help = command().render_help().to_string();
        for verb in Args::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let start = format!("  {} ", verb.get_name());
            assert_eq!(help.lines().filter(|line| line.starts_with(&start)).count(), 1, "{help}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }
}
