//! Programs of the machine, and how one gets those that are not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where programs for root are; an ordinary user's `PATH` often lacks these folders.
const FOR_ROOT: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Where a program is: in the folders of `PATH`, or in those for root's programs.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(FOR_ROOT.map(PathBuf::from))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// Whether a program runs with rights that the one who starts it does not have: set-user-ID root,
/// or with capabilities of its own (`capabilities(7)`, "File capabilities").
pub(crate) fn has_rights_of_its_own(file: &Path) -> bool {
    let set_uid = fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o4000 != 0);
    let mut room = [0_u8; 64];
    set_uid || rustix::fs::getxattr(file, "security.capability", &mut room).is_ok()
}

/// A distribution, or one of those that are made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distribution {
    Debian,
    Ubuntu,
    Fedora,
    Arch,
    Alpine,
    Suse,
}

impl Distribution {
    /// That of this machine.
    fn here() -> Option<Self> {
        Self::of(&fs::read_to_string("/etc/os-release").unwrap_or_default())
    }

    /// The one that a text such as `/etc/os-release` describes (`os-release(5)`).
    fn of(os_release: &str) -> Option<Self> {
        let words = |key: &str| {
            let line = os_release.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        // ID_LIKE has the closest first.
        let ids = format!("{} {}", words("ID="), words("ID_LIKE="));
        ids.split_whitespace().find_map(|id| match id {
            "debian" => Some(Self::Debian),
            "ubuntu" => Some(Self::Ubuntu),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            "alpine" => Some(Self::Alpine),
            "suse" | "opensuse" => Some(Self::Suse),
            _ => None,
        })
    }

    fn install(self) -> &'static str {
        match self {
            Self::Debian | Self::Ubuntu => "sudo apt install",
            Self::Fedora => "sudo dnf install",
            Self::Arch => "sudo pacman -S",
            Self::Alpine => "sudo apk add",
            Self::Suse => "sudo zypper install",
        }
    }

    /// The package that has a program, or the library of that name.
    fn package(self, program: &'static str) -> &'static str {
        match (program, self) {
            ("ip", Self::Fedora) => "iproute",
            ("ip", _) => "iproute2",
            ("nft", _) => "nftables",
            ("newuidmap" | "newgidmap", Self::Debian | Self::Ubuntu) => "uidmap",
            ("newuidmap" | "newgidmap", Self::Fedora) => "shadow-utils",
            ("newuidmap" | "newgidmap", Self::Alpine) => "shadow-uidmap",
            ("newuidmap" | "newgidmap", _) => "shadow",
            ("libpcap", Self::Debian | Self::Ubuntu) => "libpcap0.8",
            ("libpcap", Self::Suse) => "libpcap1",
            (other, _) => other,
        }
    }

    /// The packages with the parts of the kernel that are not everywhere.
    fn kernel_parts(self) -> Option<&'static str> {
        match self {
            Self::Debian => Some("linux-image-$(dpkg --print-architecture)"),
            Self::Ubuntu => Some("linux-modules-extra-$(uname -r)"),
            Self::Fedora => Some("kernel-modules-extra"),
            Self::Arch | Self::Alpine | Self::Suse => None,
        }
    }
}

/// How to install a program (or a library) here, as a command where the distribution is known.
pub(crate) fn how_to_install(program: &'static str) -> String {
    match Distribution::here() {
        Some(here) => format!("`{} {}`", here.install(), here.package(program)),
        None => format!("install {} (Debian's name)", Distribution::Debian.package(program)),
    }
}

/// How to get a part of the kernel that the running one lacks, where there is a package for it.
pub(crate) fn how_to_install_kernel_parts() -> Option<String> {
    let here = Distribution::here()?;
    // Debian has them in its kernel, the others in a package beside it.
    let then = if here == Distribution::Debian { " and start that kernel" } else { "" };
    Some(format!("`{} {}`{then}", here.install(), here.kernel_parts()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_and_those_like_them() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nNAME=\"Debian GNU/Linux\"\nID=debian\n";
        let mint = "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        let rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        assert_eq!(Distribution::of(debian), Some(Distribution::Debian));
        assert_eq!(Distribution::of(mint), Some(Distribution::Ubuntu));
        assert_eq!(Distribution::of(rocky), Some(Distribution::Fedora));
        assert_eq!(Distribution::of("VERSION_ID=debian\nID=other\n"), None);
        assert_eq!(Distribution::of(""), None);
    }

    #[test]
    fn programs_are_files_that_may_be_executed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tool");
        fs::write(&file, "").unwrap();
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(!is_program(&file));
        mode(0o755);
        assert!(is_program(&file) && !has_rights_of_its_own(&file));
        assert!(!is_program(folder.path()));
        mode(0o4755);
        assert!(has_rights_of_its_own(&file));
    }
}
