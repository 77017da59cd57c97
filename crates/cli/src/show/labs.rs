//! The running labs, as a table.

use std::time::Duration;

use serde::Serialize;

use super::table::{Align, table};

/// A running lab, as it is listed.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub lab: String,
    /// How many nodes it has; `None` while it is being brought up.
    pub nodes: Option<usize>,
    /// How long it has been there.
    pub up_for: Option<Duration>,
    /// The process that holds it.
    pub holder: Option<i32>,
}

/// One line for each lab, under a line of headings.
pub fn labs(labs: &[Listed]) -> String {
    let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![["LAB", "NODES", "UP FOR", "HOLDER"].map(str::to_owned).to_vec()];
    rows.extend(labs.iter().map(|lab| {
        let number = or(lab.nodes.map(|nodes| nodes.to_string()));
        let holder = or(lab.holder.map(|pid| pid.to_string()));
        let up_for = match lab.holder {
            Some(_) => or(lab.up_for.map(in_words)),
            None => "coming up".to_owned(),
        };
        vec![lab.lab.clone(), number, up_for, holder]
    }));
    table(&rows, &[Align::Left, Align::Right, Align::Right, Align::Right])
}

/// A long span of time, in the largest unit of which there are two.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}
