//! Who has a profile on this machine, out of the list that Windows keeps. Pure; asking for names and for who is signed in is
//! the platforms' part.

use std::path::PathBuf;

use super::{Read, RegistryTree};

pub(super) const PROFILE_LIST: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// Somebody who has signed in on this machine at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub sid: String,
    /// The account's name, where the machine can still tell: an account may be gone and its profile not.
    pub name: Option<String>,
    /// `C:\Users\uketsuke`
    pub folder: String,
    /// Whether the user's hive is loaded, which is what being signed in amounts to.
    pub signed_in: bool,
}

impl User {
    /// For people: the account's name, else the folder's, else the SID.
    pub fn shown(&self) -> &str {
        let folder = || self.folder.rsplit('\\').next().filter(|name| !name.is_empty());
        self.name.as_deref().or_else(folder).unwrap_or(&self.sid)
    }

    /// A place in the profile folder.
    pub fn path(&self, rest: &str) -> PathBuf {
        PathBuf::from(format!(r"{}\{rest}", self.folder))
    }

    /// A key of the user's hive, below [`super::Hive::Users`].
    pub fn key(&self, rest: &str) -> String {
        format!(r"{}\{rest}", self.sid)
    }
}

/// People have SIDs of their own machine's or domain's, or of the cloud's directory; all others are Windows' own.
pub(super) fn is_person(sid: &str) -> bool {
    let person = sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-1-");
    person && sid.len() <= 184 && sid.bytes().skip(1).all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Profiles without a folder are left out: nobody lives there.
pub(super) fn people(
    list: &RegistryTree,
    drive: &str,
    mut about: impl FnMut(&str) -> (Option<String>, bool),
) -> Read<Vec<User>> {
    let mut found = Vec::new();
    for (sid, key) in list.keys.iter().filter(|(sid, _)| is_person(sid)) {
        let Some(folder) = key.text("ProfileImagePath")?.filter(|folder| !folder.is_empty()) else {
            continue;
        };
        let (name, signed_in) = about(sid);
        found.push(User {
            sid: sid.clone(),
            name,
            folder: without_variables(&folder, drive),
            signed_in,
        });
    }
    found.sort_by(|one, other| one.sid.cmp(&other.sid));
    Ok(found)
}

/// Windows writes `%SystemDrive%` here and nothing else.
pub(super) fn without_variables(folder: &str, drive: &str) -> String {
    const VARIABLE: &str = "%systemdrive%";
    match folder.get(..VARIABLE.len()) {
        Some(head) if head.eq_ignore_ascii_case(VARIABLE) => format!("{drive}{}", &folder[VARIABLE.len()..]),
        Some(_) | None => folder.to_owned(),
    }
    .trim_end_matches('\\')
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::RegistryValue;

    #[test]
    fn only_people_with_a_folder_are_users() {
        let profile = |folder: &str| RegistryTree {
            values: vec![("ProfileImagePath".into(), RegistryValue::text(folder))],
            keys: vec![],
        };
        let list = RegistryTree {
            values: vec![],
            keys: vec![
                (
                    "S-1-5-18".into(),
                    profile(r"%systemroot%\system32\config\systemprofile"),
                ),
                ("S-1-5-21-1-2-3-1002".into(), profile(r"%SystemDrive%\Users\院長")),
                ("S-1-5-21-1-2-3-1001".into(), profile(r"C:\Users\uketsuke\")),
                ("S-1-5-21-1-2-3-1001.bak".into(), profile(r"C:\Users\TEMP")),
                ("S-1-5-21-1-2-3-1003".into(), RegistryTree::default()),
                ("S-1-5-80-1".into(), profile(r"C:\Windows\ServiceProfiles")),
            ],
        };
        let named = |sid: &str| (sid.ends_with("1").then(|| "Uketsuke".to_owned()), sid.ends_with("2"));
        let users = people(&list, "C:", named).unwrap();
        let seen: Vec<_> = users
            .iter()
            .map(|user| (user.shown(), user.folder.as_str(), user.signed_in))
            .collect();
        assert_eq!(
            seen,
            [
                ("Uketsuke", r"C:\Users\uketsuke", false),
                ("院長", r"C:\Users\院長", true)
            ]
        );
        assert_eq!(users[0].key("Software"), r"S-1-5-21-1-2-3-1001\Software");
    }
}
