//! Who runs the program.
//!
//! Where the tests run as root, a user is a real one: another user ID, no capabilities. Where they
//! run as a user, that user is it, and there is no root.

use rustix::process::{getegid, geteuid};

/// The user and group ID of the user that root makes up.
const MADE_UP: u32 = 4242;

/// Those of the stranger that root makes up.
const STRANGER: u32 = 4343;

/// Whom the program runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Real root.
    Root,
    /// A user without subordinate IDs.
    User,
    /// A user with subordinate IDs and the programs that map them.
    UserWithRanges,
    /// Another user, who has nothing to do with the first.
    Stranger,
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    geteuid().is_root()
}

impl Who {
    /// Whoever can have a world of his own made: root where that is possible.
    pub fn here() -> Self {
        if is_root() { Self::Root } else { Self::User }
    }

    /// All that there are here but those with ranges.
    pub fn all() -> Vec<Self> {
        if is_root() { vec![Self::Root, Self::User] } else { vec![Self::User] }
    }

    /// All that there can be here, those with ranges too.
    pub fn everybody() -> Vec<Self> {
        let all = [Self::Root, Self::User, Self::UserWithRanges];
        all.into_iter().filter(|who| who.is_lacking().is_none()).collect()
    }

    /// Why nobody can be this here; `None`: somebody can.
    pub fn is_lacking(self) -> Option<&'static str> {
        match self {
            Self::Root if !is_root() => Some("needs root"),
            Self::Stranger if !is_root() => Some("needs root, to be two users"),
            Self::UserWithRanges if !is_root() => Some("needs root, to give a user ranges of IDs"),
            Self::UserWithRanges if !is_there("newuidmap") => Some("there is no `newuidmap`"),
            _ => None,
        }
    }

    /// The user and group ID of this one.
    pub fn ids(self) -> (u32, u32) {
        match self {
            Self::Root => (0, 0),
            Self::Stranger => (STRANGER, STRANGER),
            _ if is_root() => (MADE_UP, MADE_UP),
            _ => (geteuid().as_raw(), getegid().as_raw()),
        }
    }

    /// Whether this is somebody else than the tests.
    pub fn is_another(self) -> bool {
        is_root() && self != Self::Root
    }

    /// The lines of shell that make a world in which this one can be: see
    /// [`Program::world`](super::Program::world).
    pub fn world(self) -> Vec<String> {
        if self != Self::UserWithRanges {
            return Vec::new();
        }
        let entry = |file: &str, line: &str| format!("echo '{line}' >> /etc/{file}");
        vec![
            OWN_ETC.to_owned(),
            entry("passwd", &format!("ada:x:{MADE_UP}:{MADE_UP}::/:/bin/sh")),
            entry("group", &format!("ada:x:{MADE_UP}:")),
            entry("subuid", "ada:700000000:65536"),
            entry("subgid", "ada:700000000:65536"),
        ]
    }
}

/// Puts a copy of what may be read of `/etc`, which can be changed, in its place. `$FOLDER` is the
/// test's folder.
pub const OWN_ETC: &str = "mount -t tmpfs -o mode=755 etc \"$FOLDER/mount\"\n\
     cp -a /etc/. \"$FOLDER/mount\" 2>/dev/null || :\n\
     mount --bind \"$FOLDER/mount\" /etc";

/// Makes `/dev/net/tun` one that everybody may use.
pub const OWN_TUN: &str = "mount -t tmpfs -o mode=755 tun /dev/net && \
     mknod /dev/net/tun c 10 200 && chmod 666 /dev/net/tun";

/// Whether this program is in `PATH` or in one of the folders of the system's programs.
pub fn is_there(program: &str) -> bool {
    super::program::find(program).is_some()
}
