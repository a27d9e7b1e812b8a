//! What can go wrong with the database, told apart by what the caller can do.

use std::sync::Arc;

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The row was changed by somebody else in between: load again and decide again.
    #[error("the {0} was changed by somebody else at the same moment")]
    LostRace(&'static str),
    #[error("a {0} of that name or key exists already")]
    Exists(&'static str),
    /// What is stored does not read back: the database was edited by hand, or is damaged.
    #[error("the stored {what} does not read back: {value:?}")]
    Unreadable { what: &'static str, value: String },
    #[error("the database was written by a newer Kaishin (its schema is {found}, this program knows up to {known})")]
    TooNew { found: i64, known: i64 },
    #[error("the database's schema cannot be brought up to date")]
    Migration(#[source] Arc<sqlx::migrate::MigrateError>),
    #[error("the database does not do its work")]
    Database(#[source] Arc<sqlx::Error>),
    #[error("the database's writer has stopped")]
    Stopped,
    #[error("a unit of work broke off; nothing of it was kept")]
    BrokeOff,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let taken = error
            .as_database_error()
            .is_some_and(|inner| inner.is_unique_violation());
        if taken {
            StoreError::Exists("row")
        } else {
            StoreError::Database(Arc::new(error))
        }
    }
}
