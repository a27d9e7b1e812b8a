//! Who may do what. One answer for pages, API and command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{OperatorId, TerminalId, TokenId};
use crate::remedy::{Class, Remedy};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Viewer,
    Desk,
    Author,
    Approver,
    Admin,
    Api,
}

impl Role {
    pub const ALL: [Role; 6] = [
        Role::Viewer,
        Role::Desk,
        Role::Author,
        Role::Approver,
        Role::Admin,
        Role::Api,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Desk => "desk",
            Role::Author => "author",
            Role::Approver => "approver",
            Role::Admin => "admin",
            Role::Api => "api",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a role: viewer, desk, author, approver, admin or api")]
pub struct NoSuchRole;

impl FromStr for Role {
    type Err = NoSuchRole;
    fn from_str(text: &str) -> Result<Role, NoSuchRole> {
        Role::ALL.into_iter().find(|role| role.name() == text).ok_or(NoSuchRole)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    ViewFleet,
    /// Ask a terminal to read its facts again: class R.
    RefreshFacts,
    /// Change one terminal.
    RunRemedy,
    CancelJob,
    /// Talk to a clinic on the phone and keep the record of it.
    TakeCalls,
    RevokeTerminal,
    /// Change one facility, and say which terminals stand in it.
    EditFacilities,
    /// Many facilities at once.
    ImportLedger,
    ViewTokens,
    ManageTokens,
    ViewPending,
    DecidePending,
    ViewAudit,
    /// Write down what terminals are to look for and be measured against.
    EditProfile,
    /// Put that in force for the whole fleet.
    PublishProfile,
    ManageOperators,
}

impl Permission {
    /// What it takes to order this.
    pub fn of(remedy: Remedy) -> Permission {
        match remedy.class() {
            Class::Read => Permission::RefreshFacts,
            Class::Consent => Permission::RunRemedy,
        }
    }

    pub const ALL: [Permission; 16] = [
        Permission::ViewFleet,
        Permission::RefreshFacts,
        Permission::RunRemedy,
        Permission::CancelJob,
        Permission::TakeCalls,
        Permission::RevokeTerminal,
        Permission::EditFacilities,
        Permission::ImportLedger,
        Permission::ViewTokens,
        Permission::ManageTokens,
        Permission::ViewPending,
        Permission::DecidePending,
        Permission::ViewAudit,
        Permission::EditProfile,
        Permission::PublishProfile,
        Permission::ManageOperators,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Permission::ViewFleet => "view-fleet",
            Permission::RefreshFacts => "refresh-facts",
            Permission::RunRemedy => "run-remedy",
            Permission::CancelJob => "cancel-job",
            Permission::TakeCalls => "take-calls",
            Permission::RevokeTerminal => "revoke-terminal",
            Permission::EditFacilities => "edit-facilities",
            Permission::ImportLedger => "import-ledger",
            Permission::ViewTokens => "view-tokens",
            Permission::ManageTokens => "manage-tokens",
            Permission::ViewPending => "view-pending",
            Permission::DecidePending => "decide-pending",
            Permission::ViewAudit => "view-audit",
            Permission::EditProfile => "edit-profile",
            Permission::PublishProfile => "publish-profile",
            Permission::ManageOperators => "manage-operators",
        }
    }
}

/// What the permission is wanted for. Areas will narrow it; callers already say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Fleet,
    Terminal(TerminalId),
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub who: Who,
    /// For people: "tanaka", "api:monitoring", "local:root".
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Operator(OperatorId),
    Token(TokenId),
    /// Somebody with a shell on the server.
    Local,
    /// The server itself: deadlines, retention.
    System,
}

impl Actor {
    pub fn system() -> Actor {
        Actor {
            who: Who::System,
            name: "system".into(),
            role: Role::Admin,
        }
    }
    pub fn local(user: &str) -> Actor {
        Actor {
            who: Who::Local,
            name: format!("local:{user}"),
            role: Role::Admin,
        }
    }
}

/// The one decision. Scope does not narrow anything until operators have areas.
pub fn allows(role: Role, permission: Permission, _scope: Scope) -> bool {
    use Permission as P;
    match permission {
        P::ViewFleet => true,
        P::RefreshFacts | P::RunRemedy | P::CancelJob | P::TakeCalls | P::EditFacilities => {
            matches!(role, Role::Desk | Role::Author | Role::Admin | Role::Api)
        }
        P::RevokeTerminal | P::DecidePending | P::PublishProfile => {
            matches!(role, Role::Approver | Role::Admin | Role::Api)
        }
        P::ViewPending => !matches!(role, Role::Viewer),
        P::EditProfile | P::ViewTokens => matches!(role, Role::Author | Role::Approver | Role::Admin | Role::Api),
        P::ImportLedger => matches!(role, Role::Author | Role::Admin | Role::Api),
        P::ManageTokens => matches!(role, Role::Admin | Role::Api),
        P::ViewAudit => matches!(role, Role::Author | Role::Approver | Role::Admin | Role::Api),
        P::ManageOperators => matches!(role, Role::Admin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_only_looks_and_an_admin_does_everything() {
        for permission in Permission::ALL {
            assert_eq!(
                allows(Role::Viewer, permission, Scope::Fleet),
                permission == Permission::ViewFleet
            );
            assert!(allows(Role::Admin, permission, Scope::Fleet));
        }
        assert!(!allows(Role::Api, Permission::ManageOperators, Scope::Fleet));
    }

    #[test]
    fn roles_read_back_from_their_names() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert_eq!("root".parse::<Role>(), Err(NoSuchRole));
    }
}
