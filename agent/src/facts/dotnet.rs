//! The .NET Framework: an older one keeps the verification software from starting.

use kaishin_proto::convert::Facts;

use super::{About, number, row, version};
use crate::os::{Hive, Os, OsError};

pub const FULL: &str = r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full";

pub fn collect(os: &dyn Os, _: &About) -> Facts {
    let key = os.registry_tree(Hive::LocalMachine, FULL, 0);
    let key = key.and_then(|key| key.ok_or_else(|| OsError::not_found(FULL)));
    let release = key
        .as_ref()
        .map_err(OsError::clone)
        .and_then(|key| key.number("Release"));
    let shown = key.as_ref().map_err(OsError::clone).and_then(|key| key.text("Version"));
    let absent = |name: &str| OsError::not_found(format!(r"HKLM\{FULL} {name}"));
    vec![
        row(
            "dotnet.release",
            number(release.and_then(|release| release.map(i64::from).ok_or_else(|| absent("Release")))),
        ),
        row(
            "dotnet.version",
            version(shown.and_then(|shown| shown.ok_or_else(|| absent("Version")))),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{reason, sim, value};
    use super::*;
    use crate::os::RegistryValue;
    use kaishin_proto::value::{Reason, Value};

    #[test]
    fn the_release_is_what_the_registry_says() {
        let sim = sim();
        sim.poke(Hive::LocalMachine, FULL, "Release", Some(RegistryValue::dword(461_814)));
        sim.poke(Hive::LocalMachine, FULL, "Version", Some(RegistryValue::text("four")));
        assert_eq!(value(&sim, "dotnet.release"), Value::Number(461_814));
        assert_eq!(reason(&value(&sim, "dotnet.version")), Some(Reason::Damaged));
        sim.poke(Hive::LocalMachine, FULL, "Release", Some(RegistryValue::text("528040")));
        assert_eq!(reason(&value(&sim, "dotnet.release")), Some(Reason::Damaged));
        sim.deny(Hive::LocalMachine, FULL);
        assert_eq!(reason(&value(&sim, "dotnet.release")), Some(Reason::NoPermission));
        sim.allow(Hive::LocalMachine, FULL);
        sim.remove_key(Hive::LocalMachine, FULL);
        assert_eq!(reason(&value(&sim, "dotnet.release")), Some(Reason::NotFound));
    }
}
