//! A file of frames, printed as text.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::super::contestant::Programs;
use super::super::table::{self, seconds};
use super::Args;
use super::mixture::{self, Kind};

/// In the table's order.
const CONTESTANTS: [&str; 2] = ["twinax capture -r", "tcpdump -nn -r"];

/// Where the text goes.
#[derive(Debug, Clone, Copy)]
enum To {
    /// `/dev/null`.
    Nothing,
    /// A pipe that is read.
    Pipe,
    /// A file on the same disk.
    File,
}

impl To {
    fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "/dev/null",
            Self::Pipe => "a pipe",
            Self::File => "a file",
        }
    }
}

/// Measures, and prints two tables on stdout.
pub fn run(args: &Args, programs: &Programs) -> Result<()> {
    let mut head = vec!["frames".to_owned(), "to".to_owned()];
    head.extend(CONTESTANTS.map(str::to_owned));
    head.push("twinax / tcpdump".to_owned());
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    let folder = args.folder()?;
    for kind in [Kind::Udp, Kind::Mixed] {
        let file = folder.path().join("frames.pcap");
        mixture::write(&file, kind, args.frames)?;
        for to in [To::Nothing, To::Pipe, To::File] {
            let mut times: [[Vec<Duration>; 2]; 2] = Default::default();
            for round in 0..args.rounds as usize {
                for turn in 0..2 {
                    let who = (turn + round) % 2;
                    let (wall, cpu) = once(args, programs, who, &file, to, folder.path())
                        .with_context(|| CONTESTANTS[who])?;
                    times[0][who].push(wall);
                    times[1][who].push(cpu);
                }
            }
            let cells = |times: &[Vec<Duration>; 2]| {
                let mut cells = vec![kind.as_str().to_owned(), to.as_str().to_owned()];
                cells.extend(times.iter().map(|times| table::spread(times, seconds)));
                cells.push(table::ratio(&times[0], &times[1]));
                cells
            };
            walls.push(cells(&times[0]));
            cpus.push(cells(&times[1]));
        }
    }
    println!(
        "Seconds from the start of the process to its end, for {frames} frames: median of {rounds} \
         (lowest–highest).\n\n{}\nSeconds of processor time of the same.\n\n{}",
        table::table(&head, walls.into_iter()),
        table::table(&head, cpus.into_iter()),
        frames = args.frames,
        rounds = args.rounds,
    );
    Ok(())
}

/// Wall and processor time. A line for each frame is seen to.
fn once(
    args: &Args,
    programs: &Programs,
    who: usize,
    file: &Path,
    to: To,
    folder: &Path,
) -> Result<(Duration, Duration)> {
    let mut command = match who {
        0 => {
            let mut command = Command::new(programs.twinax());
            command.args(["capture", "-r"]);
            command
        }
        _ => {
            let mut command = Command::new("tcpdump");
            command.args(["-Z", "root", "-nn", "-r"]);
            command
        }
    };
    command.arg(file).stdin(Stdio::null()).stderr(Stdio::null());
    let text = folder.join("text");
    command.stdout(match to {
        To::Nothing => Stdio::null(),
        To::Pipe => Stdio::piped(),
        To::File => File::create(&text)?.into(),
    });
    let before = ended_children()?;
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut lines = read_lines(&mut child)?;
    let status = child.wait()?;
    let wall = start.elapsed();
    let cpu = ended_children()? - before;
    ensure!(status.success(), "{status}");
    if let To::File = to {
        lines = Some(count_lines(File::open(&text)?)?);
    }
    let lines = lines.unwrap_or_else(|| args.frames.into());
    ensure!(lines == u64::from(args.frames), "{lines} lines for {} frames", args.frames);
    Ok((wall, cpu))
}

fn read_lines(child: &mut Child) -> Result<Option<u64>> {
    child.stdout.take().map(count_lines).transpose()
}

fn count_lines(mut text: impl Read) -> Result<u64> {
    let mut some = vec![0; 1 << 16];
    let mut lines = 0;
    loop {
        match text.read(&mut some)? {
            0 => return Ok(lines),
            more => lines += some[..more].iter().filter(|&&byte| byte == b'\n').count() as u64,
        }
    }
}

/// Processor time of the children that this process has waited for.
fn ended_children() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let ticks = children_ticks(&stat).with_context(|| stat.clone())?;
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// `cutime` and `cstime`, the 16th and 17th field (proc_pid_stat(5)). The name of the program, in
/// brackets, may have spaces.
fn children_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_whitespace().skip(13);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_children_is_found_behind_any_name() {
        let stat = "77 (a) b (c) S 1 77 77 0 -1 4194304 100 200 0 0 5 6 70 800 20 0 1 0 99 1 2";
        assert_eq!(children_ticks(stat), Some(870));
        assert_eq!(children_ticks("77 (a) S 1"), None);
    }
}
