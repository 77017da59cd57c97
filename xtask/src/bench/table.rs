//! What was measured, as Markdown.

use std::time::Duration;

use super::build::Times;
use super::contestant::Contestant;
use super::lab::Shape;

/// The ratios that are printed: of the first's median to the second's.
const RATIOS: [(Contestant, Contestant); 3] = [
    (Contestant::Twinax, Contestant::Bare),
    (Contestant::Batch, Contestant::Twinax),
    (Contestant::Script, Contestant::Twinax),
];

/// One lab; the contestants' times in their order.
pub struct Row {
    /// Its shape.
    pub shape: Shape,
    /// How many hosts or routers.
    pub count: u32,
    /// One for each contestant.
    pub times: Vec<Times>,
}

/// The table of times with the ratios, and the table of what the kernel did later.
pub fn markdown(contestants: &[Contestant], rounds: u32, rows: &[Row]) -> String {
    let position = |who| contestants.iter().position(|&have| have == who);
    let ratios: Vec<_> = RATIOS
        .into_iter()
        .filter_map(|(a, b)| Some(((a, b), (position(a)?, position(b)?))))
        .collect();
    let names: Vec<String> = contestants.iter().map(|who| who.as_str().to_owned()).collect();

    let mut head = vec!["shape".to_owned(), "nodes".to_owned()];
    head.extend(names.iter().cloned());
    let later_head = head.clone();
    head.extend(ratios.iter().map(|((a, b), _)| format!("{} / {}", a.as_str(), b.as_str())));

    let body = rows.iter().map(|row| {
        let mut cells = lab_cells(row);
        cells.extend(row.times.iter().map(|times| {
            let (low, high) = (minimum(&times.process), maximum(&times.process));
            format!("{} ({}–{})", seconds(median(&times.process)), seconds(low), seconds(high))
        }));
        cells.extend(ratios.iter().map(|&(_, (a, b))| {
            let of = |who: usize| median(&row.times[who].process).as_secs_f64();
            format!("{:.2}", of(a) / of(b))
        }));
        cells
    });
    let later = rows.iter().map(|row| {
        let mut cells = lab_cells(row);
        cells.extend(row.times.iter().map(|times| seconds(median(&times.freed))));
        cells
    });
    format!(
        "Seconds from the start of the process to its end, teardown included: median of \
         {rounds} (lowest–highest).\n\n{}\nSeconds from then until the kernel has freed the \
         namespaces: median of {rounds}.\n\n{}",
        table(&head, body),
        table(&later_head, later),
    )
}

fn lab_cells(row: &Row) -> Vec<String> {
    vec![row.shape.as_str().to_owned(), row.count.to_string()]
}

fn table(head: &[String], body: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head);
    text += &line(&vec!["---".to_owned(); head.len()]);
    body.for_each(|cells| text += &line(&cells));
    text
}

/// The machine, and how busy it is with other things: call it before anything is measured.
pub fn machine() -> String {
    let uname = rustix::system::uname();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    let user = if rustix::process::geteuid().is_root() { "root" } else { "an unprivileged user" };
    format!(
        "Linux {} {}, {cores} cores, as {user}; load average before it began: {load}.",
        uname.release().to_string_lossy(),
        uname.machine().to_string_lossy()
    )
}

/// A time in seconds, with as many digits as it is known to.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.3}") } else { format!("{seconds:.1}") }
}

/// The middle one; of an even number, the mean of the two in the middle.
fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => Duration::ZERO,
        odd if odd % 2 == 1 => sorted[half],
        _ => (sorted[half - 1] + sorted[half]) / 2,
    }
}

fn minimum(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

fn maximum(times: &[Duration]) -> Duration {
    times.iter().max().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(all: &[u64]) -> Vec<Duration> {
        all.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(&ms(&[9000, 1, 5])), Duration::from_millis(5));
        assert_eq!(median(&ms(&[4, 1, 9000, 2])), Duration::from_millis(3));
    }

    #[test]
    fn ratios_are_of_the_contestants_they_name() {
        let times = |process: &[u64]| Times { process: ms(process), freed: ms(&[0]) };
        let contestants = [Contestant::Script, Contestant::Bare, Contestant::Twinax];
        let times = vec![times(&[3000]), times(&[100]), times(&[150])];
        let row = Row { shape: Shape::Star, count: 7, times };
        let text = markdown(&contestants, 1, &[row]);
        let cells = |line: &str| -> Vec<String> {
            line.split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let head = text.lines().find(|line| line.contains("twinax / bare")).map(cells);
        let body = text.lines().find(|line| line.contains("| star | 7 |")).map(cells);
        let (head, body) = (head.expect("a head"), body.expect("a line for the lab"));
        let under = |name: &str| {
            head.iter().position(|have| have == name).map(|column| body[column].as_str())
        };
        assert_eq!(under("twinax / bare"), Some("1.50"));
        assert_eq!(under("script / twinax"), Some("20.00"));
        assert_eq!(under("batch / twinax"), None);
    }
}
