//! What can go wrong with the authority and with certificate requests, in words for the person who must act.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error(
        "E-CA-01 認証局のファイル {path} を読み書きできません。権限と空き容量を確認してください。 / The authority's file {path} cannot be read or written. Check its permissions and the free space."
    )]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "E-CA-02 認証局のファイル {path} がありません。バックアップから戻してください。作り直すと全端末の再登録が必要になります。 / The authority's file {path} is missing. Restore it from the backup; making a new authority would mean enrolling every terminal again."
    )]
    Missing { path: PathBuf },
    #[error(
        "E-CA-03 認証局の鍵 {path} を開けません。パスフレーズまたは鍵ファイルが違うか、ファイルが壊れています。 / The authority's key {path} does not open: the passphrase or key file is not the one it was made with, or the file is damaged."
    )]
    Locked { path: PathBuf },
    #[error(
        "E-CA-04 認証局のファイル {path} が壊れているか、書き換えられています ({why})。バックアップから戻してください。 / The authority's file {path} is damaged or was altered ({why}). Restore it from the backup."
    )]
    Damaged { path: PathBuf, why: &'static str },
    #[error(
        "E-CA-05 認証局は信頼ドメイン {made_for} 用に作られていますが、設定は {configured} です。設定を戻してください。 / The authority was made for trust domain {made_for}, but the configuration says {configured}. Set it back."
    )]
    OtherTrustDomain { made_for: String, configured: String },
    #[error(
        "E-CA-06 信頼ドメイン {0} は使えません。小文字の英数字とハイフンをドットでつないでください。 / The trust domain {0} cannot be used. Use lower-case letters, digits and hyphens, joined by dots."
    )]
    BadTrustDomain(String),
    #[error(
        "E-CA-07 ルートの鍵はこのサーバーにありません (オフライン保管中)。 / The root's key is not on this server (it is kept offline)."
    )]
    RootAway,
    #[error(
        "E-CA-08 {path} は既にあります。別の保存先を指定してください。 / {path} exists already. Name another place."
    )]
    Occupied { path: PathBuf },
    #[error(
        "E-CA-09 認証局のパスフレーズまたは鍵ファイルが空です。 / The authority's passphrase or key file is empty."
    )]
    EmptySecret,
    #[error("E-CA-10 発行用の認証局証明書の期限が切れました。 / The issuing authority's own certificate has expired.")]
    IssuingExpired,
    #[error("E-CA-11 証明書を作成できません。 / A certificate could not be made.")]
    Making(#[from] rcgen::Error),
    #[error(
        "E-CA-12 鍵または証明書のファイル {path} を読み取れません (PEM形式ではありません)。 / The key or certificate file {path} cannot be read: it is not PEM."
    )]
    NotPem { path: PathBuf },
    #[error("E-CA-13 TLSの設定を作成できません。 / The TLS configuration could not be made.")]
    Tls(#[from] rustls::Error),
}

impl CaError {
    pub fn code(&self) -> &'static str {
        match self {
            CaError::File { .. } => "E-CA-01",
            CaError::Missing { .. } => "E-CA-02",
            CaError::Locked { .. } => "E-CA-03",
            CaError::Damaged { .. } => "E-CA-04",
            CaError::OtherTrustDomain { .. } => "E-CA-05",
            CaError::BadTrustDomain(_) => "E-CA-06",
            CaError::RootAway => "E-CA-07",
            CaError::Occupied { .. } => "E-CA-08",
            CaError::EmptySecret => "E-CA-09",
            CaError::IssuingExpired => "E-CA-10",
            CaError::Making(_) => "E-CA-11",
            CaError::NotPem { .. } => "E-CA-12",
            CaError::Tls(_) => "E-CA-13",
        }
    }
}

/// Why a certificate request is not answered with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrRefused {
    #[error("E-CSR-01 証明書要求を読み取れません。 / The certificate request cannot be read.")]
    Malformed,
    #[error(
        "E-CSR-02 証明書要求の鍵の種類が違います (P-256のみ)。 / The certificate request has a key of another kind (only P-256 is taken)."
    )]
    KeyKind,
    #[error("E-CSR-03 証明書要求の署名が鍵と合いません。 / The certificate request's signature does not fit its key.")]
    Signature,
}

impl CsrRefused {
    pub fn code(&self) -> &'static str {
        match self {
            CsrRefused::Malformed => "E-CSR-01",
            CsrRefused::KeyKind => "E-CSR-02",
            CsrRefused::Signature => "E-CSR-03",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_begins_with_its_code_and_speaks_both_languages() {
        for refused in [CsrRefused::Malformed, CsrRefused::KeyKind, CsrRefused::Signature] {
            assert!(refused.to_string().starts_with(refused.code()) && refused.to_string().contains(" / "));
        }
        let path = PathBuf::from("x");
        for error in [
            CaError::Missing { path: path.clone() },
            CaError::Locked { path: path.clone() },
            CaError::Damaged {
                path: path.clone(),
                why: "w",
            },
            CaError::BadTrustDomain("D".into()),
            CaError::RootAway,
            CaError::Occupied { path: path.clone() },
            CaError::EmptySecret,
            CaError::IssuingExpired,
            CaError::NotPem { path },
        ] {
            assert!(error.to_string().starts_with(error.code()) && error.to_string().contains(" / "));
        }
    }
}
