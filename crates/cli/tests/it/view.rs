//! What a command sees of its node: as under `ip netns exec`.

use crate::support::{Test, Who, user};

/// Two nodes on a cable; each has something of its own.
const LAB: &str = r#"
name = "view"

[node.here]
listen = [{ tcp = 8080, say = "here" }]
firewall = { masquerade = "e0" }

[node.there]
listen = [{ tcp = 9090, say = "there" }]
firewall = { policy = { forward = "drop" } }

[node.plain]

[[link]]
a = { at = "here:e0", ip = ["192.0.2.1/24", "2001:db8::1/64"] }
b = { at = "there:far0", ip = "192.0.2.2/24" }
"#;

/// Runs a command in the node `here`, and wants exactly these words, in whatever order and lines.
#[track_caller]
fn sees(test: &Test, who: Who, command: &str, world: &[String], expected: &str) {
    let step = format!(
        "{LAB}[[step]]\nrun = {{ at = \"here\", cmd = '''{command}''' }}\nexpect.stdout = \"\"\n"
    );
    let mut twinax = test.twinax(who).args(["run", "--json"]).arg(test.file("lab.toml", step));
    for line in world {
        twinax = twinax.world(line);
    }
    let output = twinax.done().exits(0);
    let report = output.reports().remove(0);
    // What the command wrote is in its report as Rust has a text.
    let seen = &report.steps[0].checks.last().expect("two expectations").seen;
    let written = seen.strip_prefix("stdout ").unwrap_or_else(|| panic!("{seen}"));
    let written: String =
        serde_json::from_str(written).unwrap_or_else(|e| panic!("{e}: {written}"));
    let sorted = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(&written), sorted(expected), "{command} as {who:?}:\n{written}");
}

/// What a command in the node `here` writes, whoever runs the lab.
#[track_caller]
fn all_see(name: &str, program: &str, command: &str, expected: &str) {
    let test = Test::new(name);
    if !user::is_there(program) {
        return test.skip(&format!("there is no `{program}`"));
    }
    for who in Who::all() {
        sees(&test, who, command, &[], expected);
    }
}

#[test]
fn its_own_devices_under_sys() {
    all_see("its_own_devices_under_sys", "ls", "ls /sys/class/net", "e0 lo");
}

#[test]
fn its_own_network_under_proc() {
    let command = "cut -s -d: -f1 /proc/net/dev";
    all_see("its_own_network_under_proc", "cut", command, "e0 lo");
}

#[test]
fn every_node_in_etc_hosts() {
    let command = "grep -v localhost /etc/hosts";
    let expected = "192.0.2.1 here 2001:db8::1 here 192.0.2.2 there";
    all_see("every_node_in_etc_hosts", "grep", command, expected);
}

#[test]
fn other_nodes_by_name() {
    let command = "getent ahostsv4 there | cut -d ' ' -f 1 | sort -u";
    all_see("other_nodes_by_name", "getent", command, "192.0.2.2");
}

#[test]
fn the_nodes_where_ip_netns_looks_for_them() {
    // With an `id` where one node knows the number of another.
    let command = "ip netns list | cut -d ' ' -f 1";
    all_see("the_nodes_where_ip_netns_looks_for_them", "ip", command, "here there plain");
}

#[test]
fn another_node_by_ip_netns_exec() {
    let command = "ip netns exec there ls /sys/class/net";
    all_see("another_node_by_ip_netns_exec", "ip", command, "far0 lo");
}

#[test]
fn another_node_by_ip_n() {
    let command = "ip -n there -br -4 address show dev far0 | tr -s ' ' | cut -d ' ' -f 3";
    all_see("another_node_by_ip_n", "ip", command, "192.0.2.2/24");
}

#[test]
fn which_node_it_is_in() {
    let command = "ip netns identify $$; ip netns exec plain sh -c 'ip netns identify $$'";
    all_see("which_node_it_is_in", "ip", command, "here plain");
}

#[test]
fn its_own_processes_by_ip_netns_pids() {
    let command =
        "ip netns pids here | grep -qx $$ && echo mine; ip netns pids there | grep -cx $$; true";
    all_see("its_own_processes_by_ip_netns_pids", "ip", command, "mine 0");
}

#[test]
fn namespaces_that_it_makes_itself() {
    let command = "ip netns add own && ip -n own -br link | cut -d ' ' -f 1; ip netns del own";
    all_see("namespaces_that_it_makes_itself", "ip", command, "lo");
}

#[test]
fn its_own_sockets_alone() {
    // The port of a socket for both families is said once.
    let command = "ss -Hltn | awk '{print $4}' | grep -o '[0-9]*$'";
    all_see("its_own_sockets_alone", "ss", command, "8080");
}

#[test]
fn its_own_firewall_alone() {
    let command = "nft list ruleset | grep -o -e masquerade -e drop";
    all_see("its_own_firewall_alone", "nft", command, "masquerade");
}

#[test]
fn its_own_sysctls() {
    let command = "sysctl -n net.ipv4.ip_forward; ip netns exec there sysctl -n net.ipv4.ip_forward; \
         sysctl -qw net.ipv4.ip_forward=1; sysctl -n net.ipv4.ip_forward; \
         ip netns exec there sysctl -n net.ipv4.ip_forward";
    all_see("its_own_sysctls", "sysctl", command, "0 0 1 0");
}

#[test]
fn only_the_processes_of_the_lab() {
    let test = Test::new("only_the_processes_of_the_lab");
    for who in Who::all() {
        // The lab's holder, the process that does the steps, and this shell.
        sees(&test, who, "set -- /proc/[0-9]*; echo $#", &[], "3");
    }
}

#[test]
fn root_it_is_inside() {
    let test = Test::new("root_it_is_inside");
    let command = "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map";
    if test.can_be(Who::Root) {
        let maps = std::fs::read_to_string("/proc/self/uid_map").unwrap()
            + &std::fs::read_to_string("/proc/self/gid_map").unwrap();
        sees(&test, Who::Root, command, &[], &format!("0 0 {maps}"));
    }
    let (uid, gid) = Who::User.ids();
    let single = if user::is_root() { format!("0 0 0 {uid} 1 0 {gid} 1") } else { return };
    sees(&test, Who::User, command, &[], &single);
}

#[test]
fn a_user_with_ranges_has_them_inside() {
    let test = Test::new("a_user_with_ranges_has_them_inside");
    if !test.can_be(Who::UserWithRanges) {
        return;
    }
    let (uid, gid) = Who::UserWithRanges.ids();
    let maps = format!("0 0 0 {uid} 1 1 700000000 65536 0 {gid} 1 1 700000000 65536");
    let command = "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map";
    sees(&test, Who::UserWithRanges, command, &[], &maps);
    // With them there is somebody else to be.
    let command = "setpriv --reuid 33 --regid 33 --clear-groups id -u";
    sees(&test, Who::UserWithRanges, command, &[], "33");
}

#[test]
fn what_etc_netns_has_for_its_node() {
    let test = Test::new("what_etc_netns_has_for_its_node");
    if !test.can_have_a_world() {
        return;
    }
    let world: Vec<String> = [
        user::OWN_ETC,
        "mkdir -p /etc/netns/here/folder /etc/netns/there /etc/folder",
        "echo machine > /etc/netns-test; echo machine > /etc/folder/file",
        "echo here > /etc/netns/here/netns-test; echo here > /etc/netns/here/folder/file",
        "echo there > /etc/netns/there/netns-test",
        // Has no counterpart on the machine: `ip netns exec` leaves it out, too.
        "echo lost > /etc/netns/here/lost",
    ]
    .map(str::to_owned)
    .to_vec();
    let command = "cat /etc/netns-test /etc/folder/file; ls /etc/lost 2>/dev/null; \
         ip netns exec there cat /etc/netns-test";
    for who in Who::all() {
        sees(&test, who, command, &world, "here here there");
    }
}

#[test]
fn its_run_is_its_own() {
    let test = Test::new("its_run_is_its_own");
    for who in Who::all() {
        sees(&test, who, "touch /run/mine && ls -d /run/mine", &[], "/run/mine");
        assert!(!std::path::Path::new("/run/mine").exists());
    }
}
