//! What the IP stack has counted (`/proc/net/snmp`, `snmp6` and `netstat`; RFC 4293, RFC 4022,
//! RFC 4113).

use std::collections::BTreeMap;

use crate::error::{Error, errno};

/// The counters of a namespace, under the names that `nstat` has for them: `IpOutNoRoutes`,
/// `IcmpInEchos`, `IpExtInNoRoutes`, `UdpNoPorts`, `Ip6InNoRoutes`…
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters(pub BTreeMap<String, u64>);

/// The counters of the namespace of the calling thread. A kernel without IPv6 has none of that.
///
/// # Errors
///
/// A file that can't be read.
pub fn counters() -> Result<Counters, Error> {
    let mut all = BTreeMap::new();
    for file in ["snmp", "netstat", "snmp6"] {
        let path = format!("/proc/thread-self/net/{file}");
        match std::fs::read_to_string(&path) {
            Ok(text) if file == "snmp6" => all.extend(by_line(&text)),
            Ok(text) => all.extend(by_pairs(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file == "snmp6" => {}
            Err(error) => {
                let errno = errno(&error);
                return Err(Error::File { call: "reading", path: path.into(), errno });
            }
        }
    }
    Ok(Counters(all))
}

impl Counters {
    /// A counter by its name; 0 where the kernel has none of this name, or has not counted yet: it
    /// leaves out some that are zero.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// What has grown since these were read, and by how much.
    pub fn since(&self, earlier: &Self) -> BTreeMap<String, u64> {
        let grown = self.0.iter().filter_map(|(name, now)| {
            let by = now.checked_sub(earlier.get(name)).filter(|&by| by > 0)?;
            Some((name.clone(), by))
        });
        grown.collect()
    }
}

/// Pairs of lines, the first of which has the names: `Ip: Forwarding DefaultTTL`, `Ip: 1 64`. What
/// is no count (`TcpMaxConn` is -1) is left out.
fn by_pairs(text: &str) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (Some((group, names)), Some((_, values))) =
            (names.split_once(':'), values.split_once(':'))
        else {
            continue;
        };
        let pairs = names.split_ascii_whitespace().zip(values.split_ascii_whitespace());
        all.extend(
            pairs.filter_map(|(name, value)| Some((format!("{group}{name}"), value.parse().ok()?))),
        );
    }
    all
}

/// A name and its count in each line.
fn by_line(text: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_above_their_counts() {
        let text = "Tcp: MaxConn InSegs\nTcp: -1 18446744073709551615\n\
                    IcmpMsg: InType8 OutType0\nIcmpMsg: 2 1\n";
        let expected = [("IcmpMsgInType8", 2), ("IcmpMsgOutType0", 1), ("TcpInSegs", u64::MAX)];
        let all: Vec<(String, u64)> = by_pairs(text).into_iter().collect();
        assert_eq!(all, expected.map(|(name, count)| (name.to_owned(), count)));
        assert!(by_pairs("Ip: Forwarding\n").is_empty());
        assert!(by_pairs("nothing\nof the kind\n").is_empty());
    }

    #[test]
    fn only_what_has_grown_is_a_difference() {
        let counters = |text: &str| Counters(by_line(text));
        let earlier = counters("Ip6InReceives   \t3\nIp6OutRequests\t4\nTcpCurrEstab 2\n");
        let later =
            counters("Ip6InReceives 5\nIp6OutRequests 4\nTcpCurrEstab 1\nIp6InNoRoutes 1\n");
        let grown: Vec<(String, u64)> = later.since(&earlier).into_iter().collect();
        assert_eq!(grown, [("Ip6InNoRoutes".to_owned(), 1), ("Ip6InReceives".to_owned(), 2)]);
        assert_eq!((later.get("Ip6InReceives"), later.get("Ip6InHdrErrors")), (5, 0));
    }
}
