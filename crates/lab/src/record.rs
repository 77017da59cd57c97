//! Keeping the packets of steps: a pcapng file for each.
//!
//! ```text
//!   DIR/01-both-requests-are-lost.pcapng     of every step, where that is asked for
//!   TMPDIR/twinax-LAB-UID/02-….pcapng        of a step that has failed, where it is not
//! ```
//!
//! The folders are opened as the calling process sees them, before the lab is joined: in there other files
//! may be seen. What may yet be thrown away has no name.

mod folder;

use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use twinax_packet::pcapng::WriteError;
use twinax_packet::{Frame, Interface, Time};
use twinax_topology::{Action, LabStep, NodeName, Topology};

use crate::capture::CaptureFile;
use folder::Folder;

/// What is kept of the packets of steps, and where.
#[derive(Debug, Clone)]
pub enum Keep {
    /// Those of every step, in this folder.
    Every(PathBuf),
    /// Those of steps that expect packets and fail, in the system's temporary folder.
    Failed,
    /// None.
    Nothing,
}

/// Why packets can't be kept.
#[derive(Debug, thiserror::Error)]
#[error("packets can't be kept in `{}`", path.display())]
pub struct RecordError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl RecordError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self { path: path.to_owned(), source }
    }

    fn again(&self) -> Self {
        let Self { path, source } = self;
        let source = match source.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => source.kind().into(),
        };
        Self { path: path.clone(), source }
    }
}

impl Keep {
    /// Keeps those of every step in a folder, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// Where nothing can be written in it.
    pub fn every(folder: &Path) -> Result<Self, RecordError> {
        let failed = || RecordError::at(folder);
        std::fs::create_dir_all(folder).map_err(failed())?;
        Folder::open(folder).and_then(|folder| folder.try_out()).map_err(failed())?;
        Ok(Self::Every(folder.to_owned()))
    }

    /// Opens the folder, for the steps of a lab.
    pub(crate) fn open(&self, lab: &Topology) -> Result<Records, RecordError> {
        let path = match self {
            Self::Every(path) => path.clone(),
            Self::Failed => std::env::temp_dir(),
            Self::Nothing => PathBuf::new(),
        };
        let folder = Folder::open(&path).map_err(RecordError::at(&path));
        let folder = match self {
            Self::Every(_) => Some(Ok(folder?)),
            // Without a temporary folder a step can be done all the same.
            Self::Failed => Some(folder),
            Self::Nothing => None,
        };
        let user = rustix::process::geteuid().as_raw();
        Ok(Records {
            every: matches!(self, Self::Every(_)),
            folder,
            path,
            own: format!("twinax-{}-{user}", lab.name),
            digits: lab.steps.len().to_string().len().max(2),
        })
    }
}

/// The folder in which packets are kept.
pub(crate) struct Records {
    every: bool,
    /// The folder, or why it can't be had; `None`: nothing is kept.
    folder: Option<Result<Folder, RecordError>>,
    path: PathBuf,
    /// What the folder in the temporary one is called.
    own: String,
    /// How many digits the number of a step has.
    digits: usize,
}

impl Records {
    /// Whether the packets of every step are kept.
    pub(crate) fn every(&self) -> bool {
        self.every
    }

    /// Begins to keep the packets of a step.
    pub(crate) fn begin(
        &self,
        number: usize,
        step: &LabStep,
    ) -> Result<Recording<'_>, RecordError> {
        /// What nobody has asked for must not fill the disk: so many bytes of a step are kept.
        const AT_MOST: u64 = 64 << 20;
        let name = format!("{number:0digits$}-{}.pcapng", slug(step), digits = self.digits);
        let path = self.path.join(&name);
        let begin = |file| CaptureFile::new(file, None).map_err(io_error);
        let file = match &self.folder {
            None => None,
            Some(Ok(folder)) if self.every => {
                Some(Ok(folder.create(&name).and_then(begin).map_err(RecordError::at(&path))?))
            }
            Some(Ok(folder)) => {
                Some(folder.nameless().and_then(begin).map_err(RecordError::at(&self.path)))
            }
            Some(Err(error)) => Some(Err(error.again())),
        };
        let room = if self.every { u64::MAX } else { AT_MOST };
        Ok(Recording { records: self, name, path, file, room })
    }
}

/// The packets of a step that is being done.
pub(crate) struct Recording<'r> {
    records: &'r Records,
    name: String,
    path: PathBuf,
    /// The file; why there is none is told only when it is wanted.
    file: Option<Result<CaptureFile<File>, RecordError>>,
    room: u64,
}

impl Recording<'_> {
    /// A frame was seen.
    pub(crate) fn frame(&mut self, interfaces: &[Interface], frame: &Frame<'_>) {
        /// About what there is of a packet in the file besides its bytes.
        const AROUND: u64 = 44;
        let size = frame.bytes.len() as u64 + AROUND;
        if size > self.room {
            self.room = 0;
            return;
        }
        self.room -= size;
        self.write(|file| file.frame(interfaces, frame));
    }

    /// There are no more for the moment: of what somebody waits for, all that there is can be read from
    /// now on.
    pub(crate) fn pause(&mut self, interfaces: &[Interface]) {
        if self.is_asked_for() {
            self.write(|file| file.flush(interfaces, now()));
        }
    }

    /// Of a node so many frames were not seen.
    pub(crate) fn lost(&mut self, node: &NodeName, frames: u64) {
        if let Some(Ok(file)) = &mut self.file {
            file.lost(node, frames);
        }
    }

    /// There are no more; where they are kept. `wanted`: they are, even if nobody has asked for it.
    pub(crate) fn end(
        self,
        interfaces: &[Interface],
        wanted: bool,
    ) -> Result<Option<PathBuf>, RecordError> {
        let Self { records, name, path, file, .. } = self;
        let Some(file) = file.filter(|_| records.every || wanted) else { return Ok(None) };
        let finish = |file: CaptureFile<File>| file.finish(interfaces, now()).map_err(io_error);
        let mut file = finish(file?).map_err(RecordError::at(&path))?;
        match &records.folder {
            Some(Ok(folder)) if !records.every => {
                let own = records.path.join(&records.own);
                let (folder, own) = folder.own(&own).map_err(RecordError::at(&own))?;
                let path = own.join(&name);
                let copied =
                    file.rewind().and_then(|()| io::copy(&mut file, &mut folder.create(&name)?));
                copied.map_err(RecordError::at(&path))?;
                Ok(Some(path))
            }
            _ => Ok(Some(path)),
        }
    }

    /// Whether they are kept in any case.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.records.every
    }

    /// Whether some were left out because there were too many.
    pub(crate) fn is_cut(&self) -> bool {
        self.room == 0
    }

    fn write(&mut self, write: impl FnOnce(&mut CaptureFile<File>) -> Result<(), WriteError>) {
        let Some(Ok(file)) = &mut self.file else { return };
        if let Err(error) = write(file) {
            let source = io_error(error);
            self.file = Some(Err(RecordError { path: self.path.clone(), source }));
        }
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn io_error(error: WriteError) -> io::Error {
    match error {
        WriteError::Out(error) => error,
        other => io::Error::other(other),
    }
}

/// The words of a step, as they can stand in the name of a file: what it is about, or what it does.
fn slug(step: &LabStep) -> String {
    /// A name of a file has at most 255 bytes; nobody reads so many.
    const LONGEST: usize = 60;
    let mut slug = String::new();
    for word in step.about.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if slug.len() + word.len() >= LONGEST {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(word.chars().flat_map(char::to_lowercase));
    }
    if slug.is_empty() { what(&step.action).to_owned() } else { slug }
}

fn what(action: &Action) -> &'static str {
    match action {
        Action::Change(_) => "change",
        Action::Ping(..) => "ping",
        Action::Traceroute(..) => "traceroute",
        Action::Tcp(..) => "tcp",
        Action::Udp(..) => "udp",
        Action::Run(..) => "run",
        Action::Look(..) => "look",
        Action::Reach(_) => "reach",
        Action::Add(_) => "add",
        Action::Remove(_) => "remove",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(about: &str) -> String {
        let text = "reach = [[\"a\", \"b\"]]";
        let step = twinax_topology::parse_step(text).unwrap_or_else(|error| panic!("{error}"));
        slug(&LabStep { about: about.to_owned(), ..step })
    }

    #[test]
    fn a_file_is_named_for_what_the_step_is_about() {
        for (about, name) in [
            ("Out of veth1, both requests are lost.", "out-of-veth1-both-requests-are-lost"),
            ("  ../../etc/passwd\0\n", "etc-passwd"),
            ("Größe: ½", "größe-½"),
            ("", "reach"),
            ("...", "reach"),
        ] {
            assert_eq!(named(about), name);
        }
        let long = named(&"word ".repeat(100));
        assert!(long.len() <= 60 && long.ends_with("-word"), "{long}");
        assert_eq!(named(&"x".repeat(300)), "reach");
    }
}
