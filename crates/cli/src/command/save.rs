//! `twinax save`: a running lab as a lab file.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use twinax_topology::NodeName;

use super::{HELD, running};
use crate::show;

pub fn run(named: Option<&NodeName>, output: Option<&Path>) -> anyhow::Result<u8> {
    let (lab, holder) = running::lab(named)?;
    let mut work = running::send(&holder, |mut text| {
        let saved = twinax_lab::save::save(&lab)?;
        text.write_all(saved.topology.to_toml().as_bytes())?;
        for beyond in &saved.beyond {
            show::tell(&format!("not in the file, which has no words for it: {beyond}"));
        }
        if saved.without_steps {
            show::tell("without the steps: they can't be done in the lab as it is now");
        }
        Ok(HELD)
    })?;
    let text = std::io::read_to_string(work.events())?;
    match running::end(&holder, work)? {
        HELD => {}
        code => return Ok(code),
    }
    match output {
        None => show::print(&text)?,
        Some(file) => write(file, &text).with_context(|| format!("writing {}", file.display()))?,
    }
    Ok(HELD)
}

/// Writes a file whole or not at all.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut new = tempfile::NamedTempFile::new_in(folder.unwrap_or(".".as_ref()))?;
    new.write_all(text.as_bytes())?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    new.as_file().set_permissions(permissions)?;
    new.persist(file)?;
    Ok(())
}
