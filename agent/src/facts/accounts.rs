//! The account that the link software runs as: its name to the letter, its rights and the age of its password. Never the
//! password, nor anything that would help to guess it.

use kaishin_proto::convert::Facts;
use kaishin_proto::value::Value;

use super::{About, row, text, time, truth};
use crate::os::{Account, Os, OsError, Read};

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let wanted = &about.profile.account;
    let seen = os.account(wanted);
    // That there is no such account is known, and then there is none of the exact name either.
    let exact = seen.as_ref().map_err(OsError::clone);
    let exact = exact.map(|account| account.as_ref().is_some_and(|account| account.name == *wanted));
    let account = seen.and_then(|account| account.ok_or_else(|| OsError::not_found(format!("no account {wanted}"))));
    vec![
        row(
            "accounts.oqs_name",
            text(of(&account, |account| Ok(account.name.clone()))),
        ),
        row("accounts.oqs_exact", truth(exact)),
        row(
            "accounts.oqs_enabled",
            truth(of(&account, |account| Ok(account.enabled))),
        ),
        row(
            "accounts.oqs_admin",
            truth(of(&account, |account| account.admin.clone())),
        ),
        row(
            "accounts.oqs_password_changed",
            time(of(&account, |account| account.password_changed.clone())),
        ),
        row("accounts.oqs_password_expires", expires(&account)),
        row(
            "accounts.oqs_password_never_expires",
            truth(of(&account, |account| Ok(account.password_expires.clone()?.is_none()))),
        ),
    ]
}

fn of<T>(account: &Read<Account>, pick: impl Fn(&Account) -> Read<T>) -> Read<T> {
    pick(account.as_ref().map_err(OsError::clone)?)
}

/// A password without an end has no date: the next fact says that it has none.
fn expires(account: &Read<Account>) -> Value {
    let never = || OsError::not_found("the password never expires");
    time(of(account, |account| {
        account.password_expires.clone()?.ok_or_else(never)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{reason, sim, value};
    use super::*;
    use kaishin_proto::time::{Span, Time};
    use kaishin_proto::value::Reason;

    fn account() -> Account {
        Account {
            name: "OqsComApp".into(),
            sid: "S-1-5-21-1-2-3-1005".into(),
            enabled: true,
            admin: Ok(true),
            password_changed: Ok(Time(0)),
            password_expires: Ok(Some(Time(0) + Span::days(42))),
        }
    }

    #[test]
    fn the_account_is_told_to_the_letter() {
        let sim = sim();
        sim.set_account(Some(account()));
        assert_eq!(value(&sim, "accounts.oqs_exact"), Value::Truth(true));
        assert_eq!(
            value(&sim, "accounts.oqs_password_expires"),
            Value::Time(Time(0) + Span::days(42))
        );
        assert_eq!(value(&sim, "accounts.oqs_password_never_expires"), Value::Truth(false));
        sim.set_account(Some(Account {
            name: "oqscomapp".into(),
            enabled: false,
            password_expires: Ok(None),
            ..account()
        }));
        assert_eq!(value(&sim, "accounts.oqs_name"), Value::Text("oqscomapp".into()));
        assert_eq!(value(&sim, "accounts.oqs_exact"), Value::Truth(false));
        assert_eq!(value(&sim, "accounts.oqs_enabled"), Value::Truth(false));
        assert_eq!(value(&sim, "accounts.oqs_password_never_expires"), Value::Truth(true));
        assert_eq!(
            reason(&value(&sim, "accounts.oqs_password_expires")),
            Some(Reason::NotFound)
        );
    }

    #[test]
    fn an_account_that_is_not_there_is_known_not_to_be() {
        let sim = sim();
        sim.set_account(None);
        assert_eq!(value(&sim, "accounts.oqs_exact"), Value::Truth(false));
        assert_eq!(reason(&value(&sim, "accounts.oqs_name")), Some(Reason::NotFound));
        assert_eq!(reason(&value(&sim, "accounts.oqs_admin")), Some(Reason::NotFound));
    }

    #[test]
    fn what_could_not_be_read_is_unknown_by_itself() {
        let sim = sim();
        sim.set_account(Some(Account {
            admin: Err(OsError::no_permission("the group")),
            ..account()
        }));
        assert_eq!(reason(&value(&sim, "accounts.oqs_admin")), Some(Reason::NoPermission));
        assert_eq!(value(&sim, "accounts.oqs_enabled"), Value::Truth(true));
        for key in [
            "accounts.oqs_name",
            "accounts.oqs_exact",
            "accounts.oqs_password_expires",
        ] {
            sim.fail_call(1, OsError::failed("the account database"));
            assert_eq!(reason(&value(&sim, key)), Some(Reason::Failed), "{key}");
        }
    }
}
