//! Each test in a process of its own, before any thread is there; and the machine is left as it was.

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::machine::Machine;

/// A test: its name, and what it does. It fails by panicking.
pub type Test = (&'static str, fn());

/// Which test a process is to run, and no other.
const ALONE: &str = "TWINAX_TEST_ALONE";

/// Runs the tests that the command line asks for, as the harness of rustc would.
pub fn main(tests: &[Test]) -> ExitCode {
    if let Some(code) = crate::wire::is_called() {
        return code;
    }
    if let Some(name) = std::env::var_os(ALONE) {
        let (_, test) = tests.iter().find(|(own, _)| name == *own).expect("a test of this name");
        test();
        return ExitCode::SUCCESS;
    }
    let trials = tests.iter().map(|&(name, _)| Trial::test(name, move || alone(name)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn alone(name: &str) -> Result<(), Failed> {
    let before = Machine::snapshot();
    let status = Command::new(std::env::current_exe()?).env(ALONE, name).status()?;
    let difference = before.difference(&Machine::snapshot());
    if !difference.is_empty() {
        return Err(format!("the machine is not as it was before:\n{difference}").into());
    }
    if status.success() { Ok(()) } else { Err(format!("{status}; see its output above").into()) }
}
