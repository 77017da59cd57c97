//! By which routers a packet goes: echo requests with each TTL, all at once.

use std::net::IpAddr;

use twinax_kernel::Error;
use twinax_topology::Told;

use super::ping::{Echo, ping};

/// Who answered a request of one TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The TTL of the request, from 1.
    pub ttl: u8,
    /// Who answered; `None`: nobody did.
    pub by: Option<IpAddr>,
    /// What it told beyond that the TTL had run out: a router that has no way, say.
    pub told: Option<Told>,
}

/// Sends one echo request of each TTL up to `max_hops`. The hops end with the first that is the
/// destination or tells that there is no way; silent ones at the end are left out.
pub fn trace(echo: &Echo<'_>, max_hops: u8) -> Result<Vec<Hop>, Error> {
    let series: Vec<Echo<'_>> =
        (1..=max_hops).map(|ttl| Echo { ttl: Some(ttl), count: 1, ..echo.clone() }).collect();
    let mut hops = Vec::new();
    for (report, ttl) in ping(&series)?.into_iter().zip(1..) {
        let word = report.words.iter().find(|word| word.told != Told::Redirect);
        let hop = match (report.replies.first(), word) {
            (Some(_), _) => Hop { ttl, by: Some(echo.to), told: None },
            (None, Some(word)) => {
                let told = Some(word.told).filter(|told| *told != Told::TtlExceeded);
                Hop { ttl, by: word.from, told }
            }
            (None, None) => Hop { ttl, by: None, told: None },
        };
        hops.push(hop);
        if hop.told.is_some() || (hop.by == Some(echo.to) && report.received() > 0) {
            break;
        }
    }
    while hops.last().is_some_and(|hop| hop.by.is_none() && hop.told.is_none()) {
        hops.pop();
    }
    Ok(hops)
}
