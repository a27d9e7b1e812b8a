//! Scheduled tasks: those that the verification software needs, and those that restart the terminal, which are known by
//! what they do. Only looked at: the passwords of the former are nobody's here to know.

pub(crate) mod restarts;
pub(crate) mod xml;

use kaishin_proto::convert::Facts;
use kaishin_proto::profile::{Clock24, Profile};
use kaishin_proto::value::{Table, Value};

use self::restarts::Restart;
use super::{About, list, row, shown, update};
use crate::os::{Os, OsError, Read, TaskSeen};

/// The stored password is not the account's any more.
const BAD_PASSWORD: u32 = 0x8007_052e;
/// What the scheduler says where nothing has ended yet: ready, running, disabled, not run, no more runs, none planned.
const NO_RESULT: std::ops::RangeInclusive<u32> = 0x0004_1300..=0x0004_1306;
/// Windows itself ended it, as it does at each restart: ended from outside, and asked to leave the console.
const SHUT_DOWN: [u32; 2] = [0x4001_0004, 0xc000_013a];
/// Rows of the table; a terminal has about ten.
const MOST: usize = 40;

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let profile = &*about.profile;
    let seen = os.tasks();
    let needed = |pick: &dyn Fn(&TaskSeen) -> bool| {
        let seen = seen.as_ref().map_err(OsError::clone)?;
        let names = profile.tasks.iter().filter(|name| find(seen, name).is_some_and(pick));
        Ok(names.cloned().collect())
    };
    let missing = seen.as_ref().map_err(OsError::clone).map(|seen| {
        let missing = profile.tasks.iter().filter(|name| find(seen, name).is_none());
        missing.cloned().collect()
    });
    let restarts = seen
        .as_ref()
        .map_err(OsError::clone)
        .and_then(|seen| restarts::all(seen));
    let of_restarts = |pick: &dyn Fn(&[Restart]) -> Read<Vec<Clock24>>| {
        let found = pick(restarts.as_ref().map_err(OsError::clone)?)?;
        Ok(found.iter().map(Clock24::to_string).collect())
    };
    let hours = &about.hours;
    let after_install = |found: &[Restart]| restarts::after_install(found, hours, update::install_hour(os)?);
    let signed_in = restarts.as_ref().map_err(OsError::clone).map(|found| {
        let paths = restarts::signed_in(found).into_iter();
        paths.take(MOST).map(shown).collect()
    });
    vec![
        row("tasks.missing", list(missing)),
        row("tasks.disabled", list(needed(&|task| !task.enabled))),
        row("tasks.wrong_account", list(wrong_account(os, profile, &seen))),
        row(
            "tasks.bad_password",
            list(needed(&|task| task.last_result == BAD_PASSWORD)),
        ),
        row("tasks.failed", list(needed(&failed))),
        row(
            "tasks.restart_times",
            list(of_restarts(&|found| Ok(restarts::daily(found)))),
        ),
        row(
            "tasks.restart_forbidden",
            list(of_restarts(&|found| Ok(restarts::to_avoid(found, profile)))),
        ),
        row(
            "tasks.restart_in_opening",
            list(of_restarts(&|found| restarts::in_opening(found, hours))),
        ),
        row("tasks.restart_after_install", list(of_restarts(&after_install))),
        row("tasks.restart_signed_in", list(signed_in)),
        row("tasks.all", all(profile, seen)),
    ]
}

/// Tasks go by name, whichever folder they lie in; Windows does not tell cases apart.
fn find<'a>(seen: &'a [TaskSeen], name: &str) -> Option<&'a TaskSeen> {
    let name = name.to_lowercase();
    seen.iter().find(|task| task_name(&task.path).to_lowercase() == name)
}

fn task_name(path: &str) -> &str {
    path.rsplit('\\').next().unwrap_or(path)
}

/// A bad password has a list of its own.
fn failed(task: &TaskSeen) -> bool {
    let result = task.last_result;
    task.last_run.is_some()
        && result != 0
        && result != BAD_PASSWORD
        && !NO_RESULT.contains(&result)
        && !SHUT_DOWN.contains(&result)
}

fn wrong_account(os: &dyn Os, profile: &Profile, seen: &Read<Vec<TaskSeen>>) -> Read<Vec<String>> {
    let seen = seen.as_ref().map_err(OsError::clone)?;
    let account = os.account(&profile.account)?;
    let mut wrong = Vec::new();
    for name in &profile.tasks {
        let Some(task) = find(seen, name) else { continue };
        let definition = xml::read(task.xml.as_ref().map_err(OsError::clone)?)?;
        let user = definition.user.unwrap_or_default();
        let right = if user.starts_with("S-1-") {
            account
                .as_ref()
                .is_some_and(|account| account.sid.eq_ignore_ascii_case(&user))
        } else {
            // `UKETSUKE-01\OqsComApp`; Windows runs it whatever the case.
            task_name(&user).to_lowercase() == profile.account.to_lowercase()
        };
        if !right {
            wrong.push(name.clone());
        }
    }
    Ok(wrong)
}

fn all(profile: &Profile, seen: Read<Vec<TaskSeen>>) -> Value {
    let mut seen = match seen {
        Ok(seen) => seen,
        Err(error) => return error.into(),
    };
    let needed = |task: &TaskSeen| {
        profile
            .tasks
            .iter()
            .any(|name| name.eq_ignore_ascii_case(task_name(&task.path)))
    };
    seen.sort_by_cached_key(|task| (!needed(task), task.path.clone()));
    seen.truncate(MOST);
    let columns = [
        "task",
        "enabled",
        "account",
        "action",
        "last_run",
        "last_result",
        "next_run",
    ];
    Value::Table(Table {
        columns: columns.map(str::to_owned).to_vec(),
        rows: seen.iter().map(table_row).collect(),
    })
}

fn table_row(task: &TaskSeen) -> Vec<String> {
    let definition = task.xml.as_ref().map_err(OsError::clone).and_then(|xml| xml::read(xml));
    let (account, action) = match definition {
        Ok(definition) => {
            let actions: Vec<String> = definition.actions.iter().map(xml::Exec::shown).collect();
            let action: String = actions.join("; ").chars().take(120).collect();
            (definition.user.unwrap_or_default(), action)
        }
        Err(error) => ("?".to_owned(), error.detail),
    };
    let at = |at: Option<kaishin_proto::time::Time>| at.map(|at| at.rfc3339()).unwrap_or_default();
    let result = match task.last_run {
        Some(_) => format!("0x{:08X}", task.last_result),
        None => String::new(),
    };
    let enabled = if task.enabled { "yes" } else { "no" };
    vec![
        task.path.chars().take(200).collect(),
        enabled.to_owned(),
        account.chars().take(120).collect(),
        action,
        at(task.last_run),
        result,
        at(task.next_run),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listed, reason, sim, value};
    use super::*;
    use crate::os::Account;
    use crate::os::sim::Sim;
    use kaishin_proto::time::Time;
    use kaishin_proto::value::Reason;

    const SID: &str = "S-1-5-21-1-2-3-1005";

    fn xml(user: &str, command: &str, arguments: &str, triggers: &str) -> Read<Vec<u8>> {
        Ok(format!(
            "<Task><Triggers>{triggers}</Triggers><Principals><Principal id=\"A\"><UserId>{user}</UserId></Principal>\
             </Principals><Actions Context=\"A\"><Exec><Command>{command}</Command><Arguments>{arguments}</Arguments>\
             </Exec></Actions></Task>"
        )
        .into_bytes())
    }

    fn task(path: &str, user: &str) -> TaskSeen {
        TaskSeen {
            path: path.into(),
            xml: xml(user, "app.bat", "", "<BootTrigger/>"),
            enabled: true,
            last_result: 0,
            last_run: Some(Time(0)),
            next_run: None,
        }
    }

    fn restart(name: &str, at: &str) -> TaskSeen {
        let trigger = format!("<CalendarTrigger><StartBoundary>2021-06-01T{at}:00</StartBoundary></CalendarTrigger>");
        TaskSeen {
            path: format!(r"\{name}"),
            xml: xml("S-1-5-18", "shutdown", "/r /t 0", &trigger),
            ..task("", "")
        }
    }

    /// All that the profile asks for, and nothing else.
    fn sound() -> Sim {
        let sim = sim();
        sim.remove_tasks();
        sim.set_account(Some(Account {
            name: "OqsComApp".into(),
            sid: SID.into(),
            enabled: true,
            admin: Ok(true),
            password_changed: Ok(Time(0)),
            password_expires: Ok(None),
        }));
        for name in Profile::built_in().tasks {
            sim.put_task(task(&format!(r"\{name}"), SID));
        }
        sim
    }

    const DISTRO: &str = "OQS_exec_distroappstart";

    #[test]
    fn the_tasks_of_a_sound_terminal_are_in_no_list() {
        let sim = sound();
        // A folder and another case make no other task, and a name is as good as a SID.
        sim.remove_tasks();
        for (name, user) in Profile::built_in()
            .tasks
            .iter()
            .zip([SID, r"UKETSUKE\oqscomapp", "OqsComApp", SID])
        {
            sim.put_task(task(&format!(r"\OQS\{}", name.to_uppercase()), user));
        }
        for key in [
            "missing",
            "disabled",
            "wrong_account",
            "bad_password",
            "failed",
            "restart_times",
        ] {
            assert!(listed(&sim, &format!("tasks.{key}")).is_empty(), "{key}");
        }
    }

    #[test]
    fn each_trouble_of_a_task_has_its_list() {
        let path = format!(r"\{DISTRO}");
        let whole = task(&path, SID);
        for (trouble, expected) in [
            (
                TaskSeen {
                    enabled: false,
                    ..whole.clone()
                },
                "disabled",
            ),
            (task(&path, "S-1-5-18"), "wrong_account"),
            (task(&path, ".\\uketsuke"), "wrong_account"),
            (
                TaskSeen {
                    last_result: BAD_PASSWORD,
                    ..whole.clone()
                },
                "bad_password",
            ),
            (
                TaskSeen {
                    last_result: 1,
                    ..whole.clone()
                },
                "failed",
            ),
            (
                TaskSeen {
                    last_result: 0x8007_0002,
                    ..whole.clone()
                },
                "failed",
            ),
            (
                TaskSeen {
                    last_result: 0x0004_1301,
                    ..whole.clone()
                },
                "nothing",
            ),
            (
                TaskSeen {
                    last_result: 0x4001_0004,
                    ..whole.clone()
                },
                "nothing",
            ),
            (
                TaskSeen {
                    last_result: 0xc000_013a,
                    ..whole.clone()
                },
                "nothing",
            ),
            (
                TaskSeen {
                    last_result: 0x0004_1303,
                    last_run: None,
                    ..whole.clone()
                },
                "nothing",
            ),
        ] {
            let sim = sound();
            sim.put_task(trouble);
            for key in ["missing", "disabled", "wrong_account", "bad_password", "failed"] {
                let found = listed(&sim, &format!("tasks.{key}"));
                assert_eq!(found == [DISTRO], key == expected, "{key} for {expected}: {found:?}");
            }
        }
        let sim = sound();
        sim.remove_tasks();
        assert_eq!(listed(&sim, "tasks.missing").len(), 4);
        assert!(listed(&sim, "tasks.failed").is_empty());
    }

    #[test]
    fn restarts_are_found_by_what_they_do_and_those_at_times_to_avoid_are_told_apart() {
        let sim = sound();
        for (name, at) in [
            ("再起動", "04:00"),
            ("b", "02:37"),
            ("c", "02:30"),
            ("d", "03:53"),
            ("e", "04:11"),
            ("f", "03:50"),
            ("g", "04:10"),
        ] {
            sim.put_task(restart(name, at));
        }
        sim.put_task(TaskSeen {
            enabled: false,
            ..restart("off", "05:00")
        });
        sim.put_task(TaskSeen {
            xml: xml(
                "S-1-5-18",
                "shutdown",
                "/s",
                "<CalendarTrigger><StartBoundary>2021-06-01T22:00:00</StartBoundary></CalendarTrigger>",
            ),
            ..restart("shut down", "22:00")
        });
        assert_eq!(
            listed(&sim, "tasks.restart_times"),
            ["02:30", "02:37", "03:50", "03:53", "04:00", "04:10", "04:11"]
        );
        // A round minute is another matter, which the times themselves show.
        assert_eq!(
            listed(&sim, "tasks.restart_forbidden"),
            ["03:50", "03:53", "04:00", "04:10"]
        );
    }

    #[test]
    fn a_task_that_cannot_be_read_leaves_unknown_what_it_might_have_been() {
        let damaged = [
            (Ok(b"\xff\xfe<".to_vec()), Reason::Damaged),
            (Ok(b"<Task><Triggers>".to_vec()), Reason::Damaged),
            (Ok(vec![b' '; 600_000]), Reason::Damaged),
            (Err(OsError::no_permission("closed")), Reason::NoPermission),
        ];
        for (xml, expected) in damaged {
            let sim = sound();
            sim.put_task(TaskSeen {
                xml,
                ..task(&format!(r"\{DISTRO}"), SID)
            });
            for key in [
                "tasks.restart_times",
                "tasks.restart_forbidden",
                "tasks.restart_in_opening",
                "tasks.restart_after_install",
                "tasks.restart_signed_in",
                "tasks.wrong_account",
            ] {
                assert_eq!(reason(&value(&sim, key)), Some(expected), "{key}");
            }
            // What the scheduler itself says is known all the same.
            assert!(listed(&sim, "tasks.missing").is_empty() && listed(&sim, "tasks.disabled").is_empty());
            assert!(!value(&sim, "tasks.all").is_unknown());
        }
        let sim = sound();
        sim.fail_call(1, OsError::failed("the scheduler's service"));
        assert_eq!(reason(&value(&sim, "tasks.missing")), Some(Reason::Failed));
        sim.fail_call(2, OsError::no_permission("accounts"));
        assert_eq!(reason(&value(&sim, "tasks.wrong_account")), Some(Reason::NoPermission));
    }

    #[test]
    fn absurdly_many_tasks_are_cut_but_never_those_that_count() {
        let sim = sound();
        for n in 0..300 {
            sim.put_task(task(&format!(r"\A{n:03}{}", "x".repeat(9_000)), "S-1-5-18"));
        }
        let Value::Table(table) = value(&sim, "tasks.all") else {
            panic!()
        };
        assert_eq!(table.rows.len(), MOST);
        assert!(
            table.rows[..4].iter().all(|row| row[0].contains("OQS_exec")),
            "{:?}",
            table.rows[0]
        );
    }
}
