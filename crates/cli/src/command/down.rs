//! `twinax down`: running labs, taken down.

use twinax_lab::registry::Registry;
use twinax_topology::NodeName;

use super::{BROKEN, HELD, running};
use crate::show;

pub fn run(labs: &[NodeName], all: bool) -> anyhow::Result<u8> {
    let registry = Registry::open()?;
    let labs = running::named(&registry, labs, all)?;
    if labs.is_empty() {
        show::tell("no lab is running");
    }
    let mut code = HELD;
    for lab in labs {
        if let Err(error) = down(&registry, &lab) {
            show::error(&error);
            code = code.max(super::exit_code(&error).min(BROKEN));
        }
    }
    Ok(code)
}

fn down(registry: &Registry, lab: &NodeName) -> anyhow::Result<()> {
    let (claim, holder) = registry.change(lab)?;
    let progress = show::Doing::new(&format!("{lab}: taking it down …"));
    let done = twinax_lab::down::down(claim, &holder);
    progress.end();
    done?;
    show::tell(&format!("{lab} is down"));
    Ok(())
}
