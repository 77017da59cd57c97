//! Refusals of the real kernel, and what is made of them. As root, in namespaces of their own.

use std::error::Error as _;

use rustix::io::Errno;
use twinax_topology::{Chain, Filter, Firewall, Verdict};

use super::error::{Error, Item};
use super::message::{Attributes, Message};
use super::uapi::{family, message, rule};
use super::words::{self, Part};
use super::{send, tables};
use crate::{Netns, Refusal};

/// Three filters, the second of which the kernel is to meet changed.
fn parts(change: impl FnOnce(&mut Part)) -> Vec<Part> {
    let filters = vec![Filter::new(Chain::Forward, Verdict::Drop); 3];
    let firewall = Firewall { filters, ..Firewall::default() };
    let mut parts = words::parts(&firewall).expect("a valid firewall");
    let second = |part: &&mut Part| matches!(part.item, Item::Filter { index: 1, .. });
    change(parts.iter_mut().find(second).expect("there is a second filter"));
    parts
}

fn new_rule(chain: &str, expression: Option<&str>) -> Message {
    let list = expression.map(|name| {
        let expression = Attributes::default()
            .text(rule::EXPRESSION_NAME, name)
            .list(rule::EXPRESSION_DATA, &Attributes::default());
        Attributes::default().list(rule::ELEMENT, &expression)
    });
    let attributes = Attributes::default()
        .text(rule::TABLE, "twinax")
        .text(rule::CHAIN, chain)
        .list(rule::EXPRESSIONS, &list.unwrap_or_default());
    Message::new(message::NEW_RULE, family::INET, attributes)
}

/// What the kernel makes of the parts in a namespace of its own; `None` where this test can't run.
fn refused(name: &str, parts: Vec<Part>) -> Option<Error> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: {name}: needs root");
        return None;
    }
    let thread = std::thread::spawn(move || {
        Netns::create().expect("root may make a namespace");
        let error = send(&parts).expect_err("one part is wrong");
        assert_eq!(tables().expect("they can be listed"), [""; 0], "all or nothing");
        error
    });
    Some(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

#[test]
fn an_expression_that_the_kernel_lacks_is_named_with_its_filter() {
    let parts = parts(|part| part.message = new_rule("forward", Some("twinax")));
    let name = "an_expression_that_the_kernel_lacks_is_named_with_its_filter";
    let Some(error) = refused(name, parts) else { return };
    assert_eq!(error.to_string(), "this kernel's nftables lacks what filter 2 (`drop`) needs");
    assert_eq!(error.errno(), Some(Errno::NOENT));
}

#[test]
fn an_expression_without_what_it_needs_is_no_lack() {
    // `nft_meta_get_init`, net/netfilter/nft_meta.c: what to load isn't said.
    let parts = parts(|part| part.message = new_rule("forward", Some("meta")));
    let Some(error) = refused("an_expression_without_what_it_needs_is_no_lack", parts) else {
        return;
    };
    assert_eq!(error.to_string(), "the kernel refuses filter 2 (`drop`)");
    assert_eq!(error.errno(), Some(Errno::INVAL));
    let source = error.source().expect("the kernel's reason").to_string();
    assert!(!source.is_empty() && !error.to_string().contains(&source), "{source}");
}

#[test]
fn of_several_refusals_the_first_counts() {
    let mut parts = parts(|part| part.message = new_rule("forward", Some("meta")));
    let last = parts.last_mut().expect("there are filters");
    last.message = new_rule("forward", Some("twinax"));
    let Some(error) = refused("of_several_refusals_the_first_counts", parts) else { return };
    assert!(
        matches!(&error, Error::Refused { item: Item::Filter { index: 1, .. }, .. }),
        "{error:?}"
    );
}

#[test]
fn a_kernel_without_nftables_is_told_from_one_that_lacks_a_part() {
    let parts = parts(|_| ());
    let error = |mark, errno| {
        let refusal = Refusal { errno, message: None };
        Error::of_batch(crate::Error::Refused { request: "", mark, refusal }, &parts)
    };
    // `nfnetlink_rcv_batch` without the subsystem answers to the first message, mark 0;
    // `nf_tables_newtable` without CONFIG_NF_TABLES_INET to the second.
    assert!(matches!(error(0, Errno::OPNOTSUPP), Error::NoNftables(_)));
    assert!(matches!(error(1, Errno::OPNOTSUPP), Error::NoNftables(_)));
    // The chain comes after three messages for the table.
    let chain = error(4, Errno::NOENT);
    assert!(matches!(chain, Error::Lacks { item: Item::Chain("forward"), .. }), "{chain:?}");
    // A batch as a whole that is refused for another reason.
    assert!(matches!(error(0, Errno::PERM), Error::Netlink(_)));

    let call = |errno| crate::Error::Call { call: "", errno };
    assert!(matches!(Error::of_socket(call(Errno::PROTONOSUPPORT)), Error::NoNftables(_)));
    assert!(matches!(Error::of_socket(call(Errno::MFILE)), Error::Netlink(_)));
    let long = Error::of_batch(call(Errno::MSGSIZE), &parts);
    assert!(matches!(long, Error::TooLong { rules: 3 }), "{long:?}");
}
