//! The trial: a sandbox in which every part of the kernel is used once.

use std::collections::HashMap;
use std::error::Error;
use std::io::PipeWriter;
use std::thread;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use twinax_kernel::Netns;
use twinax_kernel::capability::{self, Feature, user_namespaces};

use super::{Check, State};
use crate::remedy;
use crate::sandbox::{Options, Sandbox, SandboxError};

/// What came out.
pub(super) struct Trial {
    /// Where it took place; or why it did not.
    place: Result<Place, Failure>,
    /// Of each part, whether it is there; or why that could not be found out.
    outcomes: HashMap<Feature, Result<bool, String>>,
}

enum Place {
    /// A sandbox with a user namespace of its own.
    Sandbox,
    /// A sandbox without.
    WithoutUserNamespace(String),
    /// A network namespace on a thread: the process has several, so that it may not be forked.
    Thread,
}

/// Why a trial did not take place.
struct Failure {
    /// In the words of the error.
    words: String,
    /// Whether that is because this process has several threads.
    has_threads: bool,
}

impl Failure {
    fn of(error: &dyn Error) -> Self {
        Self { words: chain(error), has_threads: false }
    }
}

/// What the sandbox tells: the outcomes in the order of [`Feature::ALL`].
#[derive(Serialize, Deserialize)]
struct Told(Vec<Result<bool, String>>);

impl Trial {
    /// Whether a part is there.
    pub(super) fn outcome(&self, feature: Feature) -> Result<bool, String> {
        let not_tried = || Err("could not be tried without a sandbox".to_owned());
        self.outcomes.get(&feature).cloned().unwrap_or_else(not_tried)
    }

    /// Whether a sandbox starts.
    pub(super) fn sandbox(&self) -> Check {
        let (name, needed_for) = ("sandbox", "every lab");
        match &self.place {
            Ok(Place::Sandbox) => Check::good(name, needed_for, "starts"),
            Ok(Place::Thread) => {
                Check::good(name, needed_for, "not tried, but root may make network namespaces")
            }
            Ok(Place::WithoutUserNamespace(error)) => Check::bad(
                name,
                needed_for,
                State::Limited,
                format!("starts, but not with a user namespace: {error}"),
                "`sudo sysctl -w user.max_user_namespaces=15000`",
            ),
            Err(Failure { has_threads: true, .. }) => Check {
                name,
                state: State::Limited,
                found: "not tried, because this process has several threads".to_owned(),
                remedy: None,
                needed_for,
            },
            Err(Failure { words, .. }) => {
                let trouble = remedy::user_namespaces(&user_namespaces());
                let remedy = trouble.map_or_else(
                    || {
                        "in a container, start it with `--privileged`, or with `--security-opt \
                         seccomp=unconfined --security-opt apparmor=unconfined`; else run as root"
                            .to_owned()
                    },
                    |trouble| trouble.remedy,
                );
                Check::bad(name, needed_for, State::Missing, words, remedy)
            }
        }
    }
}

/// Tries everything, in the best place that there is.
pub(super) fn run() -> Trial {
    let failure = match in_sandbox(&Options::default()) {
        Ok(outcomes) => return trial(Place::Sandbox, outcomes),
        Err(failure) => failure,
    };
    if capability::may_make_namespaces() {
        if let Ok(outcomes) = in_sandbox(&Options { no_user_namespace: true, ..Options::default() })
        {
            return trial(Place::WithoutUserNamespace(failure.words), outcomes);
        }
        if let Some(outcomes) = on_thread() {
            return trial(Place::Thread, outcomes);
        }
    }
    Trial { place: Err(failure), outcomes: HashMap::new() }
}

fn trial(place: Place, outcomes: Vec<Result<bool, String>>) -> Trial {
    let outcomes = Feature::ALL.iter().copied().zip(outcomes).collect();
    Trial { place: Ok(place), outcomes }
}

fn in_sandbox(options: &Options) -> Result<Vec<Result<bool, String>>, Failure> {
    let sandbox = Sandbox::start(options).map_err(|error| match &error {
        SandboxError::Namespaces(cause) if cause.errno() == Some(Errno::BUSY) => {
            Failure { has_threads: true, ..Failure::of(&error) }
        }
        error => Failure::of(error),
    })?;
    let work = sandbox.holder().work(|events| tell(events, Told(try_here())));
    let mut work = work.map_err(|error| Failure::of(&error))?;
    let told: Result<Told, _> = serde_json::from_reader(work.events());
    let ended = work.wait().map_err(|error| Failure::of(&error))?;
    let broken = |_| Failure { words: format!("it broke off: {ended:?}"), has_threads: false };
    Ok(told.map_err(broken)?.0)
}

fn tell(events: PipeWriter, told: Told) -> u8 {
    u8::from(serde_json::to_writer(events, &told).is_err())
}

/// `None` where root may not make a network namespace either.
fn on_thread() -> Option<Vec<Result<bool, String>>> {
    let thread = thread::spawn(|| Netns::create().map(|_here| try_here()));
    thread.join().ok()?.ok()
}

fn try_here() -> Vec<Result<bool, String>> {
    Feature::ALL.iter().map(|feature| feature.try_here().map_err(|error| chain(&error))).collect()
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
