//! Timing single commands from where a user of them would be: a process there that is told, by lines
//! on its standard input, what to run, and says how long it took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::contestant::{Programs, sandboxed};

/// Runs each command that comes as a line, and answers with a line: nanoseconds, or what is wrong.
pub fn run() -> Result<()> {
    println!("ready");
    for line in std::io::stdin().lines() {
        let words: Vec<String> = serde_json::from_str(&line?)?;
        let (program, arguments) = words.split_first().context("a command")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status();
        let time = start.elapsed();
        match status {
            Ok(status) if status.success() => println!("{}", time.as_nanos()),
            Ok(status) => println!("{status}"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}

/// Such a process, seen by who started it.
pub struct Timer {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Timer {
    /// One where this process is.
    pub fn here(programs: &Programs) -> Result<Self> {
        let mut command = Command::new(programs.xtask());
        command.arg("bench-timer");
        programs.register(&mut command);
        Self::start(command)
    }

    /// One in an empty sandbox in which a shell script has been run before. Its files are put into
    /// the folder.
    pub fn in_sandbox(programs: &Programs, folder: &Path, script: &str) -> Result<Self> {
        let timer = format!("{script}exec {} bench-timer\n", programs.xtask().display());
        let (program, arguments) = sandboxed(folder, timer)?;
        let mut command = Command::new(program);
        command.args(arguments);
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().context("its standard output")?);
        let mut timer = Self { child, to, from };
        match timer.answer()?.as_str() {
            "ready" => Ok(timer),
            other => bail!("{command:?}: {other}"),
        }
    }

    /// Runs a command, which must succeed, and says how long that took.
    pub fn time(&mut self, words: &[&str]) -> Result<Duration> {
        let mut line = serde_json::to_vec(words)?;
        line.push(b'\n');
        self.to.as_mut().context("it has ended")?.write_all(&line)?;
        let answer = self.answer()?;
        let time = answer.parse().map(Duration::from_nanos);
        time.with_context(|| format!("{}: {answer}", words.join(" ")))
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // It ends with its input.
        self.to = None;
        let _ = self.child.wait();
    }
}
