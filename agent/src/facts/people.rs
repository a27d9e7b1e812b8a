//! Whose settings count: those of the people at the terminal. Whoever is signed in; where nobody is, all who have a profile,
//! but for the account that only programs run as.

use super::About;
use crate::os::{Os, Read, User};

pub fn all(os: &dyn Os) -> Read<Vec<User>> {
    os.users()
}

pub fn who_counts<'a>(users: &'a [User], about: &About) -> Vec<&'a User> {
    let programs = |user: &User| {
        user.name
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case(&about.profile.account))
    };
    let people: Vec<&User> = users.iter().filter(|user| !programs(user)).collect();
    let here: Vec<&User> = people.iter().copied().filter(|user| user.signed_in).collect();
    if here.is_empty() { people } else { here }
}
