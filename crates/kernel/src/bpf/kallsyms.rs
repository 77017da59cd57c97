//! Names for addresses in the kernel (`/proc/kallsyms`).
//!
//! The list has more than a hundred thousand lines, and the kernel takes a tenth of a second to write
//! it. So it is read only when there is an address that is not known yet, and only as far as is needed;
//! what was found is kept, not the list.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

use rustix::io::Errno;

use crate::error::errno;

/// Names for addresses.
#[derive(Debug)]
pub struct Symbols {
    /// Whether addresses may be seen is decided when it is opened (`kallsyms_open`, kernel/kallsyms.c),
    /// so that it can be read later by one who could not.
    file: Option<File>,
    /// What is known; an empty name: there is none.
    known: HashMap<u64, String>,
}

impl Symbols {
    /// Opens the list. Where that can't be done, nothing has a name.
    pub fn open() -> Self {
        Self { file: File::open("/proc/kallsyms").ok(), known: HashMap::new() }
    }

    /// Learns which functions return addresses lie in.
    ///
    /// # Errors
    ///
    /// Those of reading: then nothing is learned.
    pub fn learn(&mut self, addresses: impl Iterator<Item = u64>) -> Result<(), Errno> {
        let mut wanted: Vec<u64> =
            addresses.filter(|own| *own != 0 && !self.known.contains_key(own)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let Some(file) = self.file.as_mut().filter(|_| !wanted.is_empty()) else { return Ok(()) };
        let failed = |error| errno(&error);
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let found = find(BufReader::with_capacity(1 << 16, file), &wanted).map_err(failed)?;
        self.known.extend(found);
        Ok(())
    }

    /// The function that an address lies in, as far as it was [learned](Self::learn).
    pub fn name(&self, address: u64) -> Option<&str> {
        self.known.get(&address).map(String::as_str).filter(|name| !name.is_empty())
    }
}

/// The names of functions for return addresses, which are sorted and not 0.
///
/// A return address is that of the instruction behind a call: where the call is a function's last
/// instruction, it is the first of the next one. So what is looked for is one byte before.
///
/// The kernel's own functions are in the order of their addresses: what lies between two of them is in the
/// first. Those of modules follow in another order, so that all of them have to be seen.
fn find(mut list: impl BufRead, wanted: &[u64]) -> std::io::Result<HashMap<u64, String>> {
    let mut nearest = vec![(0, String::new()); wanted.len()];
    let mut left = wanted.len();
    let (mut line, mut last, mut before) = (Vec::new(), Vec::new(), 0);
    while left > 0 {
        line.clear();
        if list.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some(start) = start(&line) else { continue };
        let in_order = before <= start;
        let here = between(wanted, before, if in_order { start } else { u64::MAX });
        // Nearly always there is none.
        if !here.is_empty() && before != 0 {
            if in_order && !in_module(&last) && !in_module(&line) {
                left -= here.len();
            }
            is_in(&mut nearest[here], before, &last);
        }
        std::mem::swap(&mut line, &mut last);
        before = start;
    }
    if before != 0 {
        is_in(&mut nearest[between(wanted, before, u64::MAX)], before, &last);
    }
    Ok(wanted.iter().copied().zip(nearest.into_iter().map(|(_, name)| name)).collect())
}

/// Which of the return addresses lie behind calls that are between two addresses.
fn between(wanted: &[u64], from: u64, to: u64) -> std::ops::Range<usize> {
    let first = wanted.partition_point(|own| own - 1 < from);
    first..first + wanted[first..].partition_point(|own| own - 1 < to)
}

/// The address of the function in a line such as `ffffffff82057290 T ip_forward`. `None`: it is something
/// else than a function, or its address is kept from us.
fn start(line: &[u8]) -> Option<u64> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    if !matches!(line.get(space + 1)?, b't' | b'T' | b'w' | b'W') {
        return None;
    }
    let digits = std::str::from_utf8(&line[..space]).ok()?;
    u64::from_str_radix(digits, 16).ok().filter(|start| *start != 0)
}

/// Whether the name of a module follows.
fn in_module(line: &[u8]) -> bool {
    line.contains(&b'[')
}

/// Those addresses are in the function of this line, unless a nearer one is known. What the compiler adds
/// to a name (`.isra.0`, `.cold`) is left out.
fn is_in(those: &mut [(u64, String)], begin: u64, line: &[u8]) {
    let name = std::str::from_utf8(line).ok().and_then(|line| line.split_ascii_whitespace().nth(2));
    let name = name.and_then(|name| name.split('.').next()).unwrap_or_default();
    for (start, known) in those.iter_mut().filter(|(start, _)| *start < begin) {
        *start = begin;
        name.clone_into(known);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::find;

    const LIST: &str = "\
0000000000000000 A fixed_percpu_data
0000000000001000 D cpu_number
ffffffff81000000 T _text
ffffffff81000100 T ip_rcv
ffffffff81000200 t ip_rcv_core.isra.0
ffffffff81000280 D not_code
ffffffff81000300 W alias
ffffffff81000300 T ip_forward
ffffffff81000400 T last
ffffffffc0020000 t second\t[b]
ffffffffc0020100 t second_end\t[b]
ffffffffc0010000 t first\t[a]
ffffffffc0010100 t first_end\t[a]
";

    fn names(wanted: &[u64]) -> Vec<String> {
        let found = find(LIST.as_bytes(), wanted).expect("memory can be read");
        wanted.iter().map(|own| found[own].clone()).collect()
    }

    #[test]
    fn a_return_address_is_in_the_function_that_called() {
        let base = 0xffff_ffff_8100_0000;
        let wanted = [base + 0x101, base + 0x200, base + 0x2ff, base + 0x301, base + 0x401];
        let expected = ["ip_rcv", "ip_rcv", "ip_rcv_core", "ip_forward", "last"];
        assert_eq!(names(&wanted), expected);
    }

    /// Modules are not in the order of their addresses: `first` lies between `last` and `second`.
    #[test]
    fn a_module_may_come_after_one_behind_it() {
        let base = 0xffff_ffff_c000_0000;
        let wanted = [base + 0x10001, base + 0x10101, base + 0x20001, base + 0x20101];
        assert_eq!(names(&wanted), ["first", "first_end", "second", "second_end"]);
    }

    #[test]
    fn what_lies_before_all_functions_has_no_name() {
        assert_eq!(names(&[1, 0x1001]), ["", ""]);
    }

    /// Once all are found, the rest isn't read.
    #[test]
    fn it_is_read_only_as_far_as_is_needed() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("this is too far"))
            }
        }
        let upper = &LIST[..LIST.find("ffffffff81000400").expect("it is there")];
        let list = || BufReader::with_capacity(64, upper.as_bytes().chain(Broken));
        let wanted = 0xffff_ffff_8100_0101;
        assert_eq!(find(list(), &[wanted]).expect("it is not read to the end")[&wanted], "ip_rcv");
        assert!(find(list(), &[0xffff_ffff_8100_0301]).is_err());
    }
}
