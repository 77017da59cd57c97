//! `twinax wire`: a cable between two TUN/TAP devices, as long as the program runs.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::Signal;
use twinax_kernel::mounts::NETNS_DIR;
use twinax_kernel::process::signals;
use twinax_kernel::{Error, Netns};
use twinax_lab::wire::{Counts, HeldWire, WireError};
use twinax_topology::{NodeName, Place, Wire};

use super::{HELD, Wrong};
use crate::show;

pub fn run(a: &Place, b: &Place) -> anyhow::Result<u8> {
    if a == b {
        return Err(Wrong::new(format!("both ends of the wire are `{a}`")).into());
    }
    let told = signals(&[Signal::TERM, Signal::INT, Signal::HUP])?;
    let wire = Wire { a: a.clone(), b: b.clone() };
    let held = HeldWire::hold(&wire, open).map_err(|error| match error {
        WireError::Hold { place, source } if is_wrong(&source) => {
            let wrong = Wrong::new(format!("`{place}` can't be an end of a wire: {source}"));
            wrong.hint("`ip netns list` lists the nodes that are here, `ip -n NODE tuntap` their devices").into()
        }
        error => anyhow::Error::from(error),
    })?;
    let report = held.carry(told.as_fd())?;
    show::tell(&carried(a, b, &report.a_to_b));
    show::tell(&carried(b, a, &report.b_to_a));
    Ok(HELD)
}

/// A node of the lab in which the program runs, or of the machine: as `ip -n` has it.
fn open(node: &NodeName) -> Result<Netns, Error> {
    match Netns::open(&Path::new(NETNS_DIR).join(node.as_str())) {
        Err(error) if error.errno() == Some(Errno::NOENT) => {
            Err(Error::NoNode { name: node.to_string() })
        }
        opened => opened,
    }
}

/// Whether what was asked for is not to be had, as opposed to: could not be done.
fn is_wrong(error: &Error) -> bool {
    matches!(
        error,
        Error::NoNode { .. } | Error::NoDevice { .. } | Error::NotTun { .. } | Error::Held { .. }
    )
}

fn carried(from: &Place, to: &Place, counts: &Counts) -> String {
    let Counts { frames, bytes, crowded_out, refused } = counts;
    let mut text = format!("{from} → {to}: {frames} frames of {bytes} bytes");
    for (count, why) in [(crowded_out, "found no room"), (refused, "were not taken")] {
        if *count > 0 {
            text += &format!("; {count} {why}");
        }
    }
    text
}
