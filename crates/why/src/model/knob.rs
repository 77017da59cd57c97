//! A sysctl that there is for each device and for all of them, of which the larger value counts
//! (`IN_DEV_MAXCONF`, `linux/inetdevice.h`).

use super::Case;
use crate::cause::Evidence;
use crate::remedy::Remedy;
use crate::seen::At;

/// One such sysctl, as it is for a device.
pub struct Knob<'a> {
    at: &'a At,
    name: &'a str,
    own: i64,
    all: i64,
}

impl<'a> Knob<'a> {
    /// That of this name.
    pub fn of(case: Case<'_>, at: &'a At, name: &'a str) -> Self {
        let value = |of: &str| case.facts.number(&at.node, &format!("net/ipv4/conf/{of}/{name}"));
        Self { at, name, own: value(&at.device), all: value("all") }
    }

    /// What counts.
    pub fn value(&self) -> i64 {
        self.own.max(self.all)
    }

    /// The name of the one that decides: the device's unless only that of all does.
    pub fn decides(&self) -> String {
        let of = if self.own >= self.all { &*self.at.device } else { "all" };
        format!("net.ipv4.conf.{of}.{}", self.name)
    }

    /// That it is as it is, as evidence.
    pub fn seen(&self) -> Evidence {
        Evidence::sysctl(&self.at.node, &self.decides(), self.value())
    }

    /// The remedy that turns it off, wherever it is on.
    pub fn off(&self) -> Remedy {
        let path = |of: &str| format!("net/ipv4/conf/{of}/{}", self.name);
        let each = [(path(&self.at.device), self.own), (path("all"), self.all)];
        let on = each.iter().filter(|(_, value)| *value != 0);
        Remedy::sysctls(&self.at.node, on.map(|(path, _)| (path.as_str(), "0")))
    }
}
