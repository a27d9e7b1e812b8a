//! What a use case answers when it cannot do what was asked: a stable code, and what to do, in both languages.

use kaishin_domain::words::Words;

use crate::store::StoreError;

#[derive(Debug)]
pub struct AppError {
    pub code: &'static str,
    pub kind: Kind,
    pub words: Words,
    /// For programs: where in the input, what was expected.
    pub detail: serde_json::Value,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    NotFound,
    /// Not signed in.
    Unknown,
    Denied,
    Invalid,
    Conflict,
    TooMany,
    /// Not the caller's fault; the log says more.
    Internal,
}

impl AppError {
    pub fn new(kind: Kind, code: &'static str, ja: impl Into<String>, en: impl Into<String>) -> AppError {
        AppError {
            code,
            kind,
            words: Words::new(ja, en),
            detail: serde_json::Value::Null,
            source: None,
        }
    }
    pub fn not_found(code: &'static str, ja: impl Into<String>, en: impl Into<String>) -> AppError {
        AppError::new(Kind::NotFound, code, ja, en)
    }
    pub fn denied(code: &'static str, ja: impl Into<String>, en: impl Into<String>) -> AppError {
        AppError::new(Kind::Denied, code, ja, en)
    }
    pub fn invalid(code: &'static str, ja: impl Into<String>, en: impl Into<String>) -> AppError {
        AppError::new(Kind::Invalid, code, ja, en)
    }
    pub fn conflict(code: &'static str, ja: impl Into<String>, en: impl Into<String>) -> AppError {
        AppError::new(Kind::Conflict, code, ja, en)
    }

    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> AppError {
        AppError {
            source: Some(Box::new(source)),
            ..AppError::new(
                Kind::Internal,
                "E-SERVER-01",
                "サーバー内部の問題で処理できませんでした。しばらくしてからもう一度お試しください。続く場合は管理者に連絡してください。",
                "The server could not do this because of a fault of its own. Try again shortly; if it goes on, tell the administrator.",
            )
        }
    }

    #[must_use]
    pub fn with(mut self, detail: serde_json::Value) -> AppError {
        self.detail = detail;
        self
    }

    pub fn no_such_terminal() -> AppError {
        AppError::not_found(
            "E-TERMINAL-01",
            "この端末は登録されていません。端末一覧から選び直してください。",
            "There is no such terminal. Choose one from the list.",
        )
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.words.en)
    }
}

impl std::error::Error for AppError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LostRace(_) => AppError {
                source: Some(Box::new(error)),
                ..AppError::conflict(
                    "E-STORE-01",
                    "ほかの人が同時に変更しました。画面を更新して、もう一度お試しください。",
                    "Somebody else changed this at the same moment. Reload and try again.",
                )
            },
            StoreError::Exists(_) => AppError {
                source: Some(Box::new(error)),
                ..AppError::conflict(
                    "E-STORE-02",
                    "同じ名前のものがすでにあります。別の名前にしてください。",
                    "One of that name exists already. Choose another name.",
                )
            },
            StoreError::Unreadable { .. }
            | StoreError::TooNew { .. }
            | StoreError::Migration(_)
            | StoreError::Database(_)
            | StoreError::Stopped
            | StoreError::BrokeOff => AppError::internal(error),
        }
    }
}
