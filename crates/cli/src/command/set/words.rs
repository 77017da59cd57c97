//! The words of `twinax set`, made into the text of a lab file's step.
//!
//! ```text
//!  left:veth3 down mtu=1400       change = [ { at = "left:veth3", up = false },
//!                                            { at = "left:veth3", mtu = 1400 } ]
//!  left net.ipv4.ip_forward=1     change = [ { at = "left", sysctl = { "net.ipv4.ip_forward" = 1 } } ]
//!  left 'add_route=10.9.0.0/16 via 10.0.0.1'
//!                     change = [ { at = "left", add_route = { to = "10.9.0.0/16", via = "10.0.0.1" } } ]
//!  --add node.guest --add link=guest:eth0,sw:p9
//!                     add.node.guest = {}   add.link = [ { a = "guest:eth0", b = "sw:p9" } ]
//! ```
//!
//! A value that is TOML is taken as such; what is not is a text. What is wrong with it is found by
//! whoever reads the step.

use std::fmt::Display;

use twinax_topology::{NodeName, Spot};

use super::{Wrong, names, spot};

/// What can be said of a node or interface, in the words of a lab file.
pub const KEYS: &[&str] = &[
    "move",
    "up",
    "mtu",
    "mac",
    "master",
    "port",
    "add_ip",
    "del_ip",
    "sysctl",
    "add_route",
    "del_route",
    "add_rule",
    "del_rule",
    "add_neigh",
    "del_neigh",
    "firewall",
];

/// The step of these changes, one after the other.
pub(super) fn changes(at: &Spot, words: &[String]) -> Result<String, Wrong> {
    let at = text(at);
    let one = |word: &String| Ok(format!("{{ at = {at}, {} }}", change(word)?));
    let changes = words.iter().map(one).collect::<Result<Vec<_>, Wrong>>()?;
    Ok(format!("change = [{}]", changes.join(", ")))
}

fn change(word: &str) -> Result<String, Wrong> {
    let Some((key, said)) = word.split_once('=') else {
        return match word {
            "up" => Ok("up = true".to_owned()),
            "down" => Ok("up = false".to_owned()),
            other => Err(Wrong::new(format!("`{other}` is no change"))
                .hint("write `up`, `down`, or a key with its value, such as `mtu=1400`")),
        };
    };
    let (key, said) = (key.trim(), said.trim());
    if let Some(sysctl) = sysctl(key) {
        return Ok(format!("sysctl = {{ {} = {} }}", text(sysctl), value(said)));
    }
    if !KEYS.contains(&key.split('.').next().unwrap_or(key)) {
        let wrong = Wrong::new(format!("there is no `{key}` that could be set"));
        return Err(wrong.hint(names::meant(key, KEYS).unwrap_or_default()));
    }
    let said = match key {
        // Names, whatever they look like.
        "move" | "mac" => quoted(said),
        "add_route" | "del_route" => in_words(said, &ROUTE),
        "add_rule" | "del_rule" => in_words(said, &RULE),
        "add_neigh" | "del_neigh" => in_words(said, &NEIGHBOUR),
        _ => value(said),
    };
    let key = key.split('.').map(name).collect::<Vec<_>>().join(".");
    Ok(format!("{key} = {said}"))
}

/// The name of a sysctl, where the key is that: `net.ipv4.ip_forward`, `sysctl.ipv4.rp_filter`.
fn sysctl(key: &str) -> Option<&str> {
    if let Some(own) = key.strip_prefix("sysctl.") {
        return Some(own);
    }
    let first = key.split(['.', '/']).next()?;
    (first != key && !KEYS.contains(&first)).then_some(key)
}

/// How `ip` says a thing in words.
struct Grammar {
    /// The key of a first word that is none.
    first: Option<&'static str>,
    /// Keys that have no value.
    flags: &'static [&'static str],
    /// Values of `kind`.
    kinds: &'static [&'static str],
    /// What `ip` calls otherwise.
    aliases: &'static [(&'static str, &'static str)],
    /// Keys whose value is a number, or a name.
    numbers: &'static [&'static str],
}

const ROUTE: Grammar = Grammar {
    first: Some("to"),
    flags: &["onlink"],
    kinds: &["unicast", "blackhole", "unreachable", "prohibit", "throw"],
    aliases: &[],
    numbers: &["metric", "table"],
};

const RULE: Grammar = Grammar {
    first: None,
    flags: &["not"],
    kinds: &["blackhole", "unreachable", "prohibit"],
    aliases: &[
        ("lookup", "table"),
        ("pref", "priority"),
        ("preference", "priority"),
        ("order", "priority"),
    ],
    numbers: &["priority", "table", "fwmark"],
};

const NEIGHBOUR: Grammar = Grammar {
    first: Some("to"),
    flags: &[],
    kinds: &[],
    aliases: &[("lladdr", "mac")],
    numbers: &[],
};

/// A table, in TOML or as `ip` would have it: `default via 10.0.0.1 dev eth0`.
fn in_words(said: &str, grammar: &Grammar) -> String {
    if said.starts_with(['{', '[']) {
        return value(said);
    }
    let mut keys = Vec::new();
    let mut words = said.split_whitespace().peekable();
    if let Some(first) = grammar.first {
        if let Some(kind) = words.next_if(|word| grammar.kinds.contains(word)) {
            keys.push(format!("kind = {}", quoted(kind)));
        }
        words.next_if_eq(&first);
        keys.extend(words.next().map(|word| format!("{first} = {}", quoted(word))));
    }
    while let Some(word) = words.next() {
        let alias = grammar.aliases.iter().find(|(own, _)| *own == word);
        let key = alias.map_or(word, |(_, key)| *key);
        if grammar.flags.contains(&key) {
            keys.push(format!("{key} = true"));
        } else if grammar.kinds.contains(&key) {
            keys.push(format!("kind = {}", quoted(key)));
        } else {
            let said = words.next().unwrap_or_default();
            // So `ip rule` says that it is for all.
            if said == "all" && matches!(key, "from" | "to") {
                continue;
            }
            let said = if grammar.numbers.contains(&key) { value(said) } else { quoted(said) };
            keys.push(format!("{} = {said}", name(key)));
        }
    }
    format!("{{ {} }}", keys.join(", "))
}

/// The step that adds these parts.
pub(super) fn addition(parts: &[String]) -> Result<String, Wrong> {
    let mut lines = Vec::new();
    let (mut links, mut taps, mut wires) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let (key, said) = match part.split_once('=') {
            Some((key, said)) => (key.trim(), said.trim()),
            None => (part.trim(), "{}"),
        };
        match key.split_once('.') {
            None if key == "link" => links.push(ends(said)),
            None if key == "wire" => wires.push(ends(said)),
            None if key == "tap" => taps.push(tap(said)),
            Some(("node", own)) if !own.is_empty() => {
                lines.push(format!("add.node.{} = {}", name(own), value(said)));
            }
            _ => {
                return Err(Wrong::new(format!("`{part}` is nothing that can be added")).hint(
                    "write `node.NAME`, `node.NAME={…}`, `link=END,END`, `tap=NODE:INTERFACE` or \
                     `wire=NODE:TAP,NODE:TAP`",
                ));
            }
        }
    }
    for (key, all) in [("link", links), ("tap", taps), ("wire", wires)] {
        if !all.is_empty() {
            lines.push(format!("add.{key} = [{}]", all.join(", ")));
        }
    }
    Ok(lines.join("\n"))
}

/// A link or wire: a table, or its two ends.
fn ends(said: &str) -> String {
    match said.split_once(',') {
        Some((a, b)) if !said.starts_with(['{', '[']) => {
            format!("{{ a = {}, b = {} }}", quoted(a.trim()), quoted(b.trim()))
        }
        _ => value(said),
    }
}

/// A TAP: a table, or only where it is.
fn tap(said: &str) -> String {
    match said.starts_with(['{', '[']) {
        true => value(said),
        false => format!("{{ at = {} }}", quoted(said)),
    }
}

/// The step that removes these parts.
pub(super) fn removal(lab: &NodeName, parts: &[String]) -> Result<String, Wrong> {
    let mut words = Vec::new();
    for part in parts {
        // A name of a node has no `=`.
        let (is_wire, own) = match part.strip_prefix("wire=") {
            Some(own) => (true, own),
            None => (false, part.as_str()),
        };
        let own = own.strip_prefix(&format!("{lab}/")).unwrap_or(own);
        let spot = spot(own)
            .map_err(|error| Wrong::new(format!("`{part}` is no node or interface: {error}")))?;
        words.push(match is_wire {
            true => format!("{{ wire = {} }}", text(spot)),
            false => text(spot),
        });
    }
    Ok(format!("remove = [{}]", words.join(", ")))
}

/// What was said, where that is one value of TOML; else as a text.
fn value(said: &str) -> String {
    let is_value = |document: &toml::Table| document.len() == 1 && document.contains_key("it");
    match toml::from_str(&format!("it = {said}")) {
        Ok(document) if is_value(&document) && !document["it"].is_datetime() => said.to_owned(),
        _ => text(said),
    }
}

/// A text, whether it is in quotes already or not.
fn quoted(said: &str) -> String {
    if said.len() > 1 && said.starts_with(['"', '\'']) { value(said) } else { text(said) }
}

/// A key.
fn name(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { text(key) }
}

fn text(said: impl Display) -> String {
    toml::Value::String(said.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use twinax_topology::{Action, parse_step};

    use super::*;

    fn read(text: &str) -> Action {
        parse_step(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}")).action
    }

    fn set(at: &str, words: &[&str]) -> Action {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        read(&changes(&spot(at).unwrap(), &words).unwrap())
    }

    #[test]
    fn words_mean_what_the_lab_file_means() {
        for (at, words, text) in [
            ("a:e0", &["down"][..], "change = { at = \"a:e0\", up = false }"),
            (
                "a:e0",
                &["up", "mtu=1400"],
                "change = [{ at = \"a:e0\", up = true }, { at = \"a:e0\", mtu = 1400 }]",
            ),
            (
                "a:e0",
                &["add_ip=10.0.0.2/24"],
                "change = { at = \"a:e0\", add_ip = \"10.0.0.2/24\" }",
            ),
            (
                "a:e0",
                &["add_ip=[\"10.0.0.2/24\", \"fd00::2/64\"]"],
                "change = { at = \"a:e0\", add_ip = [\"10.0.0.2/24\", \"fd00::2/64\"] }",
            ),
            (
                "a:e0",
                &["mac=02:00:00:00:00:01"],
                "change = { at = \"a:e0\", mac = \"02:00:00:00:00:01\" }",
            ),
            ("a:e0", &["master=br0"], "change = { at = \"a:e0\", master = \"br0\" }"),
            ("a:e0", &["master=false"], "change = { at = \"a:e0\", master = false }"),
            ("a:e0", &["move=7"], "change = { at = \"a:e0\", move = \"7\" }"),
            (
                "a:e0",
                &["port.isolated=true"],
                "change = { at = \"a:e0\", port = { isolated = true } }",
            ),
            (
                "a:e0",
                &["ipv4.rp_filter=0"],
                "change = { at = \"a:e0\", sysctl = { \"ipv4.rp_filter\" = 0 } }",
            ),
            (
                "a",
                &["net.ipv4.ip_forward=1"],
                "change = { at = \"a\", sysctl = { \"net.ipv4.ip_forward\" = 1 } }",
            ),
            (
                "a",
                &["net.ipv4.tcp_rmem=4096 131072 6291456"],
                "change = { at = \"a\", sysctl = { \"net.ipv4.tcp_rmem\" = \"4096 131072 6291456\" } }",
            ),
            (
                "a",
                &["add_route=default via 10.0.0.1 dev e0 metric 5"],
                "change = { at = \"a\", add_route = { to = \"default\", via = \"10.0.0.1\", dev = \"e0\", metric = 5 } }",
            ),
            (
                "a",
                &["add_rule=family ipv4 from all to 10.3.0.0/16 priority 9 lookup 100"],
                "change = { at = \"a\", add_rule = { family = \"ipv4\", to = \"10.3.0.0/16\", priority = 9, table = 100 } }",
            ),
            (
                "a",
                &["add_route={to=\"default\", via=\"10.0.0.1\"}"],
                "change = { at = \"a\", add_route = { to = \"default\", via = \"10.0.0.1\" } }",
            ),
            (
                "a",
                &["del_route=blackhole 10.9.0.0/16"],
                "change = { at = \"a\", del_route = { to = \"10.9.0.0/16\", kind = \"blackhole\" } }",
            ),
            (
                "a",
                &["add_rule=not from 10.0.0.0/8 fwmark 0x1 lookup 100 pref 7"],
                "change = { at = \"a\", add_rule = { not = true, from = \"10.0.0.0/8\", fwmark = 1, table = 100, priority = 7 } }",
            ),
            (
                "a",
                &["add_neigh=10.0.0.2 lladdr 02:00:00:00:00:01 dev e0"],
                "change = { at = \"a\", add_neigh = { to = \"10.0.0.2\", mac = \"02:00:00:00:00:01\", dev = \"e0\" } }",
            ),
        ] {
            assert_eq!(set(at, words), read(text), "{words:?}");
        }
    }

    #[test]
    fn no_word_gets_out_of_its_value() {
        for word in
            ["mtu=1 }, { at = \"b\"", "mtu=1\nabout = \"\"", "mtu=", "x\"y=1", "mtu=1 # ", "=1"]
        {
            if let Ok(text) = changes(&spot("a:e0").unwrap(), &[word.to_owned()]) {
                assert!(parse_step(&text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn parts_that_are_added_and_removed() {
        let add = |parts: &[&str]| {
            let parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            read(&addition(&parts).unwrap())
        };
        assert_eq!(
            add(&["node.guest", "link=guest:eth0,sw:p9"]),
            read("add.node.guest = {}\nadd.link = { a = \"guest:eth0\", b = \"sw:p9\" }"),
        );
        assert_eq!(
            add(&["link={a=\"a:x\", b=\"b:x\"}", "link=a:y, b:y", "tap=a:t"]),
            read(
                "add.link = [{ a = \"a:x\", b = \"b:x\" }, { a = \"a:y\", b = \"b:y\" }]\n\
                 add.tap = { at = \"a:t\" }"
            ),
        );
        let lab = "lab".parse().unwrap();
        assert_eq!(
            add(&["wire=a:t, b:t", "wire={a=\"a:u\", b=\"b:u\"}"]),
            read("add.wire = [{ a = \"a:t\", b = \"b:t\" }, { a = \"a:u\", b = \"b:u\" }]"),
        );
        let remove = ["lab/guest", "sw:p9", "wire=a:t", "wire=lab/b:u"].map(str::to_owned);
        assert_eq!(
            read(&removal(&lab, &remove).unwrap()),
            read("remove = [\"guest\", \"sw:p9\", { wire = \"a:t\" }, { wire = \"b:u\" }]"),
        );
        assert!(addition(&["guest".to_owned()]).is_err());
        assert!(removal(&lab, &["other/guest".to_owned()]).is_err());
    }
}
