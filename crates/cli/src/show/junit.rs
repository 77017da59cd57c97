//! The report of a run as JUnit XML: a suite for each lab, a case for each step.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use twinax_lab::report::{Broken, LabReport, StepReport};

use super::LabRun;

/// The report of these runs.
pub fn junit(runs: &[LabRun]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("twinax");
    for run in runs {
        let mut suite = TestSuite::new(run.report.lab.as_str());
        suite.set_time(run.report.time);
        suite.add_property(("file", run.file.to_string_lossy().as_ref()));
        suite.add_test_cases(run.report.steps.iter().map(step));
        if let Some(broken) = &run.report.broken {
            suite.add_test_cases(not_done(&run.report, broken));
        } else if run.report.planned == 0 {
            suite.add_test_case(TestCase::new("build", TestCaseStatus::success()));
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn step(step: &StepReport) -> TestCase {
    let status = if step.held() {
        TestCaseStatus::success()
    } else {
        let wrong = step.checks.iter().filter(|check| !check.held);
        let wrong: Vec<String> = wrong
            .map(|check| format!("expected: {}\nseen: {}", check.expected, check.seen))
            .collect();
        let wrong: Vec<String> =
            wrong.into_iter().chain(step.why.iter().map(|why| format!("\n{}", why.text))).collect();
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message("an expectation did not hold").set_description(wrong.join("\n"));
        status
    };
    let about = step.about.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = if about.is_empty() { step.done.join("; ") } else { about };
    let mut case = TestCase::new(format!("{}. {name}", step.number), status);
    case.set_time(step.time);
    let packets = step.packets.as_ref().map(|path| format!("packets: {}", path.display()));
    let said = [step.done.clone(), step.notes.clone(), packets.into_iter().collect()];
    case.set_system_out(said.concat().join("\n"));
    case
}

/// What broke, as a case of its own, and the steps that were not done because of it.
fn not_done(report: &LabReport, broken: &Broken) -> Vec<TestCase> {
    let name = match (&report.built, report.begun) {
        (None, _) => "build".to_owned(),
        (Some(_), 0) => "start".to_owned(),
        (Some(_), number) => format!("{number}. step"),
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(broken.causes.join(": "));
    let mut cases = vec![TestCase::new(name, status)];
    for number in report.begun + 1..=report.planned {
        let mut status = TestCaseStatus::skipped();
        status.set_message("the lab broke before");
        cases.push(TestCase::new(format!("{number}. step"), status));
    }
    cases
}
