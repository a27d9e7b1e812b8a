//! What came of Windows Update's work, by its own account; where it gives none, by the notes that older versions of Windows kept
//! in the registry.

use kaishin_proto::convert::Facts;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::Reason;

use super::super::{row, text, time};
use crate::os::{Hive, Os, OsError, Read, RegistryTree, UpdateTried};

pub const RESULTS: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\Results";
/// Of a result's code.
const FAILURE: u32 = 1 << 31;
/// The antivirus renews its definitions and itself every day, in whatever language: that says nothing of Windows.
const OF_ANTIVIRUS: [&str; 2] = ["KB2267602", "KB4052623"];
/// What is installed in one go.
const ONE_GO: Span = Span::days(1);

pub fn collect(os: &dyn Os) -> Facts {
    let told = os.update_results();
    let tree = os.registry_tree(Hive::LocalMachine, RESULTS, 1);
    let noted = Noted(tree.and_then(|tree| tree.ok_or_else(|| OsError::not_found(RESULTS))));
    let history: Read<Vec<UpdateTried>> = told.history.map(|mut tried| {
        tried.retain(|tried| !OF_ANTIVIRUS.iter().any(|number| tried.title.contains(number)));
        tried
    });
    let installed = match &history {
        Ok(tried) => tried.iter().filter(|tried| !failed(tried)).map(|tried| tried.at).max(),
        Err(_) => None,
    };
    let installed = installed.map_or(told.installed, |at| Ok(Some(at)));
    let error = history.map(|history| last_error(&history));
    vec![
        row(
            "update.last_search",
            time(either(told.searched, || noted.success("Detect"))),
        ),
        row(
            "update.last_install",
            time(either(installed, || noted.success("Install"))),
        ),
        row("update.last_error", text(either(error, || noted.last_error()))),
    ]
}

/// What Windows Update says, else what is noted; and where nothing is noted either, why Windows Update said nothing.
fn either<T>(told: Read<Option<T>>, noted: impl FnOnce() -> Read<T>) -> Read<T> {
    let why = match told {
        Ok(Some(told)) => return Ok(told),
        Ok(None) => OsError::not_found("Windows Update says that it has not come to that yet"),
        Err(error) => error,
    };
    match noted() {
        Err(error) if error.reason == Reason::NotFound => Err(why),
        noted => noted,
    }
}

fn failed(tried: &UpdateTried) -> bool {
    tried.code & FAILURE != 0
}

/// Of the last go, the newest update that failed and was not installed after all; `none` where all went in.
fn last_error(history: &[UpdateTried]) -> Option<String> {
    let newest = history.iter().map(|tried| tried.at).max()?;
    let last_go = || history.iter().filter(|tried| newest.since(tried.at) <= ONE_GO);
    let mended =
        |of: &UpdateTried| last_go().any(|tried| tried.title == of.title && tried.at >= of.at && !failed(tried));
    let left = last_go().filter(|tried| failed(tried) && !mended(tried));
    let error = left.max_by_key(|tried| tried.at);
    Some(error.map_or_else(|| "none".to_owned(), |tried| format!("0x{:08X}", tried.code)))
}

/// The registry's notes.
struct Noted(Read<RegistryTree>);

impl Noted {
    fn step(&self, name: &str) -> Read<&RegistryTree> {
        let tree = self.0.as_ref().map_err(OsError::clone)?;
        tree.key(name)
            .ok_or_else(|| OsError::not_found(format!(r"{RESULTS}\{name}")))
    }

    fn success(&self, name: &str) -> Read<Time> {
        let told = self.step(name)?.text("LastSuccessTime")?;
        let told = told.ok_or_else(|| OsError::not_found(format!(r"{RESULTS}\{name} LastSuccessTime")))?;
        moment(&told).ok_or_else(|| OsError::damaged(format!("{name} succeeded at {told:?}")))
    }

    /// The error of the latest step that has one; `none` where all steps went well. A code without the highest bit is a
    /// success that has something to tell, as that a restart is due.
    fn last_error(&self) -> Read<String> {
        let mut seen = None;
        for name in ["Install", "Download", "Detect"] {
            let key = match self.step(name) {
                Ok(key) => key,
                Err(error) if error.reason == Reason::NotFound => continue,
                Err(error) => return Err(error),
            };
            match key.number("LastError")? {
                Some(code) if code & FAILURE == 0 => seen = Some("none".to_owned()),
                Some(code) => return Ok(format!("0x{code:08X}")),
                None => {}
            }
        }
        seen.ok_or_else(|| OsError::not_found(format!("no LastError below {RESULTS}")))
    }
}

/// `2026-11-20 05:04:03`, in UTC.
fn moment(text: &str) -> Option<Time> {
    let (date, clock) = text.trim().split_once(' ')?;
    let sound = text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit() || b"-: ".contains(&byte));
    sound.then(|| Time::parse(&format!("{date}T{clock}Z"))).flatten()
}

#[cfg(test)]
mod tests {
    use kaishin_proto::value::Value;

    use super::super::super::tests::{reason, sim, value};
    use super::*;
    use crate::os::sim::Sim;
    use crate::os::{RegistryValue, UpdateResults};

    const HKLM: Hive = Hive::LocalMachine;
    const KEYS: [&str; 3] = ["update.last_search", "update.last_install", "update.last_error"];

    /// One that says nothing of its updates.
    fn silent(why: &OsError) -> Sim {
        let sim = sim();
        sim.set_update_results(UpdateResults::unreadable(why));
        sim
    }

    fn word(sim: &Sim, key: &str) -> String {
        let found = value(sim, key);
        let Value::Text(word) = found else {
            panic!("{key} is {found:?}");
        };
        word
    }

    fn tried(title: &str, hours_ago: i64, code: u32) -> UpdateTried {
        UpdateTried {
            title: title.to_owned(),
            at: Time(1_795_000_000_000_000) - Span::hours(hours_ago),
            code,
        }
    }

    fn with(history: Vec<UpdateTried>) -> Sim {
        let sim = sim();
        sim.set_update_results(UpdateResults {
            searched: Ok(Some(Time(5))),
            installed: Ok(Some(Time(7))),
            history: Ok(history),
        });
        sim
    }

    #[test]
    fn what_windows_update_says_of_itself_is_what_counts() {
        let sim = with(vec![
            tried("definitions (KB2267602)", 1, 0),
            tried("cumulative (KB5046613)", 50, 0),
            tried("cumulative (KB5044273)", 900, 0x8007_0070),
        ]);
        // Notes of long ago, by an older Windows.
        let old = RegistryValue::text("2019-11-20 05:04:03");
        for step in ["Detect", "Install"] {
            sim.poke(
                HKLM,
                &format!(r"{RESULTS}\{step}"),
                "LastSuccessTime",
                Some(old.clone()),
            );
        }
        assert_eq!(value(&sim, "update.last_search"), Value::Time(Time(5)));
        assert_eq!(value(&sim, "update.last_install"), Value::Time(tried("", 50, 0).at));
        assert_eq!(word(&sim, "update.last_error"), "none");
    }

    #[test]
    fn the_antivirus_alone_shows_neither_that_windows_is_updated_nor_that_it_is_not() {
        let sim = with(vec![tried("定義の更新 - KB2267602 (バージョン 1.2)", 1, 0x8024_0438)]);
        assert_eq!(value(&sim, "update.last_install"), Value::Time(Time(7)));
        assert_eq!(reason(&value(&sim, "update.last_error")), Some(Reason::NotFound));
    }

    #[test]
    fn an_error_counts_until_that_update_goes_in_or_the_next_go() {
        let failed = |hours| tried("cumulative", hours, 0x8024_200b);
        for (history, expected) in [
            (vec![failed(3)], "0x8024200B"),
            (vec![tried(".NET", 2, 0), failed(3)], "0x8024200B"),
            (vec![tried("cumulative", 2, 0), failed(3)], "none"),
            (vec![failed(2), tried("cumulative", 3, 0)], "0x8024200B"),
            (vec![failed(1), tried(".NET", 3, 0x8007_0070)], "0x8024200B"),
            (vec![tried("the next month's", 1, 0), failed(720)], "none"),
            // A success that says that a restart is due.
            (vec![tried("cumulative", 1, 0x0024_0005)], "none"),
        ] {
            assert_eq!(
                word(&with(history.clone()), "update.last_error"),
                expected,
                "{history:?}"
            );
        }
    }

    #[test]
    fn one_that_never_came_to_it_is_not_known_and_says_why() {
        let sim = sim();
        sim.set_update_results(UpdateResults {
            searched: Ok(None),
            installed: Ok(None),
            history: Ok(vec![]),
        });
        for key in KEYS {
            assert_eq!(reason(&value(&sim, key)), Some(Reason::NotFound), "{key}");
        }
    }

    #[test]
    fn where_it_says_nothing_the_registry_may_and_else_the_reason_is_told() {
        for why in [
            OsError::not_supported("no such class"),
            OsError::no_permission("closed"),
            OsError::failed("no answer"),
        ] {
            let sim = silent(&why);
            for key in KEYS {
                assert_eq!(reason(&value(&sim, key)), Some(why.reason), "{key}");
            }
            let put = |step: &str, name: &str, value| sim.poke(HKLM, &format!(r"{RESULTS}\{step}"), name, Some(value));
            put("Detect", "LastSuccessTime", RegistryValue::text("2026-11-20 05:04:03"));
            put("Detect", "LastError", RegistryValue::dword(0));
            assert_eq!(
                value(&sim, "update.last_search"),
                Value::Time(Time(1_795_151_043_000_000))
            );
            assert_eq!(reason(&value(&sim, "update.last_install")), Some(why.reason));
            assert_eq!(word(&sim, "update.last_error"), "none");
        }
    }

    #[test]
    fn notes_are_times_in_utc_and_codes() {
        let sim = silent(&OsError::not_supported("no such class"));
        let put = |step: &str, name: &str, value| sim.poke(HKLM, &format!(r"{RESULTS}\{step}"), name, Some(value));
        // A success that says that a restart is due.
        put("Detect", "LastError", RegistryValue::dword(0x0024_0005));
        assert_eq!(word(&sim, "update.last_error"), "none");
        put("Detect", "LastError", RegistryValue::dword(0xc190_0101));
        assert_eq!(word(&sim, "update.last_error"), "0xC1900101");
        for odd in [
            "yesterday",
            "2026-11-20",
            "2026-13-20 05:04:03",
            "2026-11-20 05:04:03+09:00",
            "",
        ] {
            put("Install", "LastSuccessTime", RegistryValue::text(odd));
            assert_eq!(
                reason(&value(&sim, "update.last_install")),
                Some(Reason::Damaged),
                "{odd}"
            );
        }
        sim.deny(HKLM, RESULTS);
        for key in KEYS {
            assert_eq!(reason(&value(&sim, key)), Some(Reason::NoPermission), "{key}");
        }
    }
}
