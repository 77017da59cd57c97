//! Holding the two devices of a wire, and carrying frames between them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use twinax_kernel::{Error, Netns, tun};
use twinax_topology::{NodeName, Place, TapMode, Wire};
use twinax_wire::{CarryError, End, Ended};
pub use twinax_wire::{Counts, Report};

use crate::nodes::inside;

/// Why a wire carries nothing.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// One of its devices could not be held.
    #[error("holding `{place}`")]
    Hold {
        /// The device.
        place: Place,
        /// Why.
        #[source]
        source: Error,
    },
    /// It could not be arranged that a signal ends it.
    #[error("asking for signals")]
    Signals(#[source] Error),
    /// One of its devices is gone.
    #[error("device `{place}` is gone")]
    Gone {
        /// The device.
        place: Place,
    },
    /// A frame could not be carried.
    #[error("carrying between {wire}")]
    Carry {
        /// The wire.
        wire: Wire,
        /// Why.
        #[source]
        source: CarryError,
    },
}

/// A wire whose two devices are held: they have carrier.
#[derive(Debug)]
pub struct HeldWire {
    wire: Wire,
    a: OwnedFd,
    b: OwnedFd,
}

impl HeldWire {
    /// Holds both devices; `open` opens the namespace of a node.
    ///
    /// # Errors
    ///
    /// [`WireError::Hold`] with those of [`tun::attach`].
    pub fn hold(
        wire: &Wire,
        open: impl Fn(&NodeName) -> Result<Netns, Error>,
    ) -> Result<Self, WireError> {
        let attach = |place: &Place, mode| {
            let netns = open(&place.node)?;
            inside(&netns, || tun::attach(place.interface.as_str(), mode))
        };
        let failed = |place: &Place| {
            let place = place.clone();
            |source| WireError::Hold { place, source }
        };
        // The first one decides whether it is frames or packets that are carried.
        let (a, mode) = match attach(&wire.a, TapMode::Tap) {
            Err(Error::NotTun { .. }) => (attach(&wire.a, TapMode::Tun), TapMode::Tun),
            held => (held, TapMode::Tap),
        };
        let a = a.map_err(failed(&wire.a))?;
        let b = attach(&wire.b, mode).map_err(failed(&wire.b))?;
        Ok(Self { wire: wire.clone(), a, b })
    }

    /// Carries what leaves by the one device to the other, both ways, until `told` can be read.
    ///
    /// # Errors
    ///
    /// [`WireError::Gone`] where a device is taken away, [`WireError::Carry`].
    pub fn carry(&self, told: BorrowedFd<'_>) -> Result<Report, WireError> {
        let carried = twinax_wire::carry(self.a.as_fd(), self.b.as_fd(), told);
        let report = carried.map_err(|source| {
            let wire = self.wire.clone();
            WireError::Carry { wire, source }
        })?;
        match report.ended {
            Ended::Told => Ok(report),
            Ended::Gone(End::A) => Err(WireError::Gone { place: self.wire.a.clone() }),
            Ended::Gone(End::B) => Err(WireError::Gone { place: self.wire.b.clone() }),
        }
    }
}
