//! Processes of the bench's own elsewhere (in a node, as a child of a twinax), spoken to by lines of JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Such a process, seen by who started it. Dropped, it ends.
pub struct Talk {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Talk {
    /// Starts one.
    pub fn start(mut command: Command) -> Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("{command:?}"))?;
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().context("its standard output")?);
        Ok(Self { child, to, from })
    }

    /// Tells it something.
    pub fn tell(&mut self, what: &Value) -> Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        Ok(self.to.as_mut().context("it has ended")?.write_all(&line)?)
    }

    /// What it tells next.
    pub fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("a process of the bench has ended: {}", self.child.wait()?);
        }
        serde_json::from_str(&line).with_context(|| line.clone())
    }

    /// Tells it something, and waits for its answer.
    pub fn ask(&mut self, what: &Value) -> Result<Value> {
        self.tell(what)?;
        self.hear()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It ends with its input.
        self.to = None;
        let _ = self.child.wait();
    }
}

/// The process's side: answers each line that comes.
pub fn answer(mut each: impl FnMut(&Value) -> Result<Value>) -> Result<()> {
    for line in std::io::stdin().lines() {
        println!("{}", each(&serde_json::from_str(&line?)?)?);
    }
    Ok(())
}

/// A number that a process has told.
pub fn number(value: &Value, name: &str) -> Result<u64> {
    value[name].as_u64().with_context(|| format!("no `{name}` in {value}"))
}
