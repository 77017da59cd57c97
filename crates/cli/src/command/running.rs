//! Which running lab is meant.

use twinax_lab::registry::{Entry, Registry, RegistryError};
use twinax_lab::sandbox::Holder;
use twinax_topology::NodeName;

use super::Wrong;

/// The lab of this name; the only one that is running where none is said.
pub fn lab(named: Option<&NodeName>) -> anyhow::Result<(NodeName, Holder)> {
    let registry = Registry::open()?;
    let name = name(&registry, named)?;
    let holder = registry.find(&name)?;
    Ok((name, holder))
}

/// Its name alone.
pub fn name(registry: &Registry, named: Option<&NodeName>) -> anyhow::Result<NodeName> {
    if let Some(name) = named {
        return Ok(name.clone());
    }
    let labs: Vec<NodeName> = running(registry)?.into_iter().map(|entry| entry.lab).collect();
    match &labs[..] {
        [] => {
            Err(Wrong::new("no lab is running").hint("`twinax up LAB.toml` brings one up").into())
        }
        [one] => Ok(one.clone()),
        more => {
            let names: Vec<String> = more.iter().map(|lab| format!("`{lab}`")).collect();
            let wrong =
                Wrong::new(format!("{} labs are running: {}", more.len(), names.join(", ")));
            Err(wrong.hint("say which is meant").into())
        }
    }
}

/// All that are running, or on the way there.
pub fn running(registry: &Registry) -> Result<Vec<Entry>, RegistryError> {
    registry.labs()
}
