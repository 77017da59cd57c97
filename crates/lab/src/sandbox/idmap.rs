//! Who is who in a sandbox: the maps of its user namespace (`user_namespaces(7)`).

use std::fs;
use std::io;
use std::process::Command;

use rustix::process::Pid;

/// Why the IDs could not be mapped.
#[derive(Debug, thiserror::Error)]
pub enum IdMapError {
    /// A map could not be written.
    #[error("writing {file}")]
    Write {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A map could not be read.
    #[error("reading {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Maps the IDs of the user namespace of a child of ours.
///
/// - Root keeps every ID as it is.
/// - A user with ranges of subordinate IDs (`subuid(5)`) and the setuid programs `newuidmap` and
///   `newgidmap` is root inside, and has these ranges from 1 upwards.
/// - Any other user is root inside, and nobody else is there.
pub fn map(child: Pid, root: bool) -> Result<(), IdMapError> {
    let child = child.as_raw_nonzero();
    if root {
        for file in ["uid_map", "gid_map"] {
            let own = format!("/proc/self/{file}");
            let map = fs::read_to_string(&own)
                .map_err(|source| IdMapError::Read { file: own.clone(), source })?;
            write(&format!("/proc/{child}/{file}"), &identity(&map))?;
        }
        return Ok(());
    }
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if with_ranges("newuidmap", "/etc/subuid", child.get(), uid, uid)
        && with_ranges("newgidmap", "/etc/subgid", child.get(), uid, gid)
    {
        return Ok(());
    }
    single(child.get(), uid, gid)
}

/// The map in which every ID that is there is itself.
fn identity(map: &str) -> String {
    let mut lines = String::new();
    for line in map.lines() {
        if let [inside, _, count] = line.split_whitespace().collect::<Vec<_>>()[..] {
            lines += &format!("{inside} {inside} {count}\n");
        }
    }
    lines
}

fn single(child: i32, uid: u32, gid: u32) -> Result<(), IdMapError> {
    // Where newuidmap has already written its map, that is the better one.
    let uid_map = format!("/proc/{child}/uid_map");
    let mapped = fs::read_to_string(&uid_map).is_ok_and(|map| !map.trim().is_empty());
    if !mapped {
        write(&uid_map, &format!("0 {uid} 1\n"))?;
    }
    // Without it an unprivileged user may not map groups: dropping one could give access.
    write(&format!("/proc/{child}/setgroups"), "deny")?;
    write(&format!("/proc/{child}/gid_map"), &format!("0 {gid} 1\n"))
}

fn write(file: &str, text: &str) -> Result<(), IdMapError> {
    fs::write(file, text).map_err(|source| IdMapError::Write { file: file.to_owned(), source })
}

/// Maps by `newuidmap` or `newgidmap`; `false` where there is no range or the program refuses.
fn with_ranges(program: &str, file: &str, child: i32, uid: u32, own: u32) -> bool {
    let ranges = fs::read_to_string(file).map(|text| ranges(&text, uid)).unwrap_or_default();
    if ranges.is_empty() {
        return false;
    }
    let mut command = Command::new(program);
    command.args([child.to_string(), "0".into(), own.to_string(), "1".into()]);
    let mut inside = 1;
    for (start, count) in ranges {
        command.args([inside, start, count].map(|number: u32| number.to_string()));
        inside = inside.saturating_add(count);
    }
    command.output().is_ok_and(|output| output.status.success())
}

/// The ranges that a file such as `/etc/subuid` gives to a user, by name or by number.
pub(crate) fn ranges(text: &str, uid: u32) -> Vec<(u32, u32)> {
    let name = user_name(&fs::read_to_string("/etc/passwd").unwrap_or_default(), uid);
    text.lines()
        .filter_map(|line| {
            let mut fields = line.trim().split(':');
            let (owner, start, count) = (fields.next()?, fields.next()?, fields.next()?);
            let is_own = name.as_deref() == Some(owner) || owner.parse() == Ok(uid);
            let range = (start.parse().ok()?, count.parse().ok()?);
            (is_own && range.1 > 0).then_some(range)
        })
        .collect()
}

/// The name of a user in a text such as `/etc/passwd`.
fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_keeps_what_is_there() {
        assert_eq!(identity("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(identity("0 1000 1\n1 100000 65536\n"), "0 0 1\n1 1 65536\n");
    }

    #[test]
    fn ranges_by_number() {
        let text =
            "# comment\nother:1:2\n4242:100000:65536\n4242:300000:0\n4242:x:1\n4242:500000:7";
        assert_eq!(ranges(text, 4242), [(100_000, 65536), (500_000, 7)]);
    }

    #[test]
    fn names_of_users() {
        let passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(user_name(passwd, 7), None);
    }
}
