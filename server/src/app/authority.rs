//! The one decision who may do what, with the answer that a person who may not is given.

use kaishin_domain::access::{Actor, Permission, Role, Scope, allows};
use kaishin_domain::words::Words;

use super::error::AppError;

pub fn authorize(actor: &Actor, permission: Permission, scope: Scope) -> Result<(), AppError> {
    if allows(actor.role, permission, scope) {
        return Ok(());
    }
    let may = |role: &Role| *role != Role::Api && allows(*role, permission, scope);
    let may: Vec<Words> = Role::ALL.into_iter().filter(may).map(Role::words).collect();
    let named = |of: fn(&Words) -> &str, between: &str| may.iter().map(of).collect::<Vec<_>>().join(between);
    let (role, what) = (actor.role.words(), permission.words());
    Err(AppError::denied(
        "E-ACCESS-02",
        format!(
            "「{}」は、今の役割（{}）ではできません。できる役割：{}。管理者に依頼してください。",
            what.ja,
            role.ja,
            named(|words| &words.ja, "・")
        ),
        format!(
            "Your role ({}) does not allow this: {}. Roles that do: {}. Ask an administrator.",
            role.en,
            what.en,
            named(|words| &words.en, ", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_is_told_in_words_what_and_who_may() {
        let actor = Actor {
            role: Role::Desk,
            ..Actor::system()
        };
        for permission in Permission::ALL
            .into_iter()
            .filter(|one| !allows(Role::Desk, *one, Scope::Fleet))
        {
            let denied = authorize(&actor, permission, Scope::Fleet).expect_err("the desk may not");
            let (ja, en) = (&denied.words.ja, &denied.words.en);
            assert!(
                !ja.contains(permission.name()) && !en.contains(permission.name()),
                "{ja} {en}"
            );
            assert!(
                ja.contains("（受付）") && ja.contains("管理。") && en.contains("Administrator."),
                "{ja} {en}"
            );
        }
    }
}
