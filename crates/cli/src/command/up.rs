//! `twinax up`: a lab that stays.

use twinax_lab::registry::Registry;
use twinax_lab::sandbox::{HolderProgram, Options};
use twinax_lab::{export, requirements};
use twinax_topology::NodeName;

use super::{BROKEN, HELD, LACKING, WRONG, Wrong, read};
use crate::args::Up;
use crate::show;

pub fn run(asked: &Up) -> anyhow::Result<u8> {
    let mut lab = match read(&asked.lab) {
        Ok(lab) => lab,
        Err(error) => {
            show::unreadable(&error);
            return Ok(WRONG);
        }
    };
    if let Some(name) = &asked.name {
        lab.name = name.clone();
    }
    if asked.export && !rustix::process::geteuid().is_root() {
        return Err(Wrong::new("only root can name nodes for the machine's own `ip netns`").into());
    }
    let options = options(asked.no_user_namespace, &lab.name)?;
    let lacks = requirements::lacks(&lab);
    if !lacks.is_empty() {
        show::failure(&super::run::lacking(&lacks));
        return Ok(LACKING);
    }
    let registry = Registry::open()?;
    let claim = registry.claim(&lab.name)?;
    let progress = show::Building::new(&lab);
    let (report, claim) =
        twinax_lab::up::up(&lab, &options, claim, false, |event| progress.tell(event))?;
    progress.end();
    if let Some(broken) = &report.broken {
        show::broken(&report, broken);
        return Ok(if broken.lacking { LACKING } else { BROKEN });
    }
    if asked.export {
        export::names(&lab.name, &registry.find(&lab.name)?)?;
    }
    drop(claim);
    if asked.json {
        show::print(&(serde_json::to_string(&report)? + "\n"))?;
    } else if let Some(built) = &report.built {
        show::tell(&format!("{} is up", lab.name));
        show::tell(show::built(built).trim_end());
    }
    Ok(HELD)
}

/// How the sandbox of a lab is that stays.
pub fn options(no_user_namespace: bool, lab: &NodeName) -> anyhow::Result<Options> {
    // By this name also where the file has been replaced meanwhile.
    let program = "/proc/self/exe".into();
    let arguments = ["twinax", "hold", lab.as_str()].map(str::to_owned).to_vec();
    let options = Options { no_user_namespace, holder: Some(HolderProgram { program, arguments }) };
    options.check().map_err(|error| {
        Wrong::new(error.to_string()).hint("run as root, or leave out `--no-user-namespace`")
    })?;
    Ok(options)
}
