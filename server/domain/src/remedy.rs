//! What can be done to a terminal: a closed list, each with what a person must know before pressing the button.

use serde::{Deserialize, Serialize};

use crate::access::Permission;
use crate::words::Words;

/// Typed work. A new kind is a new variant, here and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "remedy", rename_all = "kebab-case")]
pub enum Remedy {
    RefreshFacts,
    FastStartupOff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reads only.
    Read,
    /// Changes one terminal.
    Consent,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRemedy {
    #[error("there is no remedy {0:?}")]
    Unknown(String),
    #[error("remedy {remedy} takes no parameter {parameter:?}")]
    Parameter { remedy: &'static str, parameter: String },
}

impl Remedy {
    pub const ALL: [Remedy; 2] = [Remedy::RefreshFacts, Remedy::FastStartupOff];

    pub fn name(self) -> &'static str {
        match self {
            Remedy::RefreshFacts => "refresh-facts",
            Remedy::FastStartupOff => "fast-startup-off",
        }
    }

    /// From outside: a name and a JSON object of parameters, refused unless both are known.
    pub fn parse(name: &str, params: &serde_json::Value) -> Result<Remedy, BadRemedy> {
        let remedy = Remedy::ALL
            .into_iter()
            .find(|r| r.name() == name)
            .ok_or_else(|| BadRemedy::Unknown(name.to_owned()))?;
        let surplus = match params {
            serde_json::Value::Null => None,
            serde_json::Value::Object(map) => map.keys().next().cloned(),
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Array(_) => Some(params.to_string()),
        };
        match surplus {
            None => Ok(remedy),
            Some(parameter) => Err(BadRemedy::Parameter {
                remedy: remedy.name(),
                parameter,
            }),
        }
    }

    pub fn class(self) -> Class {
        match self {
            Remedy::RefreshFacts => Class::Read,
            Remedy::FastStartupOff => Class::Consent,
        }
    }

    pub fn permission(self) -> Permission {
        match self.class() {
            Class::Read => Permission::RefreshFacts,
            Class::Consent => Permission::RunRemedy,
        }
    }

    pub fn title(self) -> Words {
        match self {
            Remedy::RefreshFacts => Words::new("最新の情報を取得", "Refresh facts"),
            Remedy::FastStartupOff => Words::new("高速スタートアップを無効にする", "Turn fast startup off"),
        }
    }

    /// What the clinic will notice.
    pub fn effect(self) -> Words {
        match self {
            Remedy::RefreshFacts => Words::new(
                "端末の状態を読み取るだけで、設定は変わりません。",
                "Only reads the terminal; nothing is changed.",
            ),
            Remedy::FastStartupOff => Words::new(
                "Windowsの高速スタートアップを無効にします。再起動は不要で、受付の業務に影響しません。次回のシャットダウンから有効です。",
                "Turns Windows' fast startup off. No restart, and nothing changes at the reception desk; it takes effect from the next shutdown.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_known_remedies_with_known_parameters_are_accepted() {
        assert_eq!(
            Remedy::parse("fast-startup-off", &json!({})),
            Ok(Remedy::FastStartupOff)
        );
        assert_eq!(Remedy::parse("refresh-facts", &json!(null)), Ok(Remedy::RefreshFacts));
        assert_eq!(
            Remedy::parse("shell", &json!({})),
            Err(BadRemedy::Unknown("shell".into()))
        );
        assert!(matches!(
            Remedy::parse("refresh-facts", &json!({"x": 1})),
            Err(BadRemedy::Parameter { .. })
        ));
        assert!(matches!(
            Remedy::parse("refresh-facts", &json!("x")),
            Err(BadRemedy::Parameter { .. })
        ));
    }
}
