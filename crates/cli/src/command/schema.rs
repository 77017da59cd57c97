//! `twinax schema`: the JSON Schema of the lab file.

use std::io::Write;

use super::HELD;

pub fn run() -> anyhow::Result<u8> {
    let mut out = anstream::stdout();
    serde_json::to_writer_pretty(&mut out, &twinax_topology::schema())?;
    writeln!(out)?;
    Ok(HELD)
}
