//! Who may do what. One answer for pages, API and command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{OperatorId, TerminalId, TokenId};
use crate::remedy::{Class, Remedy};
use crate::words::Words;

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

    pub fn words(self) -> Words {
        match self {
            Role::Viewer => Words::new("閲覧", "Viewer"),
            Role::Desk => Words::new("受付", "Desk"),
            Role::Author => Words::new("作成", "Author"),
            Role::Approver => Words::new("承認", "Approver"),
            Role::Admin => Words::new("管理", "Administrator"),
            Role::Api => Words::new("API", "API"),
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

    /// What one may do with it.
    pub fn words(self) -> Words {
        match self {
            Permission::ViewFleet => Words::new("端末と状況を見る", "See terminals and the overview"),
            Permission::RefreshFacts => Words::new("端末の情報を取り直す", "Have a terminal report anew"),
            Permission::RunRemedy => Words::new("端末の不具合を直す", "Mend a terminal"),
            Permission::CancelJob => Words::new("作業を取り消す", "Cancel work"),
            Permission::TakeCalls => {
                Words::new("電話を受けて手順をご案内する", "Take calls and lead through procedures")
            }
            Permission::RevokeTerminal => Words::new(
                "端末を失効させる、重複の保留を解除する",
                "Revoke a terminal, release a duplicate",
            ),
            Permission::EditFacilities => Words::new("医療機関等を編集する", "Edit facilities"),
            Permission::ImportLedger => Words::new("台帳を取り込む・取り消す", "Import a ledger and take it back"),
            Permission::ViewTokens => Words::new("登録トークンを見る", "See enrolment tokens"),
            Permission::ManageTokens => Words::new("登録トークンを発行・失効する", "Make and revoke enrolment tokens"),
            Permission::ViewPending => Words::new("承認待ちを見る", "See who awaits approval"),
            Permission::DecidePending => Words::new("登録を承認・却下する", "Approve or reject an enrolment"),
            Permission::ViewAudit => Words::new("監査記録を見る", "See the audit log"),
            Permission::EditProfile => Words::new(
                "端末設定と目標の版の下書きを作る",
                "Write drafts of the terminal profile and its target versions",
            ),
            Permission::PublishProfile => Words::new("端末設定を公開する", "Publish the terminal profile"),
            Permission::ManageOperators => {
                Words::new("操作者とAPIトークンを管理する", "Manage operators and API tokens")
            }
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
