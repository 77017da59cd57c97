//! The running labs, as a table.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// A running lab, as it is listed.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub lab: String,
    /// How many nodes it has; `None` while it is being brought up.
    pub nodes: Option<usize>,
    /// The process that holds it.
    pub holder: Option<i32>,
}

/// One line for each lab, under a line of headings.
pub fn labs(labs: &[Listed]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["LAB", "NODES", "HOLDER"]);
    for lab in labs {
        let number = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
        let nodes = lab.nodes.map(|nodes| nodes.to_string());
        let holder = lab.holder.map(|pid| pid.to_string());
        table.add_row([lab.lab.clone(), number(nodes), number(holder)]);
    }
    for number in [1, 2] {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt() + "\n"
}
