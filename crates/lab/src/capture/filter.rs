//! Which frames are wanted, in the words of tcpdump (`pcap-filter(7)`).
//!
//! libpcap knows all of them. Where the machine does not have it, twinax knows a few by itself, with the
//! same meaning. What neither can read is an error: a filter that can't be had never becomes one that
//! lets everything through.

use twinax_kernel::libpcap;
use twinax_packet::LinkType;
use twinax_packet::filter::{self, Filter, Invalid, ParseError, Program, TagLost, TooLong};

use crate::programs;

/// Who has compiled a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// libpcap.
    Libpcap,
    /// twinax, by itself: libpcap is not there.
    OwnWords,
}

/// Why there is no such filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// libpcap refuses it.
    #[error("the filter `{expression}` can't be had")]
    Refused {
        /// The expression.
        expression: String,
        /// libpcap's own words.
        #[source]
        source: libpcap::Error,
    },
    /// libpcap is not there, and it is not in the words that twinax knows by itself.
    #[error("the filter `{expression}` can't be read")]
    Words {
        /// The expression.
        expression: String,
        /// What is wrong, and where.
        #[source]
        source: ParseError,
    },
    /// It is too long for the kernel.
    #[error("the filter is too long")]
    TooLong(#[from] TooLong),
    /// It looks at a VLAN's tag in a way that can't be had.
    #[error("the filter can't be had")]
    TagLost(#[from] TagLost),
}

/// Compiles an expression; and who has done it.
///
/// Names of hosts are looked up where the calling process is: in a lab's mount namespace, its nodes are
/// known.
pub fn compile(expression: &str) -> Result<(Filter, Compiler), FilterError> {
    if libpcap::version().is_some() {
        Ok((by_libpcap(expression)?, Compiler::Libpcap))
    } else {
        Ok((by_own_words(expression)?, Compiler::OwnWords))
    }
}

/// The two kinds of frames that there are programs for.
const BEGINNINGS: [LinkType; 2] = [LinkType::Ethernet, LinkType::Raw];

fn by_libpcap(expression: &str) -> Result<Filter, FilterError> {
    // What is refused for frames without an Ethernet header (`ether host …`) holds for none of them.
    match BEGINNINGS.map(|beginning| libpcap::compile(expression, beginning)) {
        [Err(libpcap::Error::Invalid(Invalid::Length(_))), _] => Err(TooLong.into()),
        [Err(source), Err(_)] => {
            Err(FilterError::Refused { expression: expression.to_owned(), source })
        }
        [ethernet, raw] => {
            let or_none = |program: Result<Program, _>| program.unwrap_or(Program::always(0));
            let (ethernet, raw) = (or_none(ethernet), or_none(raw));
            match asks_for_vlans(expression) {
                true => Ok(Filter::of_tags(ethernet, raw)?),
                false => Ok(Filter::new(ethernet, raw)),
            }
        }
    }
}

/// Whether `vlan` is one of an expression's words. Without it, nothing is said of VLANs, and their frames
/// are looked at as if they were in none.
fn asks_for_vlans(expression: &str) -> bool {
    let is_sign = |c: char| !(c.is_alphanumeric() || "_-.:".contains(c));
    expression.split(is_sign).any(|word| word == "vlan")
}

/// Compiles an expression of the words that twinax knows by itself, whether libpcap is there or not.
pub fn by_own_words(expression: &str) -> Result<Filter, FilterError> {
    let parsed = filter::parse(expression)
        .map_err(|source| FilterError::Words { expression: expression.to_owned(), source })?;
    let [ethernet, raw] = BEGINNINGS.map(|beginning| filter::compile(&parsed, beginning));
    Ok(Filter::new(ethernet?, raw?))
}

impl FilterError {
    /// What to do about it, where that is known.
    pub(crate) fn remedy(&self) -> Option<String> {
        match self {
            Self::Words { source, .. } if source.problem.may_be_libpcaps() => {
                let install = programs::how_to_install("libpcap");
                Some(format!("libpcap knows all of tcpdump's words: {install}"))
            }
            Self::Refused { .. } => {
                Some("`man pcap-filter` has all words that there are".to_owned())
            }
            Self::TooLong(_) => Some(
                "a `net` in the place of many hosts, or fewer words, make it shorter".to_owned(),
            ),
            Self::TagLost(_) => Some("compare a tag's two halves one by one".to_owned()),
            Self::Words { .. } => None,
        }
    }

    /// Whether this machine lacks something, and the expression may not be to blame.
    pub fn is_lack(&self) -> bool {
        matches!(self, Self::Words { source, .. } if source.problem.may_be_libpcaps())
    }
}

#[cfg(test)]
mod tests {
    use twinax_packet::{Direction, Frame, Time};

    use super::*;
    use crate::hint;

    /// A UDP datagram from 10.0.0.1:1 to 10.0.0.2:53, in Ethernet.
    fn frame() -> Vec<u8> {
        let ethernet = [&[2; 12][..], &[8, 0]].concat();
        let ip = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        [&ethernet[..], &ip, &[0, 1, 0, 53, 0, 8, 0, 0]].concat()
    }

    fn wants(filter: &Filter, link_type: LinkType, bytes: &[u8]) -> bool {
        let length = bytes.len() as u32;
        let (time, direction) = (Time(0), Direction::In);
        filter.wants(link_type, &Frame { time, interface: 0, direction, length, bytes })
    }

    #[test]
    fn own_words_for_both_kinds_of_frames() {
        let frame = frame();
        for (expression, is_wanted) in
            [("udp port 53", true), ("src 10.0.0.1", true), ("tcp or arp", false), ("", true)]
        {
            let filter = by_own_words(expression).unwrap();
            assert_eq!(wants(&filter, LinkType::Ethernet, &frame), is_wanted, "{expression}");
            assert_eq!(wants(&filter, LinkType::Raw, &frame[14..]), is_wanted, "{expression}");
        }
    }

    #[test]
    fn what_only_libpcap_knows_says_how_to_get_it() {
        for expression in ["ether host 02:00:00:00:00:01", "host left", "port http"] {
            let error = by_own_words(expression).unwrap_err();
            let hint = hint::of(&error).unwrap();
            assert!(hint.lacking && hint.text.contains("libpcap"), "{expression}: {hint:?}");
        }
        let wrong = by_own_words("tcp and").unwrap_err();
        assert_eq!(hint::of(&wrong), None);
        assert_eq!(wrong.to_string(), "the filter `tcp and` can't be read");
    }

    #[test]
    fn libpcaps_words_are_told() {
        if libpcap::version().is_none() {
            return println!("skipped: libpcaps_words_are_told: needs libpcap");
        }
        let error = compile("tcp port").unwrap_err();
        assert!(matches!(&error, FilterError::Refused { .. }), "{error:?}");
        assert!(!hint::of(&error).unwrap().lacking);
    }

    /// The word, not its letters in another.
    #[test]
    fn vlans_are_asked_for_by_name() {
        for expression in ["vlan", "vlan 5", "tcp and(vlan)", "not vlan&&ip", "!vlan"] {
            assert!(asks_for_vlans(expression), "{expression}");
        }
        for expression in ["", "ip", "host vlan-5", "host vlan.example", "host my_vlan"] {
            assert!(!asks_for_vlans(expression), "{expression}");
        }
    }

    #[test]
    fn frames_of_a_vlan() {
        if libpcap::version().is_none() {
            return println!("skipped: frames_of_a_vlan: needs libpcap");
        }
        let frame = frame();
        let tagged = [&frame[..12], &[0x81, 0, 0, 5], &frame[12..]].concat();
        for (expression, of_tagged, of_untagged) in [
            ("udp", true, true),
            ("vlan", true, false),
            ("vlan 5 and udp", true, false),
            ("vlan 6", false, false),
            ("not vlan", false, true),
        ] {
            let (filter, _) = compile(expression).unwrap();
            assert_eq!(wants(&filter, LinkType::Ethernet, &tagged), of_tagged, "{expression}");
            assert_eq!(wants(&filter, LinkType::Ethernet, &frame), of_untagged, "{expression}");
        }
        let error = compile("vlan and ether[12:4] = 0x81000005").unwrap_err();
        assert!(matches!(error, FilterError::TagLost(_)), "{error:?}");
    }

    /// As docs/capture.md says.
    #[test]
    fn ninety_hosts_are_not_too_many() {
        let hosts: Vec<String> = (1..=90).map(|host| format!("10.0.0.{host}")).collect();
        let expression = format!("host ({})", hosts.join(" or "));
        assert!(by_own_words(&expression).unwrap().program(None).is_ok());
        if libpcap::version().is_none() {
            return println!("skipped: ninety_hosts_are_not_too_many: needs libpcap");
        }
        assert!(by_libpcap(&expression).unwrap().program(None).is_ok());
        let error = by_libpcap(&vec!["host 10.0.0.1"; 200].join(" or ")).unwrap_err();
        let hint = hint::of(&error).unwrap();
        assert!(hint.text.contains("`net`") && !hint.lacking, "{error:?}");
    }

    #[test]
    fn what_holds_of_ethernet_alone() {
        if libpcap::version().is_none() {
            return println!("skipped: what_holds_of_ethernet_alone: needs libpcap");
        }
        let (filter, compiler) = compile("ether src 02:02:02:02:02:02").unwrap();
        assert_eq!(compiler, Compiler::Libpcap);
        assert!(wants(&filter, LinkType::Ethernet, &frame()));
        assert!(!wants(&filter, LinkType::Raw, &frame()));
    }
}
