//! A lab's run as it happens.

use indicatif::{ProgressBar, ProgressStyle};
use twinax_lab::report::{Event, LabReport};
use twinax_topology::Topology;

use super::{End, Stdout, run};
use crate::args::Detail;

/// Shows a run: the report on stdout as it grows, what is being done just now on stderr.
pub struct Progress<'o> {
    out: &'o mut Stdout,
    detail: Option<Detail>,
    doing: ProgressBar,
    abouts: Vec<String>,
}

impl<'o> Progress<'o> {
    /// Begins with a lab. `detail`: what of each step is shown; `None`: nothing.
    pub fn new(lab: &Topology, detail: Option<Detail>, out: &'o mut Stdout) -> Self {
        let doing = spinner();
        doing.set_message(building_words(lab));
        doing.tick();
        let abouts = lab.steps.iter().map(|step| step.about.clone()).collect();
        let mut shown = Self { out, detail, doing, abouts };
        if shown.detail.is_some_and(|detail| detail != Detail::Failed) {
            shown.print(&run::head(lab));
        }
        shown
    }

    /// Something has happened.
    pub fn tell(&mut self, event: &Event) {
        match event {
            Event::Built(built) if self.detail == Some(Detail::All) => {
                self.print(&run::built(built))
            }
            Event::Begun(number) => {
                let about = self.abouts.get(number - 1).map_or("", String::as_str);
                let about = super::printable(about.lines().next().unwrap_or_default());
                self.doing
                    .set_message(format!("  step {number} of {} … {about}", self.abouts.len()));
                self.doing.tick();
            }
            Event::Step(step) => {
                if let Some(text) = self.detail.and_then(|detail| run::step(step, detail)) {
                    self.print(&text);
                }
            }
            Event::Built(_) | Event::Broken(_) => {}
        }
    }

    /// The run is over.
    pub fn end(mut self, report: &LabReport, end: End) {
        self.doing.finish_and_clear();
        if let Some(broken) = &report.broken {
            run::broken(report, broken);
        }
        if self.detail.is_some_and(|detail| detail != Detail::Failed) {
            self.print(&run::tail(report, end));
        }
    }

    fn print(&mut self, text: &str) {
        self.doing.suspend(|| self.out.say(text));
    }
}

/// Shows that a lab is being built, on a terminal.
pub struct Building {
    doing: ProgressBar,
}

impl Building {
    /// Begins.
    pub fn new(lab: &Topology) -> Self {
        let building = Self { doing: spinner() };
        building.doing.set_message(building_words(lab));
        building.doing.tick();
        building
    }

    /// Something has happened.
    pub fn tell(&self, event: &Event) {
        if let Event::Built(_) = event {
            self.doing.set_message("starting services …");
            self.doing.tick();
        }
    }

    /// It has been built.
    pub fn end(self) {
        self.doing.finish_and_clear();
    }
}

/// Says what is being done, on a terminal.
pub struct Doing(ProgressBar);

impl Doing {
    /// Begins.
    pub fn new(what: &str) -> Self {
        let doing = spinner();
        doing.set_message(what.to_owned());
        doing.tick();
        Self(doing)
    }

    /// It has been done.
    pub fn end(self) {
        self.0.finish_and_clear();
    }
}

/// Drawn only on a terminal. No thread of its own: the sandbox is a fork of this process.
fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.set_style(ProgressStyle::with_template("{wide_msg}").expect("a valid template"));
    spinner
}

fn building_words(lab: &Topology) -> String {
    format!("{}: building {} …", lab.name, run::counted(lab.nodes.len(), "node"))
}
