//! How a fault is proven: it is brought about in a fresh lab, the packet is shown not to arrive,
//! `why` is asked, what it says is done, and the packet is shown to arrive.

use std::fmt::Write as _;

use serde_json::Value;

use super::fault::{Ask, Cause, Family, Fault, Packet, Part, WORDS_OF_SHELL, Words};
use super::labs::Lab;
use crate::support::user::OWN_TUN;
use crate::support::{Program, Test, Who};

/// How long a packet is waited for that is not to arrive.
const LOST: &str = "0.4";

/// How long one is waited for that is to arrive. A neighbour that did not answer is asked again
/// after a second.
const FOUND: &str = "5";

/// How often it is sent then.
const TRIES: usize = 4;

/// A lab that is up, in which a fault is tried.
pub struct Place<'t> {
    test: &'t Test,
    who: Who,
    fault: Fault,
    family: Family,
    words: Words,
}

/// Proves a fault in a family, as whoever runs the tests; one that everybody is to be told of, as
/// everybody whom there is here.
#[track_caller]
pub fn proves(module: &str, fault: Fault, family: Family) {
    let of_why = module.split_once("why::").map_or(module, |(_, name)| name);
    let name = format!("{of_why}::{}", family.as_str());
    let test = Test::new(&name);
    let all = if fault.everybody { Who::all() } else { vec![Who::here()] };
    for who in all {
        let Some(place) = Place::new(&test, who, fault, family) else { return };
        for part in fault.parts {
            place.script(part.inject);
        }
        place.is_lost("with the fault");
        place.forgets();
        place.explains();
        place.is_mended();
        test.down(who);
    }
}

/// The packet is answered, but not by whom it was for: that is found, and mended.
#[track_caller]
pub fn is_answered_by_another(name: &str, fault: Fault, family: Family) {
    let test = Test::new(name);
    let Some(place) = Place::new(&test, Who::here(), fault, family) else { return };
    fault.parts.iter().for_each(|part| place.script(part.inject));
    place.arrives("though another takes it");
    place.explains();
    test.down(Who::here());
}

/// Nothing is wrong: the packet arrives, and no fault is found.
#[track_caller]
pub fn is_healthy(name: &str, lab: Lab, ask: Ask, family: Family) {
    let test = Test::new(name);
    let fault = Fault::new(lab, ask, &[]);
    let Some(place) = Place::new(&test, Who::here(), fault, family) else { return };
    place.arrives("with nothing wrong");
    let said = place.why().arg("--json").done().exits(0);
    let said: Value = serde_json::from_str(&said.stdout).expect("--json gives JSON");
    let causes = said["verdict"]["causes"].as_array().map_or(0, Vec::len);
    assert!(said["arrives"] == true && causes == 0, "{said:#}");
    let there = said["journey"]["there"].as_array().map_or(0, Vec::len);
    assert!(there > 0, "no journey: {said:#}");
    test.down(Who::here());
}

impl<'t> Place<'t> {
    fn new(test: &'t Test, who: Who, fault: Fault, family: Family) -> Option<Self> {
        if !test.can_be(who) {
            return None;
        }
        let mut up = test.twinax(who).arg("up").arg(test.file("lab.toml", fault.lab.file()));
        if matches!(fault.lab, Lab::Taps | Lab::Wired) {
            let world = test.tun_for(who)?;
            if world == OWN_TUN {
                up = up.world(world);
            }
        }
        up.done().exits(0);
        let words = Words::of(fault.lab, family);
        let place = Self { test, who, fault, family, words };
        if !fault.needs.is_empty() {
            let tried = place.shell(fault.needs).done();
            if tried.code != 0 {
                test.skip(&format!("the kernel lacks it: {}", tried.stderr.trim()));
                test.down(who);
                return None;
            }
        }
        Some(place)
    }

    fn shell(&self, script: &str) -> Program<'_> {
        let script = format!("{WORDS_OF_SHELL}{}", self.words.fill(script));
        let place = format!("{}/{}", self.fault.lab.name(), self.fault.lab.node());
        self.test.twinax(self.who).args(["exec", &place, "--", "sh", "-ec", &script])
    }

    #[track_caller]
    fn script(&self, script: &str) {
        if let Some(outside) = script.strip_prefix('@') {
            self.test.shell(self.who, outside).done().exits(0);
        } else if !script.is_empty() {
            let done = self.shell(script).done();
            assert_eq!(done.code, 0, "{script}: {}{}", done.stdout, done.stderr);
        }
    }

    /// What the sender has learned of the way's MTU is forgotten: it is asked what it is like for a
    /// packet that is the first.
    #[track_caller]
    fn forgets(&self) {
        if self.fault.ask.dont_fragment {
            let from = self.fault.ask.from;
            self.script(&format!(
                "ip -n {from} -4 route flush cache; ip -n {from} -6 route flush cache"
            ));
        }
    }

    /// The command that sends the packet, and waits so long for the answer.
    fn send(&self, timeout: &str) -> Program<'_> {
        let ask = &self.fault.ask;
        let from = format!("{}/{}", self.fault.lab.name(), ask.from);
        let to = self.words.address(ask.to).to_string();
        let twinax = self.test.twinax(self.who);
        match ask.packet {
            Packet::Tcp(port) => {
                twinax.args(["tcp", &from, &to, &port.to_string(), "-W", timeout, "-l", "0.01"])
            }
            Packet::Udp(port) => {
                let sends = twinax.args(["udp", &from, &to, &port.to_string()]);
                let sends = sends.args(["-c", "1", "-W", timeout]);
                let sends = match ask.size {
                    Some(size) => sends.args(["-s", &size.to_string()]),
                    None => sends,
                };
                match ask.ttl {
                    Some(ttl) => sends.args(["-t", &ttl.to_string()]),
                    None => sends,
                }
            }
            // That of iputils has words for all that can be asked.
            Packet::Echo => {
                let mut words = format!("exec ping -n -c 1 -W {timeout}");
                let mut say = |word: String| {
                    let _ = write!(words, " {word}");
                };
                if let Some(size) = ask.size {
                    say(format!("-s {size}"));
                }
                if let Some(ttl) = ask.ttl {
                    say(format!("-t {ttl}"));
                }
                if ask.dont_fragment {
                    say("-M do".to_owned());
                }
                if let Some(from) = ask.source.or(ask.interface) {
                    say(format!("-I {}", self.words.fill(from)));
                }
                say(to);
                twinax.args(["exec", &from, "--", "sh", "-c", &words])
            }
        }
    }

    #[track_caller]
    fn arrives(&self, when: &str) {
        // A neighbour that is being asked for since before it was mended is given up first.
        let sent = (1..TRIES).map(|_| self.send("1").done()).find(|sent| sent.code == 0);
        let sent = sent.unwrap_or_else(|| self.send(FOUND).done());
        assert_eq!(sent.code, 0, "{when} it does not arrive: {}{}", sent.stdout, sent.stderr);
    }

    #[track_caller]
    fn is_lost(&self, when: &str) {
        let sent = self.send(LOST).done();
        assert_ne!(sent.code, 0, "{when} it arrives: {}{}", sent.stdout, sent.stderr);
    }

    /// `twinax why` of the packet.
    fn why(&self) -> Program<'_> {
        let ask = &self.fault.ask;
        let from = format!("{}/{}", self.fault.lab.name(), ask.from);
        let to = self.words.address(ask.to).to_string();
        let mut words = vec!["why".to_owned(), from, to];
        let mut say = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([key.to_owned(), value]);
            }
        };
        match ask.packet {
            Packet::Echo => {}
            Packet::Tcp(port) | Packet::Udp(port) => {
                let is_tcp = ask.packet == Packet::Tcp(port);
                say("--proto", Some(if is_tcp { "tcp" } else { "udp" }.to_owned()));
                say("--port", Some(port.to_string()));
            }
        }
        say("--size", ask.size.map(|size| size.to_string()));
        say("--ttl", ask.ttl.map(|ttl| ttl.to_string()));
        say("--source", ask.source.map(|source| self.words.fill(source)));
        say("--interface", ask.interface.map(str::to_owned));
        if ask.dont_fragment {
            words.push("--dont-fragment".to_owned());
        } else if ask.size.is_some() {
            words.push("--fragment".to_owned());
        }
        self.test.twinax(self.who).args(words)
    }

    /// What `why` says is what is wrong, the first to meet first; each but the last is mended by
    /// hand then.
    #[track_caller]
    fn explains(&self) {
        for (number, part) in self.fault.parts.iter().enumerate() {
            let next = self.fault.parts.get(number + 1);
            // What is the last thing that is wrong is mended at once.
            let mends = next.is_none() && self.fault.fixed;
            let why = self.why().arg("--json");
            let said = if mends { why.arg("--fix") } else { why }.done();
            assert!(said.code <= 1, "why: {}{}", said.stdout, said.stderr);
            let code = said.code;
            let said: Value = serde_json::from_str(&said.stdout).expect("--json gives JSON");
            assert_eq!(said["arrives"], false, "{said:#}");
            self.names(&said, part, &said["verdict"]);
            let Some(second) = next else {
                let is_fixed = if mends { true.into() } else { Value::Null };
                assert_eq!((code, &said["fixed"]), (i32::from(!mends), &is_fixed), "{said:#}");
                return;
            };
            self.names(&said, second, &said["next"]);
            self.script(part.mend);
            self.is_lost("with the first thing mended");
        }
    }

    /// A verdict names one of the causes that are right.
    #[track_caller]
    fn names(&self, said: &Value, part: &Part, verdict: &Value) {
        let named = verdict["causes"].as_array().cloned().unwrap_or_default();
        let is_right = |cause: &Cause| named.iter().any(|named| self.is(named, cause));
        let said = serde_json::to_string_pretty(said).expect("JSON");
        assert!(
            part.causes.iter().any(is_right) && named.len() <= 2,
            "as {:?}, {:?}\nit is {:?}\nnamed: {named:#?}\nall: {said}",
            self.who,
            self.family,
            part.causes,
        );
    }

    fn is(&self, named: &Value, cause: &Cause) -> bool {
        let agrees = |key: &str, wanted: &str| {
            let wanted = self.words.fill(wanted);
            let named = named[key].as_str().unwrap_or_default();
            wanted.is_empty() || wanted.split('|').any(|wanted| wanted == named)
        };
        agrees("kind", cause.kind)
            && agrees("node", cause.node)
            && agrees("device", cause.device)
            && agrees("knob", cause.knob)
    }

    /// The last thing that is wrong has been mended, by `why` where it can, and the packet arrives.
    #[track_caller]
    fn is_mended(&self) {
        let last = self.fault.parts.last().expect("a fault has a part");
        if self.fault.fixed {
            self.arrives("after the remedy");
        } else if !last.mend.is_empty() {
            self.script(last.mend);
            self.arrives("after it was mended by hand");
        }
    }
}
