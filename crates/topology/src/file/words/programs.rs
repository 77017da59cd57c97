//! What is executed, when it counts as ready, and the values of sysctls.

use serde_json::{Value, json};
use serde_spanned::Spanned;
use toml::de::DeValue;

use super::super::decode::{Decode, Defs, type_of};
use super::super::scalars::integer;
use super::{Word, Wrong};
use crate::diagnostic::{Collector, Diagnostic, quoted};
use crate::model::{Program, Ready};

impl Decode for Program {
    fn what() -> String {
        "a command: a line for the shell, or an array of a program and its arguments".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        let wrong = |to: &mut Collector<'_>, span, title: &str| {
            to.push(Diagnostic::new(span, title));
            None
        };
        match value.get_ref() {
            DeValue::String(line) if line.trim().is_empty() => {
                wrong(to, value.span(), "a command can't be empty")
            }
            DeValue::String(line) if line.contains('\0') => {
                wrong(to, value.span(), "a command can't contain a NUL byte")
            }
            DeValue::String(line) => Some(Self::Shell(line.as_ref().to_owned())),
            DeValue::Array(array) => {
                let mut argv = Vec::new();
                let mut good = true;
                for part in array.iter() {
                    match part.get_ref() {
                        DeValue::String(text) if text.contains('\0') => {
                            wrong(to, part.span(), "an argument can't contain a NUL byte");
                            good = false;
                        }
                        DeValue::String(text) => argv.push(text.as_ref().to_owned()),
                        other => {
                            let title = format!("an argument is a string, not {}", type_of(other));
                            let help = integer(other).map(|number| format!("write \"{number}\""));
                            to.push(Diagnostic::new(part.span(), title).maybe_help(help));
                            good = false;
                        }
                    }
                }
                if good && argv.first().is_none_or(String::is_empty) {
                    return wrong(to, value.span(), "a command needs a program");
                }
                good.then_some(Self::Argv(argv))
            }
            other => {
                let title = format!("expected {}, found {}", Self::what(), type_of(other));
                wrong(to, value.span(), &title)
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        defs.named::<Self>("Command", |_| {
            json!({
                "anyOf": [
                    { "type": "string", "minLength": 1 },
                    { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                ],
                "description": "A line for `sh -c`, or a program and its arguments",
            })
        })
    }
}

impl Word for Ready {
    const NAME: &'static str = "Ready";
    const WHAT: &'static str = "\"tcp:PORT\", \"line:TEXT\", \"file:PATH\" or \"exit\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = |label: &str| {
            let title = format!("{} says nothing that can be waited for", quoted(text));
            Wrong::new(title, label).help(format!("write {}", Self::WHAT))
        };
        match text.split_once(':') {
            Some(("tcp", port)) => match port.parse::<u16>() {
                Ok(port) if port > 0 => Ok(Self::Tcp(port)),
                _ => Err(wrong("a port is a number from 1 to 65535")),
            },
            Some(("line", "")) => Err(wrong("every line contains the empty text")),
            Some(("line", line)) if line.contains('\n') => {
                Err(wrong("a line has no line end in it"))
            }
            Some(("line", line)) => Ok(Self::Line(line.to_owned())),
            Some(("file", path)) if path.contains('\0') || path.is_empty() => {
                Err(wrong("this is no path"))
            }
            Some(("file", path)) => Ok(Self::File(path.to_owned())),
            None if text == "exit" => Ok(Self::Exit),
            _ => Err(wrong("")),
        }
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^(tcp:[0-9]{1,5}|line:.+|file:.+|exit)$",
            "description": "What is waited for: `tcp:PORT`, `line:TEXT`, `file:PATH` or `exit`",
        })
    }
}

/// The value of a sysctl: one line, not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting(pub String);

impl Decode for Setting {
    fn what() -> String {
        "the value of a sysctl".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        let wrong = |to: &mut Collector<'_>, title: String, help: Option<String>| {
            to.push(Diagnostic::new(value.span(), title).maybe_help(help));
            None
        };
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                wrong(to, "the value of a sysctl can't be empty".to_owned(), None)
            }
            DeValue::String(text) if text.contains(['\n', '\r', '\0']) => {
                wrong(to, "the value of a sysctl is one line".to_owned(), None)
            }
            DeValue::String(text) => Some(Self(text.as_ref().to_owned())),
            DeValue::Boolean(value) => Some(Self(i32::from(*value).to_string())),
            DeValue::Integer(_) => match integer(value.get_ref()) {
                Some(number) => Some(Self(number.to_string())),
                None => wrong(to, "this number is out of range".to_owned(), None),
            },
            DeValue::Table(_) => {
                let help = "a name with dots stands in quotes: \"net.ipv4.ip_forward\" = 1";
                wrong(to, "a sysctl has one value, not a table".to_owned(), Some(help.to_owned()))
            }
            other => wrong(to, format!("a sysctl has one value, not {}", type_of(other)), None),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        defs.named::<Self>("SysctlValue", |_| {
            json!({
                "type": ["string", "integer", "boolean"],
                "description": "The value of a sysctl; true is 1, false is 0",
            })
        })
    }
}
