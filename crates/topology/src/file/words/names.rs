//! Names of nodes and interfaces.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Word, Wrong};
use crate::diagnostic::{quoted, shown};
use crate::model::{IfName, MAX_IF_NAME, NameError, NodeName, Place, Spot, Target};

const NODE: &str = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,62}";
const INTERFACE: &str = r"[A-Za-z0-9_][A-Za-z0-9_.@+=#~\-]{0,14}";

/// What is wrong with a name of a node (or a lab) or an interface.
fn name_wrong(text: &str, whose: &str, error: &NameError) -> Wrong {
    let title = match error {
        NameError::Empty => format!("the name of {whose} can't be empty"),
        NameError::TooLong { .. } => format!("{} is too long for {whose}", quoted(text)),
        _ => format!("{} can't be the name of {whose}", quoted(text)),
    };
    let label = match error {
        NameError::TooLong { length, most } => {
            format!("{length} bytes; at most {most} are possible")
        }
        other => other.to_string(),
    };
    let wrong = Wrong::new(title, label);
    match error {
        NameError::Character('.' | '/') => {
            wrong.help("a name is one word: a file name, a host name and a word in commands")
        }
        NameError::Character(_) | NameError::First(_) => {
            wrong.help("use letters, digits, `-` and `_`, and begin with a letter or digit")
        }
        _ => wrong,
    }
}

impl Word for NodeName {
    const NAME: &'static str = "NodeName";
    const WHAT: &'static str = "a name in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        if let Some((node, _)) = text.split_once(':')
            && read_place(text).is_ok()
        {
            let title = format!("{} is an interface; a node is meant here", quoted(text));
            return Err(Wrong::new(title, "").help(format!("write \"{}\"", shown(node))));
        }
        text.parse().map_err(|error| name_wrong(text, "a node", &error))
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": format!("^{NODE}$"),
            "description": "The name of a node: letters, digits, `-`, `_`, `.`",
        })
    }
}

/// The name of a lab.
#[derive(Debug, Clone)]
pub(crate) struct LabName(pub NodeName);

impl Word for LabName {
    const NAME: &'static str = "LabName";
    const WHAT: &'static str = "a name in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map(Self).map_err(|error| name_wrong(text, "a lab", &error))
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": format!("^{NODE}$"),
            "description": "The name of a lab: letters, digits, `-`, `_`, `.`",
        })
    }
}

impl Word for IfName {
    const NAME: &'static str = "InterfaceName";
    const WHAT: &'static str = "the name of an interface, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        if let Ok(place) = read_place(text) {
            let title = format!("{} names a node too; only the interface is meant", quoted(text));
            return Err(Wrong::new(title, "").help(format!("write \"{}\"", place.interface)));
        }
        read_interface(text)
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": format!("^{INTERFACE}$"),
            "description": format!("The name of an interface: at most {MAX_IF_NAME} bytes"),
        })
    }
}

fn read_interface(text: &str) -> Result<IfName, Wrong> {
    text.parse().map_err(|error| name_wrong(text, "an interface", &error))
}

fn read_place(text: &str) -> Result<Place, Wrong> {
    let Some((node, interface)) = text.split_once(':') else {
        let title = format!("{} is no place of an interface", quoted(text));
        return Err(Wrong::new(title, "no `:` in it").help("write \"node:interface\""));
    };
    let node = node.parse().map_err(|error| name_wrong(node, "a node", &error))?;
    Ok(Place { node, interface: read_interface(interface)? })
}

impl Word for Place {
    const NAME: &'static str = "Place";
    const WHAT: &'static str = "\"node:interface\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        read_place(text)
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": format!("^{NODE}:{INTERFACE}$"),
            "description": "An interface in a node: `node:interface`",
        })
    }
}

impl Word for Spot {
    const NAME: &'static str = "Spot";
    const WHAT: &'static str = "\"node\" or \"node:interface\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        if text.contains(':') {
            let Place { node, interface } = read_place(text)?;
            return Ok(Self { node, interface: Some(interface) });
        }
        Ok(Self { node: NodeName::read(text)?, interface: None })
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": format!("^{NODE}(:{INTERFACE})?$"),
            "description": "A node, or an interface in it: `node` or `node:interface`",
        })
    }
}

/// Whom to reach: an address, or a node or interface that has one.
#[derive(Debug, Clone)]
pub(crate) struct Aim(pub Target);

impl Word for Aim {
    const NAME: &'static str = "Target";
    const WHAT: &'static str = "an address, \"node\" or \"node:interface\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(Target::Address(address)));
        }
        if let Some((address, _)) = text.split_once('/')
            && address.parse::<IpAddr>().is_ok()
        {
            let title = format!("{} is a prefix; one address is meant here", quoted(text));
            return Err(Wrong::new(title, "").help(format!("write \"{address}\"")));
        }
        if let Some((address, _)) = text.split_once('%')
            && address.parse::<IpAddr>().is_ok()
        {
            let title = format!("{} has a zone", quoted(text));
            let help =
                format!("write \"{address}\", and the interface in `from`: \"node:interface\"");
            return Err(Wrong::new(title, "").help(help));
        }
        Spot::read(text).map(|spot| Self(Target::Spot(spot)))
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "minLength": 1,
            "description": "An address, or a node or interface that has one",
        })
    }
}
