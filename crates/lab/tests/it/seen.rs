//! What shipped labs expect of packets could fail: each expectation does, once it says the opposite.

use std::time::Duration;

use twinax_lab::explain::Steps;
use twinax_lab::record::Keep;
use twinax_lab::report::LabReport;
use twinax_lab::sandbox::Options;
use twinax_topology::{Count, PacketExpect, Packets, Seen, Span, Topology};

use crate::shipped;

/// How long is waited for what can't come.
const WITHIN: Span = Span(Duration::from_millis(20));

/// Everything that is to be seen is not to be seen, and the other way round.
pub fn each_expectation_of_a_shipped_lab_can_fail() {
    shipped::each("seen::each_expectation_of_a_shipped_lab_can_fail", |lab| {
        fails_all(lab, "turned round", |expect| {
            let seen = |packets: &Packets| Seen {
                packets: packets.clone(),
                count: Count::SOME,
                answers: false,
            };
            PacketExpect {
                seen: expect.unseen.iter().map(seen).collect(),
                unseen: expect.seen.iter().map(|seen| seen.packets.clone()).collect(),
                in_order: false,
                within: WITHIN,
            }
        })
    });
}

/// One more of each is to be seen than there are, or more than any number.
pub fn each_number_of_a_shipped_lab_can_fail() {
    shipped::each("seen::each_number_of_a_shipped_lab_can_fail", |lab| {
        fails_all(lab, "with other numbers", |expect| {
            let other = |seen: &Seen| Seen {
                count: match seen.count.most {
                    Some(most) => Count::exactly(most + 1),
                    None => Count { least: u32::MAX, most: None },
                },
                ..seen.clone()
            };
            let seen = expect.seen.iter().map(other).collect();
            PacketExpect { seen, unseen: Vec::new(), in_order: false, within: WITHIN }
        })
    });
}

/// What is to be seen in an order is to be seen in the opposite one.
pub fn each_order_of_a_shipped_lab_can_fail() {
    shipped::each("seen::each_order_of_a_shipped_lab_can_fail", |lab| {
        let orders = |lab: &Topology| lab.steps.iter().any(|step| step.packets.in_order);
        if !orders(lab) {
            return Ok(());
        }
        let mut lab = lab.clone();
        for step in &mut lab.steps {
            step.packets.seen.reverse();
        }
        let report = run(&lab)?;
        for (step, report) in lab.steps.iter().zip(&report.steps) {
            let order =
                report.checks.iter().find(|check| check.expected.starts_with("in this order"));
            match order {
                Some(order) if order.held => return Err(format!("it holds: {order:#?}")),
                None if step.packets.in_order => return Err(format!("no order: {report:#?}")),
                _ => {}
            }
        }
        Ok(())
    });
}

/// Runs a lab in which all that is expected of packets is changed: nothing of that may hold.
fn fails_all(
    lab: &Topology,
    how: &str,
    change: impl Fn(&PacketExpect) -> PacketExpect,
) -> Result<(), String> {
    if lab.steps.iter().all(|step| step.packets.is_empty()) {
        return Ok(());
    }
    let mut lab = lab.clone();
    for step in lab.steps.iter_mut().filter(|step| !step.packets.is_empty()) {
        step.packets = change(&step.packets);
    }
    let report = run(&lab)?;
    for (step, report) in lab.steps.iter().zip(&report.steps) {
        let count = step.packets.seen.len() + step.packets.unseen.len();
        // Those about packets come last.
        let own = report.checks.len().checked_sub(count).ok_or("too few checks")?;
        if let Some(check) = report.checks[own..].iter().find(|check| check.held) {
            return Err(format!("{how}, step {} still holds: {check:#?}", report.number));
        }
    }
    Ok(())
}

fn run(lab: &Topology) -> Result<LabReport, String> {
    let report = twinax_lab::run(lab, &Options::default(), Steps::keeping(&Keep::Nothing), |_| {})
        .map_err(|e| e.to_string())?;
    match &report.broken {
        Some(broken) => Err(format!("it broke: {broken:?}")),
        None if report.steps.len() == lab.steps.len() => Ok(report),
        None => Err("not all of its steps were done".to_owned()),
    }
}
