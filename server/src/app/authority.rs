//! The one decision who may do what, with the answer that a person who may not is given.

use kaishin_domain::access::{Actor, Permission, Scope, allows};

use super::error::AppError;

pub fn authorize(actor: &Actor, permission: Permission, scope: Scope) -> Result<(), AppError> {
    if allows(actor.role, permission, scope) {
        return Ok(());
    }
    Err(AppError::denied(
        "E-ACCESS-02",
        format!(
            "この操作の権限がありません（役割: {}、必要な権限: {}）。管理者に依頼してください。",
            actor.role,
            permission.name()
        ),
        format!(
            "Your role ({}) does not allow this ({}). Ask an administrator.",
            actor.role,
            permission.name()
        ),
    ))
}
