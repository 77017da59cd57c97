//! What was measured, as Markdown.

use std::time::Duration;

use super::build::Times;
use super::contestant::Contestant;
use super::lab::Shape;

/// The ratios that are printed: of the first's median to the second's.
const RATIOS: [(Contestant, Contestant); 4] = [
    (Contestant::Twinax, Contestant::Bare),
    (Contestant::Twinax, Contestant::OneCore),
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

/// The number of nodes to which the time per node is compared.
const COMPARED: u32 = 1000;

/// The table of times with the ratios, that of what the kernel did later, and that of what stays.
pub fn markdown(contestants: &[Contestant], rounds: u32, rows: &[Row]) -> String {
    let position = |who| contestants.iter().position(|&have| have == who);
    let ratios: Vec<_> = RATIOS
        .into_iter()
        .filter_map(|(a, b)| Some(((a, b), (position(a)?, position(b)?))))
        .collect();
    let growing: Vec<usize> = if rows.iter().any(|row| row.count > COMPARED) {
        [Contestant::Twinax, Contestant::Up].into_iter().filter_map(position).collect()
    } else {
        Vec::new()
    };
    let names: Vec<String> = contestants.iter().map(|who| who.as_str().to_owned()).collect();

    let mut head = vec!["shape".to_owned(), "nodes".to_owned()];
    head.extend(names.iter().cloned());
    let later_head = head.clone();
    head.extend(ratios.iter().map(|((a, b), _)| format!("{} / {}", a.as_str(), b.as_str())));
    head.extend(growing.iter().map(|&who| format!("{}, per node / at {COMPARED}", names[who])));

    let body = rows.iter().map(|row| {
        let mut cells = lab_cells(row);
        cells.extend(row.times.iter().map(|times| spread(&times.process, seconds)));
        cells.extend(
            ratios.iter().map(|&(_, (a, b))| ratio(&row.times[a].process, &row.times[b].process)),
        );
        cells.extend(growing.iter().map(|&who| growth(rows, row, who).unwrap_or_default()));
        cells
    });
    let later = rows.iter().map(|row| {
        let mut cells = lab_cells(row);
        cells.extend(row.times.iter().map(|times| seconds(median(&times.freed))));
        cells
    });
    let text = format!(
        "Seconds from the start of the process to its end, teardown included, but for \
         `up`: median of {rounds} (lowest–highest).\n\n{}\nSeconds from then until the kernel has freed the \
         namespaces: median of {rounds}.\n\n{}",
        table(&head, body),
        table(&later_head, later),
    );
    let stay_head = ["shape", "nodes", "memory of the holder", "processes"];
    let stay = rows.iter().filter_map(|row| {
        let stays = row.times.iter().find_map(|times| times.stays)?;
        let mut cells = lab_cells(row);
        cells.extend([format!("{} KiB", stays.memory), stays.processes.to_string()]);
        Some(cells)
    });
    match position(Contestant::Up) {
        Some(_) => {
            let stay = table(&stay_head.map(str::to_owned), stay);
            format!("{text}\nWhat of a lab stays that is up.\n\n{stay}")
        }
        None => text,
    }
}

/// How much longer a node takes in this lab than in the one of the same shape with [`COMPARED`].
fn growth(rows: &[Row], row: &Row, who: usize) -> Option<String> {
    let compared = rows.iter().find(|own| own.shape == row.shape && own.count == COMPARED)?;
    let per_node = |row: &Row| median(&row.times[who].process).as_secs_f64() / f64::from(row.count);
    Some(format!("{:.2}", per_node(row) / per_node(compared)))
}

/// The ratio of two medians.
pub fn ratio(a: &[Duration], b: &[Duration]) -> String {
    format!("{:.2}", median(a).as_secs_f64() / median(b).as_secs_f64())
}

/// The median, the lowest and the highest, as they are to be written.
pub fn spread(times: &[Duration], write: impl Fn(Duration) -> String) -> String {
    format!("{} ({}–{})", write(median(times)), write(minimum(times)), write(maximum(times)))
}

fn lab_cells(row: &Row) -> Vec<String> {
    vec![row.shape.as_str().to_owned(), row.count.to_string()]
}

/// A table of Markdown.
pub fn table(head: &[String], body: impl Iterator<Item = Vec<String>>) -> String {
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

/// A time in milliseconds.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
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
        let times = |process: &[u64]| Times { process: ms(process), freed: ms(&[0]), stays: None };
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

    #[test]
    fn growth_is_that_of_the_time_per_node() {
        let row = |shape, count, process| {
            let times = Times { process: ms(&[process]), freed: ms(&[0]), stays: None };
            Row { shape, count, times: vec![times] }
        };
        let rows = [
            row(Shape::Line, 1000, 400),
            row(Shape::Star, 1000, 1),
            row(Shape::Line, 10_000, 6000),
        ];
        assert_eq!(growth(&rows, &rows[2], 0).as_deref(), Some("1.50"));
        assert_eq!(growth(&rows, &row(Shape::Tree, 10_000, 1), 0), None);
    }
}
