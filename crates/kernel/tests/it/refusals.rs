//! What the kernel refuses, it refuses in its own words.

use std::error::Error as _;

use twinax_kernel::{Error, Rtnl};
use twinax_topology::Route;

use crate::nodes::{in_new, is_root};

fn route(to: &str, via: &str) -> Route {
    Route::via(to.parse().unwrap(), via.parse().unwrap())
}

#[test]
fn a_gateway_on_no_link() {
    if !is_root("a_gateway_on_no_link") {
        return;
    }
    in_new(|_| {
        let mut rtnl = Rtnl::open().unwrap();
        rtnl.mark(7);
        rtnl.add_route(&route("10.9.0.0/16", "10.1.0.1")).unwrap();
        let error = rtnl.flush().expect_err("there is no way to that gateway");
        assert_eq!(error.to_string(), "adding a route");
        // `fib_check_nh_v4_gw`, net/ipv4/fib_semantics.c.
        let reason = error.source().expect("the kernel's reason").to_string();
        assert!(reason.contains("Nexthop has invalid gateway"), "{reason}");
        assert!(matches!(error, Error::Refused { mark: 7, .. }), "{error:?}");
    });
}

#[test]
fn of_many_the_first_that_failed_and_the_rest_is_done() {
    if !is_root("of_many_the_first_that_failed_and_the_rest_is_done") {
        return;
    }
    in_new(|_| {
        let blackhole =
            |to: &str| Route::of_kind(twinax_topology::RouteKind::Blackhole, to.parse().unwrap());
        let mut rtnl = Rtnl::open().unwrap();
        let queue = [
            blackhole("10.1.0.0/16"),
            route("10.2.0.0/16", "10.1.0.1"),
            route("10.3.0.0/16", "10.1.0.1"),
            blackhole("10.4.0.0/16"),
        ];
        for (mark, route) in queue.iter().enumerate() {
            rtnl.mark(mark);
            rtnl.add_route(route).unwrap();
        }
        let error = rtnl.flush().expect_err("two of four are refused");
        assert!(matches!(error, Error::Refused { mark: 1, .. }), "{error:?}");
        let node = twinax_kernel::observe::node(&[]).unwrap();
        let to: Vec<_> = node.routes.iter().map(|route| route.to.to_string()).collect();
        assert_eq!(to, ["10.1.0.0/16", "10.4.0.0/16"]);
    });
}

#[test]
fn a_device_that_is_not_there() {
    if !is_root("a_device_that_is_not_there") {
        return;
    }
    in_new(|_| {
        let mut rtnl = Rtnl::open().unwrap();
        let error = rtnl.set_up("nobody", true).expect_err("there is no such device");
        assert_eq!(error.to_string(), "there is no device `nobody`");
    });
}
