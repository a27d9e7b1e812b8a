//! Why a command did not do what was asked, told to a person or to a program.

use crate::StartError;
use crate::app::AppError;
use crate::config::ConfigError;
use crate::demo::DemoError;
use crate::pki::CaError;
use serde_json::{Value as Json, json};

use super::output::Language;

#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error("E-CLI-01 プログラムを開始できません。 / The program cannot begin.")]
    Runtime(#[source] std::io::Error),
    #[error("E-CLI-02 標準入力からパスワードを読めません。 / No password can be read from standard input.")]
    Input(#[source] std::io::Error),
    #[error("E-CLI-08 ファイル {file} を読めません。 / The file {file} cannot be read.")]
    File {
        file: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("E-CLI-03 終了処理を待たずに停止しました。 / Stopped without waiting for an orderly end.")]
    Impatient,
    #[error("E-CLI-04 停止の合図を受け取れません。 / The signal to stop cannot be listened for.")]
    Signals(#[source] std::io::Error),
    #[error(
        "E-CLI-06 サーバーの場所をhttp://名前:ポートの形で指定してください（KAISHIN_URL）。 / Say where the server is as http://name:port (KAISHIN_URL)."
    )]
    Address,
    #[error("E-CLI-07 サーバーに接続できません。 / The server cannot be reached.")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the server said, in its own words.
    #[error("{code} {ja} / {en}")]
    Refused {
        code: String,
        ja: String,
        en: String,
        problem: Json,
    },
    #[error("E-CLI-09 ファイル {file} に書き込めません。 / The file {file} cannot be written.")]
    Unwritten {
        file: std::path::PathBuf,
        source: std::io::Error,
    },
    /// `check` has said what.
    #[error("E-CLI-05 点検で問題が見つかりました。 / The check found something that is not in order.")]
    NotInOrder,
}

impl Failed {
    pub fn say(&self, language: Language) -> String {
        let mut text = match self {
            Failed::App(error) => format!("{} {}", error.code, language.of(&error.words)),
            Failed::Config(_)
            | Failed::Start(_)
            | Failed::Demo(_)
            | Failed::Ca(_)
            | Failed::Runtime(_)
            | Failed::Input(_)
            | Failed::File { .. }
            | Failed::Impatient
            | Failed::Signals(_)
            | Failed::Address
            | Failed::Unreachable(_)
            | Failed::Refused { .. }
            | Failed::Unwritten { .. }
            | Failed::NotInOrder => language.half(&self.to_string()),
        };
        for cause in self.causes() {
            let cause = language.half(&cause);
            if !text.contains(&cause) {
                text.push_str("\n  ");
                text.push_str(&cause);
            }
        }
        text
    }

    pub fn json(&self, language: Language) -> Json {
        let said = self.say(language);
        let (code, message) = said.split_once(' ').unwrap_or(("", said.as_str()));
        let detail = match self {
            Failed::App(error) => error.detail.clone(),
            Failed::Refused { problem, .. } => problem.clone(),
            Failed::Config(_)
            | Failed::Start(_)
            | Failed::Demo(_)
            | Failed::Ca(_)
            | Failed::Runtime(_)
            | Failed::Input(_)
            | Failed::File { .. }
            | Failed::Impatient
            | Failed::Signals(_)
            | Failed::Address
            | Failed::Unreachable(_)
            | Failed::Unwritten { .. }
            | Failed::NotInOrder => Json::Null,
        };
        json!({ "error": { "code": code, "message": message, "detail": detail } })
    }

    fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_one_language_with_its_code_and_its_causes() {
        let failed = Failed::Runtime(std::io::Error::other("no threads"));
        assert_eq!(
            failed.say(Language::English),
            "E-CLI-01 The program cannot begin.\n  no threads"
        );
        assert_eq!(
            failed.say(Language::Japanese),
            "E-CLI-01 プログラムを開始できません。\n  no threads"
        );
        assert_eq!(failed.json(Language::English)["error"]["code"], "E-CLI-01");
    }
}
