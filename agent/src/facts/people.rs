//! Whose settings count: those of the people at the terminal. Whoever is signed in; where nobody is, whoever was the last; where
//! nobody knows that either, all who have a profile. The account that programs run as has its hive loaded whenever one of
//! them runs, and says nothing by that; yet many a clinic signs in as that very account, and then it is a person like others.

use kaishin_proto::value::Reason;

use super::About;
use super::edge::profiles::USER_DATA;
use crate::os::{Hive, Os, Read, User};

pub const SIGN_IN: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Authentication\LogonUI";
/// Who signed in at the screen last: no task that runs as somebody changes it.
pub const LAST: &str = "LastLoggedOnUserSID";

pub struct People {
    /// Everybody who has a profile here, whether they count or not.
    pub all: Vec<User>,
    /// SIDs of those of them who are more than an account for programs.
    persons: Vec<String>,
    last: Option<String>,
}

impl People {
    pub fn look(os: &dyn Os, about: &About) -> Read<People> {
        let all = os.users()?;
        let last = match os.registry_get(Hive::LocalMachine, SIGN_IN, LAST) {
            // A system that keeps no such note.
            Err(error) if error.reason == Reason::NotSupported => None,
            noted => noted?,
        };
        let last = last.map(|sid| sid.as_text()).transpose()?;
        let last = last.filter(|last| all.iter().any(|user| user.sid == *last));
        let runs_programs = |user: &User| {
            let name = user.name.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(&about.profile.account))
        };
        let is_person = |user: &User| match &last {
            _ if !runs_programs(user) => true,
            _ if all.iter().all(runs_programs) => true,
            Some(last) => *last == user.sid,
            // No program opens the browser.
            None => os.list_dir(&user.path(USER_DATA)).is_ok(),
        };
        let persons = all.iter().filter(|user| is_person(user));
        Ok(People {
            persons: persons.map(|user| user.sid.clone()).collect(),
            all,
            last,
        })
    }

    pub fn persons(&self) -> impl Iterator<Item = &User> {
        self.all.iter().filter(|user| self.persons.contains(&user.sid))
    }

    pub fn who_counts(&self) -> Vec<&User> {
        let here: Vec<&User> = self.persons().filter(|user| user.signed_in).collect();
        if !here.is_empty() {
            return here;
        }
        let last: Vec<&User> = self
            .persons()
            .filter(|user| self.last.as_ref() == Some(&user.sid))
            .collect();
        if last.is_empty() {
            self.persons().collect()
        } else {
            last
        }
    }

    pub fn is_anybody_here(&self) -> bool {
        self.persons().any(|user| user.signed_in)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{about, sim};
    use super::*;
    use crate::os::RegistryValue;
    use crate::os::sim::Sim;

    fn counting(sim: &Sim) -> Vec<String> {
        let people = People::look(sim, &about()).unwrap();
        people.who_counts().iter().map(|user| user.shown().to_owned()).collect()
    }

    fn sid(sim: &Sim, name: &str) -> String {
        let users = sim.users().unwrap();
        users.into_iter().find(|user| user.shown() == name).unwrap().sid
    }

    fn was_last(sim: &Sim, name: Option<&str>) {
        let value = name.map(|name| RegistryValue::text(&sid(sim, name)));
        sim.poke(Hive::LocalMachine, SIGN_IN, LAST, value);
    }

    #[test]
    fn whoever_is_here_counts_then_whoever_was_the_last_then_everybody() {
        let sim = sim();
        assert_eq!(counting(&sim), ["uketsuke"]);
        sim.sign_out(&sid(&sim, "uketsuke"));
        assert_eq!(counting(&sim), ["uketsuke"]);
        was_last(&sim, Some("incho"));
        assert_eq!(counting(&sim), ["incho"]);
        was_last(&sim, None);
        assert_eq!(counting(&sim), ["uketsuke", "incho"]);
        sim.poke(
            Hive::LocalMachine,
            SIGN_IN,
            LAST,
            Some(RegistryValue::text("S-1-5-21-1-2-3-4")),
        );
        assert_eq!(counting(&sim), ["uketsuke", "incho"], "whose profile is gone is nobody");
    }

    #[test]
    fn the_account_of_programs_counts_where_people_sign_in_as_it_and_not_where_tasks_run_as_it() {
        let sim = sim();
        // A task runs.
        sim.sign_in(&sid(&sim, "OqsComApp"));
        was_last(&sim, Some("uketsuke"));
        assert_eq!(counting(&sim), ["uketsuke"]);
        sim.sign_out(&sid(&sim, "uketsuke"));
        assert_eq!(counting(&sim), ["uketsuke"]);
        was_last(&sim, Some("OqsComApp"));
        assert_eq!(counting(&sim), ["OqsComApp"]);
        // Nobody knows who was the last: no program has a browser.
        was_last(&sim, None);
        assert_eq!(counting(&sim), ["uketsuke", "incho"]);
        sim.put_file(format!(r"C:\Users\OqsComApp\{USER_DATA}\Local State"), *b"{}");
        assert_eq!(counting(&sim), ["OqsComApp"]);
    }

    #[test]
    fn where_nobody_else_has_a_profile_the_account_of_programs_is_the_person() {
        let sim = Sim::new(
            1,
            3,
            kaishin_proto::clock::Clock::manual(kaishin_proto::time::Time(1_800_000_000_000_000)),
        );
        assert_eq!(counting(&sim), ["OqsComApp"]);
        was_last(&sim, None);
        sim.sign_out(&sid(&sim, "OqsComApp"));
        assert_eq!(counting(&sim), ["OqsComApp"]);
    }
}
