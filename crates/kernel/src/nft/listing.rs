//! What `nft -a list ruleset` writes, taken apart into the texts of rules.

use std::collections::HashMap;

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its text. What is written within it is left out: `jump { … }`.
    pub text: String,
    /// The rules of the chain that is written within it.
    pub inner: Vec<Said>,
}

/// By the family, the name of the table and the handle.
pub type Rules = HashMap<(String, String, u64), Said>;

/// The rules in a listing.
pub fn rules(listing: &str) -> Rules {
    let mut rules = Rules::new();
    let mut table = None;
    let mut in_chain = false;
    // Rules that are not closed yet, each within the one before it.
    let mut open: Vec<Said> = Vec::new();
    for line in listing.lines().map(str::trim) {
        let (text, handle) = with_handle(line);
        // One with an owner is followed by his name: `table inet t { # progname nft`.
        if let Some((name, _)) = text.strip_prefix("table ").and_then(|rest| rest.split_once(" {"))
        {
            table = name.split_once(' ').map(|(family, name)| (family.to_owned(), name.to_owned()));
            in_chain = false;
            continue;
        }
        if !in_chain {
            in_chain = text.starts_with("chain ") && text.ends_with(" {");
            continue;
        }
        let said = if text == "}" {
            let Some(closed) = open.pop() else {
                in_chain = false;
                continue;
            };
            closed
        } else if let Some(text) = text.strip_suffix('{').filter(|_| handle.is_none()) {
            open.push(Said { text: format!("{text}{{ … }}"), inner: Vec::new() });
            continue;
        } else {
            Said { text: text.to_owned(), inner: Vec::new() }
        };
        match (open.last_mut(), handle, &table) {
            (Some(outer), ..) => outer.inner.push(said),
            (None, Some(handle), Some((family, table))) => {
                rules.insert((family.clone(), table.clone(), handle), said);
            }
            // `type filter hook input priority filter; policy accept;`
            _ => {}
        }
    }
    rules
}

/// A line without ` # handle 7` at its end, and that number.
fn with_handle(line: &str) -> (&str, Option<u64>) {
    match line.rsplit_once(" # handle ") {
        Some((text, handle)) => match handle.parse() {
            Ok(handle) => (text, Some(handle)),
            Err(_) => (line, None),
        },
        None => (line, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What nftables 1.0.6 (Debian 12) writes.
    const LISTING: &str = "\
table inet filter { # handle 1
	set nets { # handle 2
		type ipv4_addr
		flags interval
		elements = { 10.1.0.0/16,
			     10.2.0.0/16 }
	}

	chain input { # handle 1
		type filter hook input priority filter; policy accept;
		iifname \"eth0\" counter accept comment \"first # handle x\" # handle 3
		tcp dport 443 jump {
			ip saddr 10.5.0.1 accept
			ip saddr 10.5.0.2 drop comment \"x\"
		} # handle 9
		tcp dport vmap { 22 : accept, 23 : drop } # handle 11
	}
}
table ip nat { # progname nft # handle 2
	flags owner

	chain post { # handle 1
		masquerade # handle 3
	}
}
";

    #[test]
    fn rules_are_found_by_table_and_handle() {
        let rules = rules(LISTING);
        let of = |family: &str, table: &str, handle| {
            rules.get(&(family.to_owned(), table.to_owned(), handle)).expect("it is there")
        };
        assert_eq!(rules.len(), 4);
        assert_eq!(
            of("inet", "filter", 3).text,
            "iifname \"eth0\" counter accept comment \"first # handle x\""
        );
        let jump = of("inet", "filter", 9);
        assert_eq!(jump.text, "tcp dport 443 jump { … }");
        let inner: Vec<&str> = jump.inner.iter().map(|said| said.text.as_str()).collect();
        assert_eq!(inner, ["ip saddr 10.5.0.1 accept", "ip saddr 10.5.0.2 drop comment \"x\""]);
        assert_eq!(of("inet", "filter", 11).text, "tcp dport vmap { 22 : accept, 23 : drop }");
        assert_eq!(of("ip", "nat", 3).text, "masquerade");
    }

    #[test]
    fn what_is_no_listing_has_no_rules() {
        for text in ["", "}", "}\n}\n}", "chain c {\n}", "table\ntable {\nchain x {\nx # handle 1"]
        {
            assert_eq!(rules(text), Rules::new(), "{text}");
        }
    }
}
