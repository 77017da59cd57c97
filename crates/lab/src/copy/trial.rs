//! Work in a copy, done by a process of its own.

use std::error::Error as StdError;
use std::io::{PipeWriter, Read as _, Write as _};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::CopyError;
use crate::hint;
use crate::lab::Lab;
use crate::report::Broken;
use crate::sandbox::{Ended, SandboxError, Work, nested};

/// Work that is being done in a copy. Dropped, it is broken off, and the copy is gone.
#[derive(Debug)]
pub struct Trial<T> {
    work: Work,
    value: PhantomData<fn() -> T>,
}

/// What a worker says at its end.
#[derive(Debug, Serialize, Deserialize)]
enum Said<T> {
    /// The value of the work, and what the copy did not have.
    Value(T, Vec<String>),
    /// The copy could not be built.
    NotBuilt(Broken),
    /// The work failed.
    Failed(Broken),
}

impl<T: Serialize + DeserializeOwned> Trial<T> {
    /// Starts a sandbox within that of the calling process, and in it a process that builds and works.
    pub(super) fn start<E: Into<Box<dyn StdError>>>(
        build: impl FnOnce() -> Result<(Lab, Vec<String>), Box<dyn StdError>>,
        work: impl FnOnce(&mut Lab) -> Result<T, E>,
    ) -> Result<Self, CopyError> {
        let inside = |ready: Result<(), twinax_kernel::Error>, events: PipeWriter| {
            let said = match ready.map_err(Into::into).and_then(|()| build()) {
                Ok((mut lab, lacks)) => match work(&mut lab) {
                    Ok(value) => Said::Value(value, lacks),
                    Err(error) => Said::Failed(hint::broken(&*error.into())),
                },
                Err(error) => Said::NotBuilt(hint::broken(&*error)),
            };
            tell(&said, events)
        };
        Ok(Self { work: nested::work(inside)?, value: PhantomData })
    }

    /// Waits for the value.
    ///
    /// # Errors
    ///
    /// That of the work, or why there was no copy to do it in.
    pub fn finish(self) -> Result<T, CopyError> {
        self.finish_told().map(|(value, _)| value)
    }

    /// Waits for the value, and for what the kernel refused to build in the copy, in words.
    ///
    /// # Errors
    ///
    /// That of the work, or why there was no copy to do it in.
    pub fn finish_told(mut self) -> Result<(T, Vec<String>), CopyError> {
        let mut said = Vec::new();
        self.work.events().read_to_end(&mut said).map_err(SandboxError::Pipe)?;
        match self.work.wait().map_err(SandboxError::Pipe)? {
            Ended::Exit(0) => {}
            ended => return Err(CopyError::BrokenOff(ended)),
        }
        match serde_json::from_slice(&said).map_err(CopyError::Value)? {
            Said::Value(value, lacks) => Ok((value, lacks)),
            Said::NotBuilt(broken) => Err(CopyError::Build(broken.into())),
            Said::Failed(broken) => Err(CopyError::Work(broken.into())),
        }
    }
}

/// The exit code of a worker that could not say its value.
const UNSAID: u8 = 4;

fn tell<T: Serialize>(said: &Said<T>, mut events: PipeWriter) -> u8 {
    let written = serde_json::to_vec(said).is_ok_and(|said| events.write_all(&said).is_ok());
    if written { 0 } else { UNSAID }
}
