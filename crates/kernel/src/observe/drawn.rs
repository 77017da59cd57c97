//! Which MACs somebody has set, and which the kernel has drawn. Netlink does not tell.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};

use crate::error::Error;

/// `NET_ADDR_SET`, `linux/netdevice.h`.
const NET_ADDR_SET: &str = "3";

/// For each of these devices of the namespace of the calling thread, whether somebody has set its
/// MAC (`addr_assign_type` in `/sys/class/net`). One that is gone is not in the answer.
///
/// # Errors
///
/// Where the machine allows no `/sys` of one's own, as in some containers: then nobody can know.
pub fn macs_set<'a>(
    devices: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, bool>, Error> {
    let sysfs = own_sysfs().map_err(Error::call("mounting a sysfs"))?;
    let set = |name: &str| {
        let path = format!("class/net/{name}/addr_assign_type");
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&sysfs, path, flags, Mode::empty()).ok()?;
        let mut kind = String::new();
        File::from(file).read_to_string(&mut kind).ok()?;
        Some(kind.trim_end() == NET_ADDR_SET)
    };
    Ok(devices.into_iter().filter_map(|name| Some((name.to_owned(), set(name)?))).collect())
}

/// A `/sys` that is mounted nowhere. It shows the network namespace of the thread that makes it.
fn own_sysfs() -> Result<std::os::fd::OwnedFd, Errno> {
    let context = rustix::mount::fsopen("sysfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
