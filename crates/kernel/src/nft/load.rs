//! A free ruleset, loaded by the `nft` program; all that is there, listed by it.

use std::ffi::OsString;
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::fs::MemfdFlags;

/// Where `nft` is besides the folders of `PATH`: users other than root rarely have these there.
const SBIN: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A ruleset that could not be loaded, or not be listed. Nothing of one that could not be loaded
/// has been: `nft -f` loads all or nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no `nft` program.
    #[error(
        "there is no program `nft` here, which a free ruleset needs: install the package `nftables`"
    )]
    Missing,
    /// The program could not be run.
    #[error("running {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// The program refused the ruleset.
    #[error("nft refuses the ruleset{}", Complaint::in_words(complaints))]
    Refused {
        /// What it complains about, in its order.
        complaints: Vec<Complaint>,
        /// All that it said.
        stderr: String,
    },
    /// The program could not list what is there.
    #[error("nft does not list the ruleset: {}", stderr.trim_end())]
    Unlisted {
        /// All that it said.
        stderr: String,
    },
}

/// One complaint of `nft` about a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The line of the ruleset, counted from 1; `None`: of no line of it.
    pub line: Option<usize>,
    /// The column in that line, counted from 1.
    pub column: Option<usize>,
    /// What is wrong, in nft's words.
    pub text: String,
}

impl Complaint {
    fn in_words(complaints: &[Self]) -> String {
        let words = complaints.iter().map(|Self { line, column, text }| match (line, column) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: {text}"),
            (Some(line), None) => format!("line {line}: {text}"),
            _ => text.clone(),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) }
    }

    /// The complaints in what `nft` wrote: lines such as `/dev/stdin:4:1-10: Error: syntax error`,
    /// each with the line in question and a line of `^` below it.
    fn all(stderr: &str) -> Vec<Self> {
        let mut complaints: Vec<Self> = stderr.lines().filter_map(Self::at_a_place).collect();
        if complaints.is_empty() {
            let text = stderr.lines().find(|line| !line.trim().is_empty());
            complaints.extend(text.map(|text| Self {
                line: None,
                column: None,
                text: without_level(text.trim()).to_owned(),
            }));
        }
        complaints
    }

    fn at_a_place(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, ':');
        let (file, number, columns, text) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let column = columns.split('-').next()?;
        let (number, column) = (number.parse().ok()?, column.parse().ok()?);
        // A ruleset may `include` others: a line of those is none of this one.
        let text = without_level(text.trim());
        Some(match file {
            "/dev/stdin" | "-" | "<stdin>" => {
                Self { line: Some(number), column: Some(column), text: text.to_owned() }
            }
            _ => Self {
                line: None,
                column: None,
                text: format!("{file}, line {number}, column {column}: {text}"),
            },
        })
    }
}

fn without_level(text: &str) -> &str {
    text.strip_prefix("Error: ").unwrap_or(text)
}

/// Loads a ruleset, in the namespace of the calling thread, as `nft -f` does: what is there stays,
/// unless the ruleset says otherwise (`flush ruleset`). The program is `nft` where it is given,
/// else the first of that name in the folders of `PATH`, `/usr/local/sbin`, `/usr/sbin` and
/// `/sbin`.
pub fn load(nft: Option<&Path>, ruleset: &str) -> Result<(), LoadError> {
    let program = program(nft)?;
    let input =
        file_of(ruleset).map_err(|error| LoadError::Run { program: program.clone(), error });
    run(Command::new(&program).args(["-f", "-"]).stdin(input?).stdout(Stdio::null())).map(drop)
}

/// All tables of the namespace of the calling thread as a text that [`load()`] takes, without what
/// counters have counted (`nft -s list ruleset`); `None` where there is none. The program is found
/// as by [`load()`]; without tables none is needed.
///
/// # Errors
///
/// [`Error::RulesetList`](crate::Error::RulesetList), and those of [`tables`](super::tables).
pub fn list(nft: Option<&Path>) -> Result<Option<String>, crate::Error> {
    if super::tables()?.is_empty() {
        return Ok(None);
    }
    let text = listed(nft, "-s").map_err(crate::Error::RulesetList)?;
    Ok((!text.trim().is_empty()).then_some(text))
}

/// What `nft list ruleset` says with this option.
pub(super) fn listed(nft: Option<&Path>, option: &str) -> Result<String, LoadError> {
    let program = program(nft)?;
    let output = run(Command::new(&program).args([option, "list", "ruleset"]).stdin(Stdio::null()));
    let output = output.map_err(|error| match error {
        LoadError::Refused { stderr, .. } => LoadError::Unlisted { stderr },
        other => other,
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn program(nft: Option<&Path>) -> Result<PathBuf, LoadError> {
    match nft {
        Some(nft) => Ok(nft.to_owned()),
        None => find(std::env::var_os("PATH")).ok_or(LoadError::Missing),
    }
}

/// Runs `nft`.
fn run(command: &mut Command) -> Result<Output, LoadError> {
    // strerror(3) in the words that ours are in.
    let output = command.env("LC_ALL", "C").output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => LoadError::Missing,
        _ => LoadError::Run { program: command.get_program().into(), error },
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut complaints = Complaint::all(&stderr);
    if complaints.is_empty() {
        complaints.push(Complaint { line: None, column: None, text: output.status.to_string() });
    }
    Err(LoadError::Refused { complaints, stderr })
}

/// The ruleset as a file in memory. A pipe would have to be filled while `nft` is read: by another
/// thread, or by halves.
fn file_of(ruleset: &str) -> std::io::Result<std::fs::File> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create("ruleset", MemfdFlags::CLOEXEC)?);
    file.write_all(ruleset.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

fn find(path: Option<OsString>) -> Option<PathBuf> {
    let folders = path.iter().flat_map(std::env::split_paths).filter(|folder| folder.is_absolute());
    folders
        .chain(SBIN.map(PathBuf::from))
        .map(|folder| folder.join("nft"))
        .find(|program| rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, text: &str) -> Complaint {
        Complaint { line: Some(line), column: Some(column), text: text.to_owned() }
    }

    // What nftables 1.0.6 (Debian 12) writes.
    const TWO: &str = "\
/dev/stdin:4:144-144: Error: syntax error, unexpected '}', expecting newline or semicolon
 chain output { type filter hook output priority filter; reject; tcp dport 80 accept}
                                                                                    ^
/dev/stdin:5:2-6: Error: syntax error, unexpected chain
 chain prerouting {
 ^^^^^
";

    #[test]
    fn complaints_have_their_places() {
        let expected = [
            at(4, 144, "syntax error, unexpected '}', expecting newline or semicolon"),
            at(5, 2, "syntax error, unexpected chain"),
        ];
        assert_eq!(Complaint::all(TWO), expected);
        let error = LoadError::Refused { complaints: expected.to_vec(), stderr: TWO.to_owned() };
        assert_eq!(
            error.to_string(),
            "nft refuses the ruleset: line 4, column 144: syntax error, unexpected '}', expecting \
             newline or semicolon; line 5, column 2: syntax error, unexpected chain"
        );
    }

    #[test]
    fn a_complaint_about_another_file_or_none() {
        let other = Complaint::all("/etc/nft/a.nft:7:1-3: Error: no such thing\nfoo\n^^^\n");
        let text = "/etc/nft/a.nft, line 7, column 1: no such thing".to_owned();
        assert_eq!(other, [Complaint { line: None, column: None, text }]);
        let none = Complaint::all("\nnetlink: Error: cache initialization failed: Oh\n");
        let text = "netlink: Error: cache initialization failed: Oh".to_owned();
        assert_eq!(none, [Complaint { line: None, column: None, text }]);
        assert_eq!(Complaint::all(""), []);
    }

    #[test]
    fn a_program_that_is_not_there_says_which_package_has_it() {
        let error = load(Some("/nowhere/nft".as_ref()), "").expect_err("it is not there");
        assert!(matches!(error, LoadError::Missing));
        assert!(error.to_string().contains("package `nftables`"), "{error}");
    }
}
