//! User namespaces: who may make one, and with which rights in it (`user_namespaces(7)`).

use std::fs;
use std::path::Path;

/// What the machine says of user namespaces for those who are not root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserNamespaces {
    /// Whether the kernel has them at all (`CONFIG_USER_NS`).
    pub built_in: bool,
    /// How many a user may have (`/proc/sys/user/max_user_namespaces`).
    pub max: Option<u64>,
    /// Whether users may make them (`/proc/sys/kernel/unprivileged_userns_clone`, of Debian's
    /// kernels).
    pub clone: Option<bool>,
    /// Whether AppArmor takes all rights in them from programs without a profile
    /// (`/proc/sys/kernel/apparmor_restrict_unprivileged_userns`, since Ubuntu 23.10).
    pub apparmor_restricts: Option<bool>,
    /// The profile of AppArmor under which this process runs; `unconfined`: none.
    pub apparmor_profile: Option<String>,
}

impl UserNamespaces {
    /// Whether nothing that the machine says speaks against one.
    pub fn are_allowed(&self) -> bool {
        self.built_in
            && self.max != Some(0)
            && self.clone != Some(false)
            && !self.are_without_rights()
    }

    /// Whether one can be made, but has no rights in it: AppArmor restricts them, and this process
    /// has no profile that could allow it.
    pub fn are_without_rights(&self) -> bool {
        let has_profile =
            self.apparmor_profile.as_deref().is_some_and(|name| !name.starts_with("unconfined"));
        self.apparmor_restricts == Some(true) && !has_profile
    }
}

/// What the machine says of user namespaces.
pub fn user_namespaces() -> UserNamespaces {
    read(Path::new("/proc"))
}

fn read(proc: &Path) -> UserNamespaces {
    let text = |path: &str| Some(fs::read_to_string(proc.join(path)).ok()?.trim().to_owned());
    let switch = |path: &str| Some(text(path)? != "0");
    UserNamespaces {
        built_in: proc.join("self/ns/user").exists(),
        max: text("sys/user/max_user_namespaces").and_then(|number| number.parse().ok()),
        clone: switch("sys/kernel/unprivileged_userns_clone"),
        apparmor_restricts: switch("sys/kernel/apparmor_restrict_unprivileged_userns"),
        apparmor_profile: text("self/attr/apparmor/current"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> UserNamespaces {
        UserNamespaces {
            built_in: true,
            max: Some(63_000),
            clone: None,
            apparmor_restricts: None,
            apparmor_profile: None,
        }
    }

    #[test]
    fn each_lock_by_itself() {
        assert!(plain().are_allowed());
        assert!(!UserNamespaces { built_in: false, ..plain() }.are_allowed());
        assert!(!UserNamespaces { max: Some(0), ..plain() }.are_allowed());
        assert!(UserNamespaces { clone: Some(true), ..plain() }.are_allowed());
        assert!(!UserNamespaces { clone: Some(false), ..plain() }.are_allowed());
    }

    #[test]
    fn apparmor_restricts_those_without_a_profile() {
        let restricted = |profile: &str| UserNamespaces {
            apparmor_restricts: Some(true),
            apparmor_profile: Some(profile.to_owned()),
            ..plain()
        };
        assert!(!restricted("unconfined").are_allowed());
        assert!(restricted("unconfined").are_without_rights());
        assert!(restricted("twinax (unconfined)").are_allowed());
        assert!(!UserNamespaces { apparmor_restricts: Some(true), ..plain() }.are_allowed());
        assert!(UserNamespaces { apparmor_restricts: Some(false), ..plain() }.are_allowed());
    }
}
