//! The tables of the old iptables, which are none of nftables (`CONFIG_IP_NF_IPTABLES_LEGACY`).

/// What lists them, and the program that shows what is in them.
const LISTS: [(&str, &str); 3] = [
    ("ip_tables_names", "iptables-legacy"),
    ("ip6_tables_names", "ip6tables-legacy"),
    ("arp_tables_names", "arptables-legacy"),
];

/// The commands that show the tables which somebody has used in the namespace of the calling thread:
/// `iptables-legacy -t filter -S`. None on a kernel without them.
pub fn legacy_tables() -> Vec<String> {
    let tables = LISTS.into_iter().flat_map(|(list, program)| {
        let names = std::fs::read_to_string(format!("/proc/thread-self/net/{list}"));
        let names: Vec<String> = names.unwrap_or_default().lines().map(str::to_owned).collect();
        names.into_iter().map(move |table| format!("{program} -t {table} -S"))
    });
    tables.collect()
}
