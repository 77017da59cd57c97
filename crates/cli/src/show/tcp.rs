//! What became of a TCP connection, as text.

use twinax_lab::probe::TcpReport;

use super::echo::in_figures;
use super::{BAD, BOLD, GOOD, printable, styled};

/// Whether it came about, and what was said.
pub fn tcp(head: &str, report: &TcpReport) -> String {
    let mut text = format!("{}\n", styled(BOLD, head));
    let Some(time) = report.connected else {
        let told = report.told.map(|told| format!(" \"{told}\"")).unwrap_or_default();
        let by = report.by.map(|by| format!(", says {by}")).unwrap_or_default();
        return text + &format!("  {}{told}{by}\n", styled(BAD, "not connected:"));
    };
    text += &format!("  {} in {}", styled(GOOD, "connected"), in_figures(time));
    if report.said.is_empty() {
        return text + "\n";
    }
    text += "; it says:\n";
    for line in printable(&report.said).lines() {
        text += &format!("    {line}\n");
    }
    text
}
