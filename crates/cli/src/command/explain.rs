//! Why something failed: found out at once where that is asked for, else by which command it is.

use serde_json::Value;
use twinax_lab::explain::{Explain, Explanation, Steps, Unanswered};
use twinax_lab::record::Keep;
use twinax_lab::report::{LabReport, StepReport};
use twinax_topology::{Family, LabStep, NodeName, Topology};
use twinax_why::{Question, why};

use crate::show;

/// How steps are done: with an explanation of what fails where `--why` says so.
pub fn steps(keep: &Keep, asked: bool) -> Steps<'_> {
    let explain: &Explain<'_> = &explain;
    Steps { explain: asked.then_some(explain), ..Steps::keeping(keep) }
}

/// Explains why a packet of a step was not answered. That it can't be found out is told, and no reason to
/// break off.
fn explain(step: &LabStep, unanswered: &Unanswered) -> Option<Explanation> {
    let question = Question::of_step(step, unanswered)?;
    Some(match why(&question) {
        Ok(answer) => Explanation {
            text: answer.diagnosis.to_string(),
            found: match serde_json::to_value(&answer.diagnosis) {
                Ok(Value::Object(found)) => found,
                _ => return None,
            },
        },
        Err(error) => {
            let causes = twinax_lab::hint::broken(&error).causes.join(": ");
            let text = format!("why {} is not known: {causes}", question.in_words());
            Explanation { text, found: [("error".to_owned(), causes.into())].into_iter().collect() }
        }
    })
}

/// Says by which command it is found out why a packet was not answered, to whoever has sent it. `to` is the
/// word for the destination.
pub fn offer(question: &Question, lab: &NodeName, to: &str, family: Option<Family>) {
    // A name alone may mean an address of the other family.
    let to = if family.is_some() { question.to.to_string() } else { to.to_owned() };
    show::hint(&format!("`{}` finds out why", question.asks(lab, &to)));
}

/// Says by which command it is found out why a step failed: one that asks the lab, or where it is gone,
/// this one.
pub fn offer_of_steps(lab: &Topology, report: &LabReport, stays: bool, again: &str) {
    let is_open = |step: &&StepReport| step.unanswered.is_some() && step.why.is_none();
    let Some(report_of_step) = report.steps.iter().find(is_open) else { return };
    let number = report_of_step.number;
    let asked = lab.steps.get(number - 1).zip(report_of_step.unanswered.as_ref());
    let question = asked.and_then(|(step, unanswered)| Question::of_step(step, unanswered));
    let Some(question) = question else { return };
    let command = match stays && report.broken.is_none() {
        true => question.asks(&lab.name, &question.to.to_string()),
        false => again.to_owned(),
    };
    show::hint(&format!("`{command}` finds out why step {number} failed"));
}
