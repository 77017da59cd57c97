//! What to do about what a machine lacks: the same words for the doctor and for a lab that is
//! refused.

use twinax_kernel::capability::{Feature, Tun, UserNamespaces};

use crate::programs;

/// What is wrong, and what to do about it.
pub(crate) struct Trouble {
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
}

fn trouble(what: &str, remedy: &str) -> Trouble {
    Trouble { what: what.to_owned(), remedy: remedy.to_owned() }
}

/// What keeps a user who is not root from a user namespace.
pub(crate) fn user_namespaces(found: &UserNamespaces) -> Option<Trouble> {
    let as_root = "or run as root";
    if !found.built_in {
        let remedy = format!("use a kernel built with CONFIG_USER_NS, {as_root}");
        return Some(trouble("this kernel has no user namespaces", &remedy));
    }
    if found.max == Some(0) {
        let remedy = format!("`sudo sysctl -w user.max_user_namespaces=15000`, {as_root}");
        return Some(trouble("user.max_user_namespaces allows no user namespace", &remedy));
    }
    if found.clone == Some(false) {
        let remedy = format!("`sudo sysctl -w kernel.unprivileged_userns_clone=1`, {as_root}");
        return Some(trouble("only root may make user namespaces here", &remedy));
    }
    found.are_without_rights().then(|| {
        let remedy = format!(
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, a profile of \
             AppArmor with `userns,` for this program, {as_root}"
        );
        trouble("AppArmor takes all rights in a user namespace from this program", &remedy)
    })
}

/// What keeps TAP devices from being made.
pub(crate) fn tun(found: Tun) -> Option<Trouble> {
    match found {
        Tun::Usable => None,
        Tun::Missing => Some(trouble(
            "there is no /dev/net/tun",
            "`sudo modprobe tun`; in a container, start it with `--device /dev/net/tun`",
        )),
        Tun::NoDriver => Some(trouble(
            "/dev/net/tun is there, but this kernel has no driver for it",
            "`sudo modprobe tun`, or use a kernel built with CONFIG_TUN",
        )),
        Tun::Forbidden => Some(trouble(
            "/dev/net/tun may not be opened by this user",
            "`sudo chmod 0666 /dev/net/tun`, as most distributions have it; in a container, start \
             it with `--device /dev/net/tun`",
        )),
        Tun::SomethingElse => Some(trouble(
            "/dev/net/tun is not the TUN/TAP device but something else",
            "`sudo rm /dev/net/tun; sudo mknod -m 0666 /dev/net/tun c 10 200`",
        )),
        Tun::Other(errno) => {
            Some(trouble(&format!("/dev/net/tun can't be opened: {errno}"), "`sudo modprobe tun`"))
        }
    }
}

/// What to do where the kernel lacks a feature. `listed`: whether the machine lists its module.
pub(crate) fn feature(feature: Feature, listed: Option<bool>) -> String {
    let (module, config) = (feature.module(), feature.config());
    if listed == Some(true) && feature != Feature::BridgeVlan {
        return format!("`sudo modprobe {module}`");
    }
    let built = format!("a kernel built with {config}");
    match programs::how_to_install_kernel_parts() {
        Some(install) => format!("{install}, or use {built}"),
        None => format!("use {built}"),
    }
}

/// What to do where a program is not there.
pub(crate) fn program(name: &'static str) -> String {
    programs::how_to_install(name)
}

/// What to do where the kernel has no IPv6.
pub(crate) const IPV6: &str =
    "start the kernel without `ipv6.disable=1`, or use one built with CONFIG_IPV6";

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: UserNamespaces = UserNamespaces {
        built_in: true,
        max: Some(1000),
        clone: None,
        apparmor_restricts: None,
        apparmor_profile: None,
    };

    /// Both say the same of every combination.
    #[test]
    fn there_is_a_remedy_for_whatever_forbids_user_namespaces() {
        for built_in in [true, false] {
            for max in [None, Some(0), Some(5)] {
                for clone in [None, Some(false), Some(true)] {
                    for apparmor_restricts in [None, Some(false), Some(true)] {
                        let found =
                            UserNamespaces { built_in, max, clone, apparmor_restricts, ..OPEN };
                        let trouble = user_namespaces(&found);
                        assert_eq!(trouble.is_none(), found.are_allowed(), "{found:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_switch_that_is_off_is_the_one_that_is_named() {
        let clone = user_namespaces(&UserNamespaces { clone: Some(false), ..OPEN }).unwrap();
        assert!(clone.remedy.contains("kernel.unprivileged_userns_clone=1"));
        let restricted = UserNamespaces { apparmor_restricts: Some(true), ..OPEN };
        let remedy = user_namespaces(&restricted).unwrap().remedy;
        assert!(remedy.contains("kernel.apparmor_restrict_unprivileged_userns=0"));
        let none = user_namespaces(&UserNamespaces { max: Some(0), ..OPEN }).unwrap();
        assert!(none.remedy.contains("user.max_user_namespaces="));
    }
}
