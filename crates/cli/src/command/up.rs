//! `twinax up`: labs that stay.

use twinax_lab::registry::{Claim, Registry};
use twinax_lab::sandbox::{HolderProgram, Options};
use twinax_lab::{export, requirements};
use twinax_topology::{NodeName, Topology};

use super::run::claims;
use super::{HELD, WRONG, Wrong, read_all};
use crate::args::Up;
use crate::show;

pub fn run(asked: &Up) -> anyhow::Result<u8> {
    if asked.name.is_some() && asked.labs.len() > 1 {
        return Err(Wrong::new("`--name` is for one lab").into());
    }
    if asked.export && !rustix::process::geteuid().is_root() {
        return Err(Wrong::new("only root can name nodes for the machine's own `ip netns`").into());
    }
    options(asked.no_user_namespace, None)?;
    let Some(labs) = read_all(&asked.labs) else { return Ok(WRONG) };
    let mut labs: Vec<Topology> = labs.into_iter().map(|(_, lab)| lab).collect();
    if let (Some(name), [lab]) = (&asked.name, &mut labs[..]) {
        lab.name = name.clone();
    }
    let mut claims = claims(&labs)?.into_iter();
    let mut code = HELD;
    for (lab, claim) in labs.iter().zip(claims.by_ref()) {
        code = code.max(one(lab, claim, asked)?);
        if code != HELD {
            break;
        }
    }
    claims.for_each(Claim::remove);
    Ok(code)
}

fn one(lab: &Topology, claim: Claim, asked: &Up) -> anyhow::Result<u8> {
    let lacks = requirements::lacks(lab);
    if !lacks.is_empty() {
        claim.remove();
        return Ok(show::failed(&show::lacking(lab, &lacks)));
    }
    let options = options(asked.no_user_namespace, Some(&lab.name))?;
    let progress = show::Building::new(lab);
    let up = twinax_lab::up::up(lab, &options, claim, None, |event| progress.tell(event));
    progress.end();
    let (report, claim) = up?;
    if report.broken.is_some() {
        return Ok(show::failed(&report));
    }
    if asked.export {
        export::names(&lab.name, &Registry::open()?.find(&lab.name)?)?;
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

/// How the sandbox of a lab is: of one that stays under this name, or of one that does not.
pub fn options(no_user_namespace: bool, stays: Option<&NodeName>) -> anyhow::Result<Options> {
    let holder = stays.map(|lab| HolderProgram {
        // By this name also where the file has been replaced meanwhile.
        program: "/proc/self/exe".into(),
        arguments: ["twinax", "hold", lab.as_str()].map(str::to_owned).to_vec(),
    });
    let options = Options { no_user_namespace, holder, ..Options::default() };
    options.check().map_err(|error| {
        Wrong::new(error.to_string()).hint("run as root, or leave out `--no-user-namespace`")
    })?;
    Ok(options)
}
