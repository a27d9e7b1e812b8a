//! How large the desktop is drawn, for each user: the verification software needs it as it is, at 100 %.

use kaishin_proto::convert::Facts;
use kaishin_proto::value::{Table, Value};

use super::people::People;
use super::{About, number, row};
use crate::os::{Hive, Os, OsError, Read, User};

const DESKTOP: &str = r"Control Panel\Desktop";
/// Dots per inch at 100 %.
const PLAIN: u32 = 96;
/// From 48 to 480 is what Windows offers; anything beyond is no scale.
const SOUND: std::ops::RangeInclusive<u32> = 48..=960;
const MOST: usize = 40;

struct Seen {
    user: String,
    signed_in: bool,
    percent: Read<i64>,
    /// Screens set apart from what Windows recommends for them.
    own: usize,
}

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let people = People::look(os, about);
    let scale = people.as_ref().map_err(OsError::clone).and_then(|people| {
        let counting = people.who_counts();
        let scales = counting.into_iter().map(|user| look(os, user).percent);
        let scales: Vec<i64> = scales.collect::<Read<_>>()?;
        // One who sees it too large is one too many.
        let largest = scales.into_iter().max();
        largest.ok_or_else(|| OsError::not_found("nobody has signed in on this machine yet"))
    });
    let table = people.map(|people| table(people.all.iter().take(MOST).map(|user| look(os, user))));
    vec![
        row("display.scale", number(scale)),
        row("display.users", table.unwrap_or_else(Value::from)),
    ]
}

fn look(os: &dyn Os, user: &User) -> Seen {
    let desktop = os.registry_tree(Hive::Users, &user.key(DESKTOP), 2);
    let own = desktop
        .as_ref()
        .ok()
        .and_then(|desktop| desktop.as_ref()?.key("PerMonitorSettings"));
    let own = own.map_or(0, |screens| {
        let set = screens
            .keys
            .iter()
            .filter(|(_, screen)| !matches!(screen.number("DpiValue"), Ok(None | Some(0))));
        set.count()
    });
    let percent = desktop.and_then(|desktop| {
        let absent = || OsError::not_found(format!("{} has no scale of an own", user.shown()));
        let desktop = desktop.ok_or_else(absent)?;
        // What was in force at the last sign-in, else what was asked for.
        let metrics = desktop.key("WindowMetrics");
        let applied = metrics
            .map(|metrics| metrics.number("AppliedDPI"))
            .transpose()?
            .flatten();
        let dots = match applied {
            Some(dots) => dots,
            None => desktop.number("LogPixels")?.ok_or_else(absent)?,
        };
        if !SOUND.contains(&dots) {
            return Err(OsError::damaged(format!("{dots} dots per inch")));
        }
        Ok(i64::from((dots * 100 + PLAIN / 2) / PLAIN))
    });
    Seen {
        user: user.shown().to_owned(),
        signed_in: user.signed_in,
        percent,
        own,
    }
}

fn table(seen: impl Iterator<Item = Seen>) -> Value {
    let line = |seen: Seen| {
        let percent = seen
            .percent
            .map_or_else(|error| error.detail, |percent| format!("{percent}%"));
        let signed_in = if seen.signed_in { "yes" } else { "no" };
        vec![
            seen.user.chars().take(60).collect(),
            signed_in.to_owned(),
            percent.chars().take(120).collect(),
            seen.own.to_string(),
        ]
    };
    Value::Table(Table {
        columns: ["user", "signed_in", "scale", "screens_set"]
            .map(str::to_owned)
            .to_vec(),
        rows: seen.map(line).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::people;
    use super::super::tests::{reason, sim, value};
    use super::*;
    use crate::os::sim::Sim;
    use crate::os::{RegistryKind, RegistryValue};
    use kaishin_proto::value::Reason;

    fn set(sim: &Sim, user: &User, name: &str, value: Option<RegistryValue>) {
        let (key, name) = name
            .rsplit_once('\\')
            .map_or((DESKTOP.to_owned(), name), |(key, name)| {
                (format!(r"{DESKTOP}\{key}"), name)
            });
        sim.poke(Hive::Users, &user.key(&key), name, value);
    }

    /// With the user who is signed in, whose desktop says nothing yet.
    fn bare() -> (Sim, User) {
        let sim = sim();
        let user = sim.users().unwrap().into_iter().find(|user| user.signed_in).unwrap();
        sim.remove_key(Hive::Users, &user.key(DESKTOP));
        (sim, user)
    }

    #[test]
    fn the_scale_is_what_is_in_force_for_whoever_is_signed_in() {
        let (sim, user) = bare();
        assert_eq!(reason(&value(&sim, "display.scale")), Some(Reason::NotFound));
        set(&sim, &user, "LogPixels", Some(RegistryValue::dword(96)));
        assert_eq!(value(&sim, "display.scale"), Value::Number(100));
        set(
            &sim,
            &user,
            r"WindowMetrics\AppliedDPI",
            Some(RegistryValue::dword(144)),
        );
        assert_eq!(value(&sim, "display.scale"), Value::Number(150));
        set(
            &sim,
            &user,
            r"PerMonitorSettings\LEN1\DpiValue",
            Some(RegistryValue::dword(1)),
        );
        let Value::Table(table) = value(&sim, "display.users") else {
            panic!()
        };
        let line = table.rows.iter().find(|row| row[1] == "yes").unwrap();
        assert_eq!((line[2].as_str(), line[3].as_str()), ("150%", "1"));
        // Whoever is away does not count while somebody is here.
        let away = sim.users().unwrap().into_iter().find(|user| !user.signed_in).unwrap();
        set(
            &sim,
            &away,
            r"WindowMetrics\AppliedDPI",
            Some(RegistryValue::dword(192)),
        );
        assert_eq!(value(&sim, "display.scale"), Value::Number(150));
        // Nor where nobody is, as long as it is known who was the last.
        sim.sign_out(&user.sid);
        assert_eq!(value(&sim, "display.scale"), Value::Number(150));
        sim.poke(Hive::LocalMachine, people::SIGN_IN, people::LAST, None);
        assert_eq!(value(&sim, "display.scale"), Value::Number(200));
    }

    #[test]
    fn a_damaged_or_closed_desktop_is_unknown() {
        for odd in [
            RegistryValue::dword(0),
            RegistryValue::dword(u32::MAX),
            RegistryValue::text("96"),
        ] {
            let (sim, user) = bare();
            set(&sim, &user, "LogPixels", Some(odd));
            assert_eq!(reason(&value(&sim, "display.scale")), Some(Reason::Damaged));
        }
        let (sim, user) = bare();
        let short = RegistryValue::new(RegistryKind::DWORD, vec![96]);
        set(&sim, &user, r"WindowMetrics\AppliedDPI", Some(short));
        assert_eq!(reason(&value(&sim, "display.scale")), Some(Reason::Damaged));
        sim.deny(Hive::Users, &user.key("Control Panel"));
        assert_eq!(reason(&value(&sim, "display.scale")), Some(Reason::NoPermission));
        sim.fail_call(1, OsError::failed("profiles"));
        assert_eq!(reason(&value(&sim, "display.scale")), Some(Reason::Failed));
    }
}
