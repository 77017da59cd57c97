//! libpcap, which knows all of tcpdump's expressions (`pcap-filter(7)`), where the machine has it.

use std::ffi::CString;

use twinax_packet::LinkType;
use twinax_packet::filter::{Instruction, Invalid, Program};

use crate::sys;

/// Why libpcap has compiled nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not on this machine.
    #[error("libpcap is not on this machine")]
    Missing,
    /// It refused the expression, in its own words.
    #[error("{0}")]
    Refused(String),
    /// What it has compiled is no program that the kernel takes.
    #[error("what libpcap makes of it is no program for the kernel")]
    Invalid(#[source] Invalid),
}

/// What libpcap calls itself, such as `libpcap version 1.10.3 (with TPACKET_V3)`; `None`: it is not on
/// this machine.
pub fn version() -> Option<String> {
    sys::libpcap_version()
}

/// Compiles an expression for frames that begin like this. The verdict on a frame that is wanted is all
/// of it. What can't hold of such frames (`arp` where there is no Ethernet header) compiles all the same.
///
/// Names of hosts in it are looked up by the calling process, as any program does (`/etc/hosts`, DNS),
/// which may take its time.
pub fn compile(expression: &str, link_type: LinkType) -> Result<Program, Error> {
    let terminated = CString::new(expression)
        .map_err(|_| Error::Refused("there is a NUL in the expression".to_owned()))?;
    let compiled = sys::libpcap_compile(&terminated, dlt(link_type)).ok_or(Error::Missing)?;
    let instructions = compiled.map_err(Error::Refused)?;
    let instructions =
        instructions.into_iter().map(|(code, jt, jf, k)| Instruction { code, jt, jf, k });
    Program::new(instructions.collect()).map_err(Error::Invalid)
}

/// Its number in libpcap (`pcap/dlt.h`), which for some is another than in files.
fn dlt(link_type: LinkType) -> u16 {
    match link_type {
        LinkType::Raw => 12,
        other => other.number(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `tcpdump -d 'ip proto 6'` of the manual page's time: the one program that everybody knows.
    #[test]
    fn a_small_expression() {
        let program = match compile("ip", LinkType::Ethernet) {
            Err(Error::Missing) => return println!("skipped: a_small_expression: needs libpcap"),
            program => program.unwrap(),
        };
        let plain = |code, k| Instruction { code, jt: 0, jf: 0, k };
        let expected = [
            plain(0x28, 12),
            Instruction { code: 0x15, jt: 0, jf: 1, k: 0x800 },
            plain(0x06, i32::MAX as u32),
            plain(0x06, 0),
        ];
        assert_eq!(program.instructions(), expected);
        assert!(version().is_some_and(|version| version.starts_with("libpcap version ")));
    }

    #[test]
    fn what_libpcap_refuses_is_told_in_its_words() {
        if version().is_none() {
            return println!("skipped: what_libpcap_refuses_is_told_in_its_words: needs libpcap");
        }
        let refusal = |expression, link_type| compile(expression, link_type).unwrap_err();
        let words = refusal("tcp port", LinkType::Ethernet).to_string();
        assert!(words.contains("syntax error"), "{words}");
        let ether = refusal("ether host 02:00:00:00:00:01", LinkType::Raw);
        assert!(ether.to_string().contains("ethernet"), "{ether}");
        assert!(refusal("a\0b", LinkType::Raw).to_string().contains("NUL"));
    }

    #[test]
    fn several_at_once() {
        if version().is_none() {
            return println!("skipped: several_at_once: needs libpcap");
        }
        std::thread::scope(|scope| {
            for port in 1..20 {
                scope.spawn(move || {
                    let expression = format!("port {port} or (host 10.0.0.{port} and udp)");
                    for _ in 0..20 {
                        let program = compile(&expression, LinkType::Raw).unwrap();
                        assert!(program.instructions().iter().any(|one| one.k == port));
                    }
                });
            }
        });
    }
}
