//! Whose settings count: those of the people at the terminal. Whoever is signed in; where nobody is, all who have a profile,
//! but for the account that only programs run as.

use super::About;
use crate::os::{Os, Read, User};

pub fn all(os: &dyn Os) -> Read<Vec<User>> {
    os.users()
}

pub fn but_programs<'a>(users: &'a [User], about: &'a About) -> impl Iterator<Item = &'a User> {
    users.iter().filter(move |user| {
        let name = user.name.as_deref();
        !name.is_some_and(|name| name.eq_ignore_ascii_case(&about.profile.account))
    })
}

pub fn who_counts<'a>(users: &'a [User], about: &'a About) -> Vec<&'a User> {
    let people: Vec<&User> = but_programs(users, about).collect();
    let here: Vec<&User> = people.iter().copied().filter(|user| user.signed_in).collect();
    if here.is_empty() { people } else { here }
}
