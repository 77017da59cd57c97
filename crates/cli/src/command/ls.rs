//! `twinax ls`: the running labs.

use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;

use super::HELD;
use crate::show::{self, Listed};

pub fn run(json: bool) -> anyhow::Result<u8> {
    let labs: Vec<Listed> = Registry::open()?
        .labs()?
        .into_iter()
        .map(|entry| Listed {
            lab: entry.lab.to_string(),
            nodes: entry.holder.as_ref().and_then(Holder::nodes),
            up_for: entry.holder.as_ref().and_then(Holder::age),
            holder: entry.holder.map(|holder| holder.pid().as_raw_nonzero().get()),
        })
        .collect();
    if json {
        show::print(&(serde_json::to_string(&labs)? + "\n"))?;
    } else if labs.is_empty() {
        show::tell("no lab is running");
    } else {
        show::print(&show::labs(&labs))?;
    }
    Ok(HELD)
}
