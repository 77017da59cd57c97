//! While one looks for a fault, the lab is what it was: others lose nothing, and nothing stays behind.

use crate::support::{Test, Who};

/// `h2` takes no echo requests; `h3` and `h4` speak to each other meanwhile.
const LAB: &str = r#"
name = "busy"
[node.h1]
[node.h2]
sysctl = { "net.ipv4.icmp_echo_ignore_all" = 1 }
[node.h3]
[node.h4]
[node.sw]
kind = "bridge"
[[link]]
a = { at = "h1:e0", ip = "10.0.0.1/24" }
b = "sw:p1"
[[link]]
a = { at = "h2:e0", ip = "10.0.0.2/24" }
b = "sw:p2"
[[link]]
a = { at = "h3:e0", ip = "10.0.0.3/24" }
b = "sw:p3"
[[link]]
a = { at = "h4:e0", ip = "10.0.0.4/24" }
b = "sw:p4"
"#;

/// So many echo requests, one every 10 ms: it takes longer than the answer.
const COUNT: u32 = 600;

/// All that is there in a node, but for what comes by itself a while after `up`: link-local addresses.
const ALL: &str = "ip -4 -d addr show; ip -4 route show table all; ip rule; ip -6 rule; nft list ruleset; \
                   bridge -d link show; sysctl -a -r '^net[.]ipv4' 2>/dev/null | sort";

fn everything(test: &Test, who: Who) -> Vec<String> {
    let of = |node| test.exec(who, &format!("busy/{node}"), ALL).done().exits(0).stdout;
    ["h1", "h2", "h3", "h4", "sw"].map(of).to_vec()
}

/// How many echo requests a node has taken, and answered (`Icmp:` of `/proc/net/snmp`).
fn echoes(test: &Test, who: Who, node: &str) -> (u32, u32) {
    let table =
        test.exec(who, &format!("busy/{node}"), "cat /proc/net/snmp").done().exits(0).stdout;
    let mut lines = table.lines().filter(|line| line.starts_with("Icmp:"));
    let names = lines.next().expect("names").split(' ');
    let values: Vec<&str> = lines.next().expect("values").split(' ').collect();
    let of = |wanted: &str| {
        let place = names.clone().position(|name| name == wanted).expect("a counter");
        values[place].parse().expect("a number")
    };
    (of("InEchos"), of("OutEchoReps"))
}

#[test]
fn others_lose_nothing_and_nothing_stays() {
    let test = Test::new("undisturbed::others_lose_nothing_and_nothing_stays");
    for who in Who::all() {
        test.up(who, LAB);
        let before = everything(&test, who);
        let ping = format!("ping -n -q -i 0.01 -c {COUNT} 10.0.0.4");
        let meanwhile = test.exec(who, "busy/h3", &ping).start();
        let said = test.twinax(who).args(["why", "busy/h1", "10.0.0.2"]).done().exits(1);
        let said = said.says("net.ipv4.icmp_echo_ignore_all is 1");
        meanwhile.end().exits(0).says(&format!("{COUNT} received, 0% packet loss"));
        assert_eq!(echoes(&test, who, "h4"), (COUNT, COUNT), "{}", said.stdout);
        assert_eq!(echoes(&test, who, "h3"), (0, 0));
        // The probe, and nothing else.
        assert_eq!(echoes(&test, who, "h2"), (1, 0), "{}", said.stdout);
        let after = everything(&test, who);
        for (before, after) in before.iter().zip(&after) {
            let differs = before.lines().zip(after.lines()).find(|(before, after)| before != after);
            assert_eq!(
                differs,
                None,
                "of {} lines and {}",
                before.lines().count(),
                after.lines().count()
            );
            assert_eq!(before.lines().count(), after.lines().count());
        }
        test.down(who);
    }
}
