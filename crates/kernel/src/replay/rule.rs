//! Policy rules (`linux/fib_rules.h`).

use super::object::{Object, list};
use super::{Replay, difference};
use crate::attributes::{INET, INET6};
use crate::error::Error;
use crate::netlink::{CREATE, EXCL, Socket};

/// `struct fib_rule_hdr`: family, prefix length of destination and source, TOS, table, two that are
/// unused, action, flags.
const HEADER: usize = 12;
const FLAGS: usize = 8;

/// `FIB_RULE_INVERT`: the only flag that somebody sets.
const INVERT: u32 = 2;

/// `FRA_…`.
const PRIORITY: u16 = 6;
const PAD: u16 = 18;
const L3MDEV: u16 = 19;

/// All policy rules.
pub(super) fn all(socket: &mut Socket) -> Result<Vec<Object>, Error> {
    let mut rules = Vec::new();
    for family in [INET, INET6] {
        let mut header = [0; HEADER];
        header[0] = family;
        let ask = Object::new(libc::RTM_GETRULE, header);
        let found = list(socket, "listing rules", &ask)?;
        rules.extend(found.into_iter().filter(|own| own.header[0] == family));
    }
    for rule in &mut rules {
        rule.set_number(FLAGS, rule.number(FLAGS) & INVERT);
        rule.drop(PAD);
        if rule.get(L3MDEV).and_then(|own| own.u8()) == Some(0) {
            rule.drop(L3MDEV);
        }
    }
    Ok(rules)
}

pub(super) fn compare(replay: &mut Replay<'_>, wanted: &[Object]) -> Result<(), Error> {
    let (come, go) = difference(all(&mut replay.socket)?, wanted);
    let named = |objects: Vec<Object>, kind: u16| -> Vec<(String, Object)> {
        objects.iter().map(|own| (name(own), own.of_kind(kind))).collect()
    };
    replay.try_all("removing a rule", 0, named(go, libc::RTM_DELRULE));
    replay.try_all("adding a rule", CREATE | EXCL, named(come, libc::RTM_NEWRULE));
    Ok(())
}

fn name(rule: &Object) -> String {
    let priority = rule.get(PRIORITY).and_then(|own| own.u32()).unwrap_or(0);
    format!("rule {priority}")
}
