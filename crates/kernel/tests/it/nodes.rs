//! Namespaces for a test.

use std::thread;
use std::time::{Duration, Instant};

use twinax_kernel::{Netns, Rtnl};

/// Whether this test can run; where not, it says so by name.
pub fn is_root(name: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: {name}: needs root");
    }
    root
}

/// Runs on a thread that does nothing else, in a namespace of its own.
pub fn in_new<T: Send>(run: impl FnOnce(&Netns) -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| run(&Netns::create().expect("root may make a namespace")));
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A new namespace, in which nobody is.
pub fn other() -> Netns {
    in_new(|_| Netns::current().expect("a thread has a namespace"))
}

/// Changes the namespace of the calling thread.
pub fn change(changes: impl FnOnce(&mut Rtnl) -> Result<(), twinax_kernel::Error>) {
    let mut rtnl = Rtnl::open().expect("a netlink socket");
    changes(&mut rtnl).expect("the changes are in order");
    rtnl.flush().expect("the kernel makes the changes");
}

/// Waits until the kernel has noticed which carriers have come or gone.
pub fn settle() {
    let mut rtnl = Rtnl::open().expect("a netlink socket");
    let start = Instant::now();
    while !rtnl.settled().expect("devices can be listed") {
        assert!(start.elapsed() < Duration::from_secs(10), "the devices do not settle");
        thread::yield_now();
    }
}
