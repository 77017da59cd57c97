//! From evidence to a verdict: suspects are tried one after the other, in the order in which the packet
//! meets their stages.
//!
//! The first one whose remedy changes what the kernel does is the cause. A suspect whose remedies change
//! nothing is refuted, where the copy loses the packet as the lab does; one that cannot be tried counts only
//! where the kernel itself has said it. Where nothing of that is left, the answer is that it is not known.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use twinax_kernel::ask::{Asked, RouteAnswer, RouteQuery};
use twinax_lab::copy::{Blueprint, CopyError};
use twinax_topology::{NodeName, Told};

use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::diagnosis::{Diagnosis, Mended, Tried, Verdict};
use crate::facts::Facts;
use crate::model::{self, Case};
use crate::probe::{count, probe_since};
use crate::question::{Protocol, Question};
use crate::remedy::Remedy;
use crate::seen::{At, Seen, What};
use crate::trial::{Bench, MOST, in_words};
use crate::ways::ways;
use crate::{Answer, WhyError, confirm};

/// How many causes are looked for one behind the other.
const DEPTH: usize = 3;

/// Finds out why a packet does not arrive, in the sandbox of the calling process, which must have one thread
/// only.
pub fn diagnose(question: &Question, depth: usize) -> Result<Diagnosis, WhyError> {
    examine(question, depth).map(|answer| answer.diagnosis)
}

/// As [`diagnose`], with the remedy to be carried out.
pub fn examine(question: &Question, depth: usize) -> Result<Answer, WhyError> {
    let facts = settled(question)?;
    let watched = crate::scope::watched(&facts, question)?;
    let before = facts;
    // What the probe itself has changed (neighbours that did not answer) is evidence.
    let (seen, facts) = probe_anew(question, &before, &watched)?;
    let mut diagnosis = Diagnosis {
        question: question.clone(),
        arrives: arrives(question, &facts, &seen)?,
        journey: ways(&seen),
        told: in_words(&seen),
        verdict: None,
        evidence: Vec::new(),
        remedy: None,
        others: Vec::new(),
        near_misses: Vec::new(),
        next: None,
        notes: Vec::new(),
    };
    let samples = confirm::samples(&seen);
    if seen.lost > 0 {
        diagnosis
            .notes
            .push(format!("{} frames were not seen: there was no room for them", seen.lost));
    }
    if diagnosis.arrives {
        return Ok(Answer { diagnosis, remedy: None, samples, seen });
    }
    let case = Case { question, facts: &facts, before: &before, seen: &seen };
    let suspects = model::explain(case).map_err(WhyError::Look)?;
    let nodes = crate::scope::nodes(case, &suspects)?;
    let remedy = try_and_judge(&mut diagnosis, suspects, nodes, depth)?;
    Ok(Answer { diagnosis, remedy, samples, seen })
}

/// What is known of the lab, once its link-local addresses are usable: duplicate address detection takes a
/// second or two after a device has come up, and lets the packets pass then that have waited. An address of
/// another scope that is tentative is a cause like any other, and not waited for.
fn settled(question: &Question) -> Result<Facts, WhyError> {
    let deadline = Instant::now() + DETECTION;
    loop {
        let facts = Facts::gather().map_err(WhyError::Look)?;
        if question.to.is_ipv4() || !facts.is_detecting() || Instant::now() >= deadline {
            return Ok(facts);
        }
        // The kernel tells of addresses only to who is in the node; there may be a thousand.
        std::thread::sleep(LOOK_EVERY);
    }
}

/// How long duplicate address detection takes at most: a random second, and one for each of two questions.
const DETECTION: Duration = Duration::from_secs(4);
/// How often one looks whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Sends the packet, and looks at the lab; once more where it has only joined others that wait for a neighbour
/// who was asked for before: who asks, and how that ends, is seen of the first one alone.
fn probe_anew(
    question: &Question,
    before: &Facts,
    watched: &[NodeName],
) -> Result<(Seen, Facts), WhyError> {
    let mut sent = 1;
    let counted = count(watched)?;
    loop {
        let seen = probe_since(question, before, watched, &counted)?;
        let facts = Facts::gather().map_err(WhyError::Look)?;
        if seen.answered || sent == TRIES || !has_joined(question, &seen, &facts)? {
            return Ok((seen, facts));
        }
        sent += 1;
    }
}

/// Whether the packet may wait, or have waited, for a neighbour for whom nobody has asked on its behalf.
fn has_joined(question: &Question, seen: &Seen, facts: &Facts) -> Result<bool, WhyError> {
    let last = seen.requests().last().map_or(&question.from, |sight| &sight.at.node);
    // The entry of a neighbour who did not answer may be gone (`neigh_forced_gc`); that he did not is said of
    // IPv6 alone (RFC 4443, 3.1).
    if seen.was_told(Told::AddressUnreachable) {
        let way = facts.route(last, &RouteQuery::to(question.to)).map_err(WhyError::Look)?;
        let Asked::Route(RouteAnswer { dev: Some(dev), via, .. }) = way else { return Ok(false) };
        let next = via.unwrap_or(question.to);
        return Ok(seen.asks(&At::new(last, &dev), next).next().is_none());
    }
    let node = facts.node(last).map_err(WhyError::Look)?;
    // No question is seen of a device that has no carrier.
    let has_carrier = |at: &At| facts.link(at).is_some_and(|link| link.carrier);
    let wanted =
        node.neighbours.iter().filter(|own| matches!(&*own.state, "INCOMPLETE" | "FAILED"));
    let wanted: Vec<(At, IpAddr)> = wanted
        .map(|own| (At::new(last, &own.dev), own.to))
        .filter(|(at, _)| has_carrier(at))
        .collect();
    // A node asks for others besides.
    let asked_for = |(at, to): &(At, IpAddr)| seen.asks(at, *to).next().is_some();
    Ok(!wanted.is_empty() && !wanted.iter().any(asked_for))
}

/// How often it is sent at most: the kernel asks three times, a second apart.
const TRIES: usize = 4;

/// Whether the packet has done what it should.
pub fn arrives(question: &Question, facts: &Facts, seen: &Seen) -> Result<bool, WhyError> {
    let case = Case { question, facts, before: facts, seen };
    if seen.answered {
        let elsewhere = model::other_recipient(case).is_some()
            || model::is_taken_on_the_way(case).map_err(WhyError::Look)?;
        return Ok(!elsewhere);
    }
    // A service need not answer a datagram: to be taken by who listens is enough.
    if question.protocol != Protocol::Udp || !seen.words.is_empty() {
        return Ok(false);
    }
    let Some(last) = model::last(case, What::Request) else { return Ok(false) };
    if !model::is_delivered(case, last) || seen.replies().next().is_some() {
        return Ok(false);
    }
    let Some(header) = model::entering(case, last) else { return Ok(false) };
    let listens = model::listens(case, &last.at, header).map_err(WhyError::Look)?;
    Ok(listens && model::explain(case).map_err(WhyError::Look)?.is_empty())
}

fn try_and_judge(
    diagnosis: &mut Diagnosis,
    suspects: Vec<Suspect>,
    nodes: BTreeSet<NodeName>,
    depth: usize,
) -> Result<Option<Remedy>, WhyError> {
    let nodes: Vec<NodeName> = nodes.into_iter().collect();
    let blueprint = Blueprint::take(&nodes);
    let Some(bench) = bench(diagnosis, blueprint.as_ref()) else {
        return Ok(untried(diagnosis, suspects));
    };
    let mut tried = try_each(&bench, &suspects);
    let has_remedies = suspects.iter().any(|suspect| !suspect.remedies.is_empty());
    if has_remedies && tried.iter().all(|of| best(&of.remedies).is_none()) {
        tried = try_each(&bench.patient(), &suspects);
    }
    let Some(chosen) = choose(&suspects, &tried) else {
        return Ok(search(diagnosis, &bench, &suspects, &nodes));
    };
    let (suspect, Trials { remedies, misses }) = (&suspects[chosen], &tried[chosen]);
    diagnosis.evidence = suspect.evidence.clone();
    dedup(&mut diagnosis.evidence);
    diagnosis.verdict = Some(verdict(&suspect.cause));
    diagnosis.near_misses =
        misses.iter().chain(remedies).filter(|one| one.tried == Tried::Same).cloned().collect();
    let Some(best) = best(remedies) else { return Ok(None) };
    let mended = remedies[best].clone();
    let says = format!("with that mended on a copy, {}", mended.answer);
    diagnosis.evidence.push(Evidence::new(Mark::Tried, says));
    let others = remedies.iter().enumerate().filter(|(place, _)| *place != best);
    diagnosis.others = others.map(|(_, one)| one).filter(|one| helps(one)).cloned().collect();
    let remedy = suspect.remedies[best].clone();
    if mended.tried == Tried::Further && depth + 1 < DEPTH {
        match bench.next(&remedy, depth + 1) {
            Ok(next) => diagnosis.next = next.verdict.map(Box::new),
            Err(error) => {
                diagnosis
                    .notes
                    .push(format!("what comes next could not be found out: {}", error.in_full()));
            }
        }
    }
    diagnosis.remedy = Some(mended);
    Ok(Some(remedy))
}

/// Where remedies are tried; `None`, and a note why, where nothing can be: then nothing is proven by it.
fn bench<'a>(
    diagnosis: &mut Diagnosis,
    blueprint: Result<&'a Blueprint, &CopyError>,
) -> Option<Bench<'a>> {
    let opened = match blueprint {
        Ok(blueprint) => {
            diagnosis.notes.extend(blueprint.lacks().iter().cloned());
            Bench::open(blueprint, &diagnosis.question).map_err(|error| error.in_full())
        }
        Err(error) => Err(error.in_full()),
    };
    match opened {
        Ok(bench) if !bench.unchanged.arrives => return Some(bench),
        Ok(bench) => {
            diagnosis.notes.push(
                "on a copy of the nodes the packet arrives: what stops it is not in what could be copied"
                    .to_owned(),
            );
            diagnosis.notes.extend(bench.lacks());
        }
        Err(error) => diagnosis.notes.push(format!("nothing could be tried: {error}")),
    }
    None
}

/// What came of trying one suspect.
struct Trials {
    remedies: Vec<Mended>,
    misses: Vec<Mended>,
}

/// Whether a remedy has changed what the kernel does.
fn helps(one: &Mended) -> bool {
    matches!(one.tried, Tried::Arrives | Tried::Further)
}

/// The best remedy: the first by which the packet arrives, else the first that helps.
fn best(remedies: &[Mended]) -> Option<usize> {
    let arrives = remedies.iter().position(|one| one.tried == Tried::Arrives);
    arrives.or_else(|| remedies.iter().position(helps))
}

/// The suspect that is the cause: the first whose remedy helps, or that the kernel itself has named and of
/// which nothing could be tried.
fn choose(suspects: &[Suspect], tried: &[Trials]) -> Option<usize> {
    let found = tried.iter().position(|of| best(&of.remedies).is_some());
    let sure = suspects.iter().zip(tried).position(|(suspect, of)| {
        suspect.certain && of.remedies.iter().all(|one| one.tried == Tried::Not)
    });
    match (found, sure) {
        (Some(found), Some(sure)) => Some(found.min(sure)),
        (Some(found), None) => Some(found),
        // A fact that stops a packet by itself, behind which something else does as well.
        (None, _) => suspects.iter().position(|suspect| suspect.certain),
    }
}

/// What came of each suspect's remedies, and of its near misses.
fn try_each(bench: &Bench<'_>, suspects: &[Suspect]) -> Vec<Trials> {
    let all: Vec<&Remedy> = suspects
        .iter()
        .flat_map(|suspect| suspect.remedies.iter().chain(&suspect.near_misses))
        .take(MOST)
        .collect();
    let mut tried = bench.try_all(&all).into_iter();
    let mut take =
        |of: &[Remedy]| -> Vec<Mended> { of.iter().map_while(|_| tried.next()).collect() };
    let of = |suspect: &Suspect| Trials {
        remedies: take(&suspect.remedies),
        misses: take(&suspect.near_misses),
    };
    suspects.iter().map(of).collect()
}

fn verdict(cause: &Cause) -> Verdict {
    Verdict { sentence: cause.sentence.clone(), causes: vec![cause.clone()], certain: true }
}

/// The same thing is said once.
fn dedup(evidence: &mut Vec<Evidence>) {
    let mut said: Vec<Evidence> = Vec::new();
    evidence.retain(|one| {
        let new = !said.contains(one);
        if new {
            said.push(one.clone());
        }
        new
    });
}

/// Nothing could be tried: what the kernel has said counts, and what is the only thing that is possible. The remedy
/// of what is certain is told as one that was not tried.
fn untried(diagnosis: &mut Diagnosis, suspects: Vec<Suspect>) -> Option<Remedy> {
    let certain = suspects.iter().find(|suspect| suspect.certain);
    if let Some(suspect) = certain {
        diagnosis.evidence = suspect.evidence.clone();
        diagnosis.verdict = Some(verdict(&suspect.cause));
        let remedy = suspect.remedies.first()?;
        let answer = "what stops the packet is in no copy".to_owned();
        diagnosis.remedy = Some(Mended { words: remedy.words(), tried: Tried::Not, answer });
        return Some(remedy.clone());
    }
    match &suspects[..] {
        [] => unknown(diagnosis, &suspects),
        several => {
            let sentences: Vec<&str> =
                several.iter().map(|suspect| suspect.cause.sentence.as_str()).collect();
            diagnosis.evidence = several.iter().flat_map(|own| own.evidence.clone()).collect();
            dedup(&mut diagnosis.evidence);
            let says =
                "only this could stop the packet between where it was seen and where it was not";
            diagnosis.evidence.push(Evidence::new(Mark::Inferred, says));
            diagnosis.verdict = Some(Verdict {
                sentence: sentences.join(" Or: "),
                causes: several.iter().map(|suspect| suspect.cause.clone()).collect(),
                certain: false,
            });
        }
    }
    None
}

/// Tries what else is set in the nodes where the packet was seen last, and is not as the kernel has it by
/// itself: the model need not know what each knob is for.
fn search(
    diagnosis: &mut Diagnosis,
    bench: &Bench<'_>,
    suspects: &[Suspect],
    nodes: &[NodeName],
) -> Option<Remedy> {
    let mut last: Vec<NodeName> = Vec::new();
    let ways = [diagnosis.journey.back.last(), diagnosis.journey.there.last()];
    for hop in ways.into_iter().flatten() {
        last.extend(hop.at.split(':').next().and_then(|node| node.parse().ok()));
    }
    last.push(diagnosis.question.from.clone());
    last.extend(nodes.iter().cloned());
    let mut knobs = Vec::new();
    for node in last {
        if knobs.iter().any(|(known, _, _): &(NodeName, _, _)| *known == node) {
            continue;
        }
        let set = twinax_lab::found::set_sysctls(&node).unwrap_or_default();
        knobs.extend(set.into_iter().map(|(own, usual)| (node.clone(), own, usual)));
    }
    knobs.truncate(MOST);
    let remedies: Vec<Remedy> = knobs
        .iter()
        .map(|(node, own, usual)| Remedy::sysctls(node, [(own.key.path(), usual.as_str())]))
        .collect();
    let tried = bench.try_all(&remedies.iter().collect::<Vec<_>>());
    // To get further is not enough: whoever turns what decides about all packets sends them elsewhere.
    let best = tried.iter().position(|one| one.tried == Tried::Arrives);
    let Some(best) = best else {
        diagnosis.notes.extend(bench.lacks());
        unknown(diagnosis, suspects);
        return None;
    };
    let (node, own, usual) = &knobs[best];
    let says = format!(
        "{node} does not let the packet pass: {} is {}; with {usual}, which is usual, it does.",
        own.key, own.value
    );
    let cause = Cause::new(Kind::Sysctl, node, says).by(own.key.to_string(), own.value.as_str());
    let cause = match own.key.interface() {
        Some(device) => cause.at(device),
        None => cause,
    };
    diagnosis.evidence = vec![
        Evidence::sysctl(node, &own.key.to_string(), &own.value),
        Evidence::new(Mark::Tried, format!("with that mended on a copy, {}", tried[best].answer)),
    ];
    diagnosis.verdict = Some(verdict(&cause));
    diagnosis.remedy = Some(tried[best].clone());
    Some(remedies[best].clone())
}

/// It is not known: how far the packet was seen is all that can be said.
fn unknown(diagnosis: &mut Diagnosis, suspects: &[Suspect]) {
    let last = diagnosis.journey.back.last().or(diagnosis.journey.there.last());
    let seen = match last {
        Some(hop) => format!("it was seen last at {} ({})", hop.at, hop.direction),
        None => "it was seen nowhere".to_owned(),
    };
    let considered = suspects.iter().map(|own| {
        let says = &own.cause.sentence;
        match own.remedies.is_empty() {
            true => Evidence::new(
                Mark::Inferred,
                format!("it may be this, and nothing could be tried: {says}"),
            ),
            false => {
                Evidence::new(Mark::Tried, format!("it is not this, or not this alone: {says}"))
            }
        }
    });
    diagnosis.evidence = considered.collect();
    diagnosis.verdict = Some(Verdict {
        sentence: format!("I don't know why the packet does not arrive; {seen}."),
        causes: Vec::new(),
        certain: false,
    });
}
