//! `twinax plan`: how a lab is built, as a shell script.

use std::path::Path;

use super::{HELD, WRONG, read};
use crate::show;

pub fn run(lab: &Path) -> anyhow::Result<u8> {
    match read(lab) {
        Ok(topology) => {
            let script = twinax_plan::script(&topology);
            show::print(&script)?;
            Ok(HELD)
        }
        Err(error) => {
            show::unreadable(&error);
            Ok(WRONG)
        }
    }
}
