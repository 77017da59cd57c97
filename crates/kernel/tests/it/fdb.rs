//! What is entered into a forwarding database is what `bridge fdb` lists, and the other way round.

use std::net::IpAddr;
use std::process::Command;

use twinax_kernel::{Error, FdbEntry, Rtnl};

use crate::nodes::{change, in_new, is_root};

/// Runs a program of iproute2; what it says.
fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a program");
    let done = Command::new(program).args(words).output().expect("iproute2 is there");
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// What `bridge fdb` lists of a device for an address.
fn listed(device: &str, mac: &str) -> Vec<String> {
    let all = run(&format!("bridge fdb show dev {device}"));
    let own = all.lines().filter(|line| line.starts_with(mac));
    own.map(|line| line.trim_end().to_owned()).collect()
}

fn set(device: &str) -> Vec<FdbEntry> {
    let all = Rtnl::open().unwrap().fdb(device).expect("it can be listed");
    all.into_iter().filter(|own| own.mac == MAC && own.is_set()).collect()
}

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const MAC_IN_WORDS: &str = "02:00:00:00:00:09";

fn bridge_with_a_port() {
    run("ip link add br0 type bridge");
    run("ip link add p0 type veth peer name e0");
    run("ip link set dev p0 master br0");
}

#[test]
fn an_address_behind_a_port() {
    if !is_root("an_address_behind_a_port") {
        return;
    }
    in_new(|_| {
        bridge_with_a_port();
        change(|rtnl| rtnl.add_fdb("p0", &FdbEntry::behind_port(MAC)));
        assert_eq!(listed("p0", MAC_IN_WORDS), [format!("{MAC_IN_WORDS} master br0 static")]);
        assert_eq!(set("p0").len(), 1, "{:?}", set("p0"));
        assert_eq!(set("e0"), []);
        change(|rtnl| rtnl.del_fdb("p0", &FdbEntry::behind_port(MAC)));
        assert_eq!(listed("p0", MAC_IN_WORDS), [""; 0]);
        let gone = Rtnl::open().and_then(|mut rtnl| {
            rtnl.del_fdb("p0", &FdbEntry::behind_port(MAC))?;
            rtnl.flush()
        });
        assert!(matches!(gone, Err(Error::Refused { .. })), "{gone:?}");
    });
}

/// Whoever takes one out can put it back as it was, be it static, sticky or the bridge's own.
#[test]
fn what_was_taken_out_comes_back_as_it_was() {
    if !is_root("what_was_taken_out_comes_back_as_it_was") {
        return;
    }
    for kind in ["static", "static sticky", "local"] {
        in_new(|_| {
            bridge_with_a_port();
            run(&format!("bridge fdb replace {MAC_IN_WORDS} dev p0 master {kind}"));
            let (was, before) = (set("p0"), listed("p0", MAC_IN_WORDS));
            assert_eq!(was.iter().map(FdbEntry::is_local).collect::<Vec<_>>(), [kind == "local"]);
            change(|rtnl| rtnl.del_fdb("p0", &FdbEntry::behind_port(MAC)));
            assert_eq!(set("p0"), []);
            change(|rtnl| was.iter().try_for_each(|own| rtnl.add_fdb("p0", own)));
            assert_eq!(listed("p0", MAC_IN_WORDS), before, "{kind}");
            assert_eq!(set("p0"), was);
        });
    }
}

#[test]
fn where_a_vxlan_leads() {
    if !is_root("where_a_vxlan_leads") {
        return;
    }
    in_new(|_| {
        let vxlan = ["link", "add", "vx0", "type", "vxlan", "id", "5", "dstport", "4789"];
        if !Command::new("ip").args(vxlan).status().is_ok_and(|status| status.success()) {
            println!("skipped: where_a_vxlan_leads: this kernel has no VXLAN");
            return;
        }
        let all_zero = "00:00:00:00:00:00";
        let [near, far] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        for to in [near, far] {
            change(|rtnl| rtnl.add_fdb("vx0", &FdbEntry::leads_to([0; 6], to)));
        }
        let line = |to: IpAddr| format!("{all_zero} dst {to} self permanent");
        assert_eq!(listed("vx0", all_zero), [line(near), line(far)]);
        change(|rtnl| rtnl.del_fdb("vx0", &FdbEntry::leads_to([0; 6], near)));
        assert_eq!(listed("vx0", all_zero), [line(far)]);
        let left: Vec<_> = Rtnl::open().unwrap().fdb("vx0").unwrap();
        assert_eq!(left, [FdbEntry::leads_to([0; 6], far)]);
    });
}
