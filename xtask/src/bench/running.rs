//! A lab that twinax has brought up, to be measured.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::contestant::{LAB, Programs, lab_file};
use super::lab::Lab;

/// A lab that is up. Dropped, it is taken down.
pub struct Running<'a> {
    programs: &'a Programs,
}

/// What of a lab stays while it is up.
#[derive(Debug, Clone, Copy)]
pub struct Stays {
    /// The memory of its holder, in KiB (`VmRSS`).
    pub memory: u64,
    /// How many processes it has.
    pub processes: usize,
}

impl<'a> Running<'a> {
    /// Brings one up; its file is put into the folder.
    pub fn up(programs: &'a Programs, lab: &Lab, folder: &Path) -> Result<Self> {
        Self::up_as(programs, &lab_file(lab, None), folder)
    }

    /// Brings up what this text of a lab file says.
    pub fn up_as(programs: &'a Programs, text: &str, folder: &Path) -> Result<Self> {
        let file = folder.join("lab.toml");
        fs::write(&file, text)?;
        let running = Self::of(programs);
        running.twinax(&["up", &file.to_string_lossy()])?;
        Ok(running)
    }

    /// The one that is up already.
    pub fn of(programs: &'a Programs) -> Self {
        Self { programs }
    }

    /// Runs twinax, which must succeed. What it prints.
    pub fn twinax(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.programs.twinax());
        self.programs.register(&mut command);
        let done = command.args(arguments).stdin(Stdio::null()).output().context("twinax")?;
        let complaint = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "{command:?}: {}\n{complaint}", done.status);
        Ok(String::from_utf8(done.stdout)?)
    }

    /// What of it stays.
    pub fn stays(&self) -> Result<Stays> {
        let labs: Value = serde_json::from_str(&self.twinax(&["ls", "--json"])?)?;
        let holder = labs[0]["holder"].as_u64().context("no lab is running")?;
        let status = fs::read_to_string(format!("/proc/{holder}/status"))?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|text| text.split_whitespace().next()?.parse().ok());
        let namespace = |pid: &Path| fs::read_link(pid.join("ns/pid")).ok();
        let own = namespace(Path::new(&format!("/proc/{holder}")));
        let all = fs::read_dir("/proc")?.flatten();
        Ok(Stays {
            memory: memory.context("a process without memory")?,
            processes: all.filter(|entry| own.is_some() && namespace(&entry.path()) == own).count(),
        })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // One that has been taken down meanwhile is refused.
        let _ = self.twinax(&["down", LAB]);
    }
}
