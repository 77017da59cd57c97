//! A sandbox within a sandbox, for one piece of work: the process that does the work is its first one,
//! and it ends with it.

use std::io::PipeWriter;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use twinax_kernel::mounts;
use twinax_kernel::process::{Fork, NewNamespaces, fork_into};

use super::{Options, PANICKED, SandboxError, Work, set_up, tie};

/// Has work done by a process in namespaces of its own, in the user namespace of the calling process,
/// in which that must be root. There are no nodes in it and it has no holder: who joins a sandbox can be
/// joined by nobody (`PR_SET_DUMPABLE`), and so can its children. The work is told whether what is seen
/// of the file system could be set up; its value becomes the exit code. When it ends, however it ends,
/// the kernel takes all that it has made away; it ends with the calling process, too.
///
/// The calling process must have one thread only: the work is done in a fork of it.
pub(crate) fn work(
    inside: impl FnOnce(Result<(), twinax_kernel::Error>, PipeWriter) -> u8,
) -> Result<Work, SandboxError> {
    let (life_in, life_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
    let (events_in, events_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
    match fork_into(NewNamespaces { user: false }).map_err(SandboxError::Namespaces)? {
        Fork::Parent(_, pidfd) => {
            drop((life_in, events_out));
            Ok(Work { pidfd, events: events_in, life: Some(life_out) })
        }
        Fork::Child => {
            drop((life_out, events_in));
            let run = || {
                if !tie::to_parent(life_in.as_fd()) {
                    return PANICKED;
                }
                let view = set_up(&Options::default());
                let shown = view.and_then(|view| mounts::show_view(&view).map(|()| view));
                // Others see the view as long as it is open here.
                let (view, outcome) = match shown {
                    Ok(view) => (Some(view), Ok(())),
                    Err(error) => (None, Err(error)),
                };
                let code = inside(outcome, events_out);
                drop(view);
                code
            };
            // Nothing may unwind into the frames of the process that we are a copy of.
            let code = catch_unwind(AssertUnwindSafe(run)).unwrap_or(PANICKED);
            std::process::exit(code.into());
        }
    }
}
