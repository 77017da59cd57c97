//! Policy rules (`ip-rule(8)`).

use netlink_packet_route::rule::{RuleAction as Action, RuleAttribute, RuleFlags, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use twinax_topology::{Family, Rule, RuleAction};

use crate::error::Error;
use crate::netlink::{CREATE, EXCL};
use crate::rtnl::Rtnl;

impl Rtnl {
    /// Adds a rule.
    pub fn add_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        let message = RouteNetlinkMessage::NewRule(message(rule));
        self.queue("adding a rule", CREATE | EXCL, message)
    }

    /// Removes the first rule that agrees in everything that is said.
    pub fn del_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        self.queue("removing a rule", 0, RouteNetlinkMessage::DelRule(message(rule)))
    }
}

fn message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = match rule.family {
        Family::Ipv4 => AddressFamily::Inet,
        Family::Ipv6 => AddressFamily::Inet6,
    };
    message.header.action = match rule.action {
        RuleAction::Table(_) => Action::ToTable,
        RuleAction::Blackhole => Action::Blackhole,
        RuleAction::Prohibit => Action::Prohibit,
        RuleAction::Unreachable => Action::Unreachable,
    };
    if rule.not {
        message.header.flags |= RuleFlags::Invert;
    }
    let attributes = &mut message.attributes;
    if let RuleAction::Table(table) = rule.action {
        message.header.table = u8::try_from(table).unwrap_or(0);
        attributes.push(RuleAttribute::Table(table));
    }
    if let Some(from) = rule.from.filter(|net| net.prefix_len() > 0) {
        message.header.src_len = from.prefix_len();
        attributes.push(RuleAttribute::Source(from.addr()));
    }
    if let Some(to) = rule.to.filter(|net| net.prefix_len() > 0) {
        message.header.dst_len = to.prefix_len();
        attributes.push(RuleAttribute::Destination(to.addr()));
    }
    attributes.extend(rule.priority.map(RuleAttribute::Priority));
    attributes.extend(rule.iif.as_ref().map(|name| RuleAttribute::Iifname(name.to_string())));
    attributes.extend(rule.oif.as_ref().map(|name| RuleAttribute::Oifname(name.to_string())));
    if let Some(fwmark) = rule.fwmark {
        attributes.push(RuleAttribute::FwMark(fwmark.mark));
        attributes.push(RuleAttribute::FwMask(fwmark.mask));
    }
    message
}
