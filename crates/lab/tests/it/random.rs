//! Random cases, smaller ones when one fails.

use std::fs::File;

use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};
use twinax_topology::Topology;
use twinax_topology::arbitrary::{self, topology};

/// Runs a test on so many random values; `PROPTEST_CASES` asks for another number. Those that have
/// failed once are kept in the file of the test, and tried again first.
pub fn each<S: Strategy>(
    test: &str,
    cases: u32,
    values: &S,
    check: impl Fn(S::Value) -> Result<(), String>,
) {
    let seeds = format!("{}/tests/it/{test}.proptest-regressions", env!("CARGO_MANIFEST_DIR"));
    let said = |name| std::env::var_os(name).is_some();
    let default = Config::default();
    let shrinks = if said("PROPTEST_MAX_SHRINK_ITERS") { default.max_shrink_iters } else { 300 };
    let config = Config {
        cases: if said("PROPTEST_CASES") { default.cases } else { cases },
        max_shrink_iters: shrinks,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds.leak()))),
        ..default
    };
    let check = |value| check(value).map_err(TestCaseError::fail);
    // Whoever asks for more cases looks for new ones; otherwise they are the same in every run, so
    // that a change is not held up by what it has not changed.
    let mut runner = if said("PROPTEST_CASES") {
        TestRunner::new(config)
    } else {
        let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        TestRunner::new_with_rng(config, same)
    };
    match runner.run(values, check) {
        Ok(()) => {}
        // The reason says more than the fields of the value.
        Err(TestError::Fail(reason, _) | TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Labs with all that this machine can build, without steps.
pub fn lab() -> impl Strategy<Value = Topology> {
    topology(arbitrary::Config { taps: taps(), firewall: true, rulesets: true, steps: false })
}

/// Whether TUN/TAP devices can be made.
pub fn taps() -> bool {
    File::options().read(true).write(true).open("/dev/net/tun").is_ok()
}
