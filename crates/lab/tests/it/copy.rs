//! A copy of nodes is as they are, and is gone when its work is done.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use twinax_lab::copy::Blueprint;
use twinax_lab::probe::{Echo, ping};
use twinax_lab::{Lab, nodes};

use crate::both_ways::{chain, in_sandbox};

/// No answer that comes takes so long.
const PATIENCE: Duration = Duration::from_secs(5);

fn routers() -> twinax_topology::Topology {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs/routers.toml");
    twinax_topology::read(&file).expect("a lab")
}

/// Whether a node gets an answer.
fn answers(from: &str, to: &str) -> Result<bool, String> {
    let netns = nodes::open(&from.parse().expect("a name")).map_err(chain)?;
    let to: IpAddr = to.parse().expect("an address");
    let told = ping(&[Echo::one(&netns, to, PATIENCE)]).map_err(chain)?;
    Ok(told.iter().all(|report| report.received() == 1))
}

pub fn a_copy_of_a_lab_pings_as_the_lab_does() {
    let tried = in_sandbox(|| {
        let (mut lab, _) = Lab::build(routers()).map_err(chain)?;
        lab.start().map_err(chain)?;
        let names = nodes::names().map_err(chain)?;
        let blueprint = Blueprint::take(&names).map_err(chain)?;
        let work = |_: &mut Lab| -> Result<[bool; 2], String> {
            Ok([answers("left", "10.0.3.2")?, answers("left", "fd00:3::2")?])
        };
        let told = blueprint.run(work).map_err(chain)?;
        Ok((told, blueprint.lacks().to_vec()))
    });
    assert_eq!(tried, Ok(([true, true], Vec::new())));
}
