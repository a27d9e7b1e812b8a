//! `/terminals/{id}/jobs/dry-run`: what a remedy would do to a terminal as it is now, asked of the terminal while the person
//! waits. A page of its own for who comes by the link; pages that offer a remedy take its middle part into themselves.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use kaishin_domain::id::TerminalId;
use kaishin_domain::remedy::{Class, Remedy};
use kaishin_domain::words::Words;
use kaishin_proto::preview::Change;

use super::job::Wanted;
use super::parts::{Badge, badge};
use super::{Page, Place, Shown, show};
use crate::app::dry_run::{self, DryRun, Verdict};
use crate::app::{Kind, terminals};
use crate::http::api::id;
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Wished};
use crate::http::routes::{Needs, Routes};
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    Routes::new().get(
        "/terminals/{id}/jobs/dry-run",
        // Which of the two permissions it needs depends on the remedy, as for ordering it.
        Needs::Permission(Permission::RefreshFacts),
        told,
    )
}

async fn told(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(&text)?;
    let remedy = wanted.remedy()?;
    let told = match dry_run::ask(&cx, id, remedy).await {
        Ok(told) => told,
        // Said in its place: the page around it stays as it is.
        Err(error) if error.kind == Kind::TooMany => DryRun {
            verdict: Verdict::Unknown,
            changes: Vec::new(),
            reason: Some(error.words),
        },
        Err(error) => return Err(Failure(error)),
    };
    let detail = terminals::get(&cx, id).await?;
    let changes = told.changes.iter().map(|one| line(&page, one)).collect();
    let (verdict, sentence, reason) = match (told.verdict, by_itself(remedy)) {
        (Verdict::AlreadyFine, Some(sentence)) => {
            (badge("", page.t("verdict-changes-nothing")), page.t(sentence), None)
        }
        (verdict, _) => (
            self::verdict(&page, verdict),
            page.t(&format!("dry-run-{}", slug(verdict))),
            told.reason.map(|words| page.of(&words).to_owned()),
        ),
    };
    let view = View {
        href: format!("/terminals/{id}"),
        hostname: detail.terminal.machine.hostname,
        remedy: page.of(&remedy.spelled()).to_owned(),
        verdict,
        sentence,
        changes,
        reason,
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

/// What never changes anything by itself is not "already as it should be" for that; how it is said.
fn by_itself(remedy: Remedy) -> Option<&'static str> {
    if matches!(remedy, Remedy::NotifyStaff { .. }) {
        return Some("dry-run-only-shows");
    }
    if matches!(remedy, Remedy::Guided(_)) && remedy.about().facts.is_empty() {
        return Some("dry-run-by-person");
    }
    (remedy.class() == Class::Read).then_some("dry-run-only-reads")
}

fn slug(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::WouldChange => "would-change",
        Verdict::AlreadyFine => "already-fine",
        Verdict::NotApplicable => "not-applicable",
        Verdict::Offline => "offline",
        Verdict::Unknown => "unknown",
    }
}

fn verdict(page: &Page, verdict: Verdict) -> Badge {
    let kind = match verdict {
        Verdict::WouldChange => "busy",
        Verdict::AlreadyFine => "good",
        Verdict::NotApplicable => "",
        Verdict::Offline | Verdict::Unknown => "warn",
    };
    badge(kind, page.t(&format!("verdict-{}", slug(verdict))))
}

/// "Fast startup: on -> off", in the reader's words where the terminal's are known.
fn line(page: &Page, change: &Change) -> String {
    let name = name(page, &change.what);
    let (from, to) = (
        value(page, &change.what, &change.from),
        value(page, &change.what, &change.to),
    );
    page.lang
        .with("dry-run-change", &[("what", &name), ("from", &from), ("to", &to)])
}

fn known(what: &str) -> Option<&'static Named> {
    NAMED.iter().find(|named| named.what == what)
}

fn name(page: &Page, what: &str) -> String {
    known(what).map_or_else(
        || what.to_owned(),
        |named| page.of(&Words::new(named.ja, named.en)).to_owned(),
    )
}

fn value(page: &Page, what: &str, raw: &str) -> String {
    let values = known(what).map_or(&[][..], |named| named.values);
    let shown = values.iter().chain(ALWAYS).find(|(known, ..)| *known == raw);
    shown.map_or_else(
        || raw.trim_matches('"').to_owned(),
        |(_, ja, en)| page.of(&Words::new(*ja, *en)).to_owned(),
    )
}

/// "HiberbootEnabled 1 -> 0, NtpServer absent": what a step read or wrote, if all of it is known.
pub fn changes(page: &Page, said: &str) -> Option<String> {
    let one = |part: &str| {
        let (what, rest) = part.split_once(' ')?;
        known(what)?;
        Some(match rest.split_once(" -> ") {
            Some((from, to)) => line(page, &Change::new(what, from, to)),
            None => name(page, what) + page.lang.choose("：", ": ") + &value(page, what, rest),
        })
    };
    let told: Vec<String> = said.split(", ").map(one).collect::<Option<_>>()?;
    Some(told.join(page.lang.choose("、", ", ")))
}

/// What terminals call things, as people know them.
struct Named {
    what: &'static str,
    ja: &'static str,
    en: &'static str,
    /// As the terminal says it, Japanese, English.
    values: &'static [(&'static str, &'static str, &'static str)],
}

const ALWAYS: &[(&str, &str, &str)] = &[("absent", "未設定", "not set")];
const SWITCH: &[(&str, &str, &str)] = &[("0", "無効", "off"), ("1", "有効", "on")];

const fn named(what: &'static str, ja: &'static str, en: &'static str) -> Named {
    Named {
        what,
        ja,
        en,
        values: &[],
    }
}

const MISSING: &[(&str, &str, &str)] = &[("missing", "なし", "missing"), ("-", "なし", "none")];

const NAMED: &[Named] = &[
    Named {
        values: SWITCH,
        ..named("HiberbootEnabled", "高速スタートアップ", "Fast startup")
    },
    Named {
        values: &[("\"0\"", "無効", "off"), ("\"1\"", "有効", "on")],
        ..named("*PMARPOffload", "ARPオフロード", "ARP offload")
    },
    Named {
        values: &[("0", "オフ", "off"), ("1", "オン", "on"), ("2", "オフ", "off")],
        ..named(
            "SmartActiveHoursState",
            "アクティブ時間の自動調整",
            "Automatic active hours",
        )
    },
    named(
        "ExtensionInstallAllowlist",
        "入れてよい拡張機能のポリシー",
        "Policy of extensions that may be installed",
    ),
    named(
        "ExtensionInstallForcelist",
        "ポリシーで入れる拡張機能",
        "Extensions installed by policy",
    ),
    Named {
        values: MISSING,
        ..named(
            "edge.delegate.version",
            "拡張機能 delegate（目視確認）",
            "Extension delegate",
        )
    },
    Named {
        values: MISSING,
        ..named(
            "edge.nopinauth.version",
            "拡張機能 nopinauth（顔認証）",
            "Extension nopinauth",
        )
    },
    Named {
        values: MISSING,
        ..named(
            "edge.pinauth.version",
            "拡張機能 pinauth（暗証番号）",
            "Extension pinauth",
        )
    },
    named("ActiveHoursStart", "アクティブ時間の開始（時）", "Active hours from"),
    named("ActiveHoursEnd", "アクティブ時間の終了（時）", "Active hours until"),
    named("policy file", "ポリシーファイル", "Policy file"),
    named("sleep on mains", "スリープ（電源接続時）", "Sleep on mains"),
    named("sleep on battery", "スリープ（バッテリー時）", "Sleep on battery"),
    named("daily restart", "毎日の再起動", "Daily restart"),
    Named {
        values: SWITCH,
        ..named("ProxyEnable", "プロキシ", "Proxy")
    },
    named("ProxyServer", "プロキシの宛先", "Proxy server"),
    named("ProxyOverride", "プロキシの例外", "Proxy exceptions"),
    named("NtpServer", "時刻の同期先", "Time server"),
    Named {
        values: &[
            ("\"NTP\"", "指定のサーバー", "the named server"),
            ("\"NT5DS\"", "ドメイン", "the domain"),
            ("\"NoSync\"", "同期しない", "none"),
        ],
        ..named("Type", "時刻の同期方法", "Time is taken from")
    },
];

#[derive(Template)]
#[template(path = "dry_run.html")]
struct View {
    page: Page,
    href: String,
    hostname: String,
    remedy: String,
    verdict: Badge,
    sentence: String,
    changes: Vec<String>,
    reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn what_would_change_is_told_as_a_clerk_would_say_it() {
        let change = |what, from, to| Change::new(what, from, to);
        for (lang, change, told) in [
            (
                Lang::Ja,
                change("HiberbootEnabled", "1", "0"),
                "高速スタートアップ：有効 → 無効",
            ),
            (
                Lang::En,
                change("HiberbootEnabled", "absent", "0"),
                "Fast startup: not set → off",
            ),
            (
                Lang::Ja,
                change("ActiveHoursStart", "9", "7"),
                "アクティブ時間の開始（時）：9 → 7",
            ),
            (
                Lang::En,
                change("*PMARPOffload", "\"1\"", "\"0\""),
                "ARP offload: on → off",
            ),
            (Lang::En, change("Invented", "\"a\"", "b"), "Invented: a → b"),
        ] {
            let page = sample::page(lang, Some(Role::Desk), Some(Place::Terminals));
            assert_eq!(line(&page, &change), told);
        }
        let page = sample::page(Lang::Ja, Some(Role::Desk), Some(Place::Terminals));
        for (said, told) in [
            (
                "HiberbootEnabled 1 -> 0, ActiveHoursStart 7",
                Some("高速スタートアップ：有効 → 無効、アクティブ時間の開始（時）：7"),
            ),
            ("HiberbootEnabled 1 -> 0, Invented 7", None),
            ("two sentences", None),
        ] {
            assert_eq!(changes(&page, said).as_deref(), told, "{said}");
        }
    }

    #[test]
    fn what_changes_nothing_by_itself_is_not_called_as_it_should_be() {
        for (remedy, said) in [
            (Remedy::ConnectionCheck, Some("dry-run-only-reads")),
            (Remedy::by_name("notify-staff").unwrap(), Some("dry-run-only-shows")),
            (
                Remedy::by_name("card-reader-power-cycle").unwrap(),
                Some("dry-run-by-person"),
            ),
            (Remedy::by_name("display-scale").unwrap(), None),
            (Remedy::FastStartupOff, None),
        ] {
            assert_eq!(by_itself(remedy), said);
        }
    }

    #[test]
    fn every_verdict_renders_in_both_languages() {
        for lang in Lang::ALL {
            for told in [
                Verdict::WouldChange,
                Verdict::AlreadyFine,
                Verdict::NotApplicable,
                Verdict::Offline,
                Verdict::Unknown,
            ] {
                let page = sample::page(lang, Some(Role::Desk), Some(Place::Terminals));
                let html = sample::check(&View {
                    href: "/terminals/x".into(),
                    hostname: "UKETSUKE-01<i>".into(),
                    remedy: "アクティブ時間を設定する".into(),
                    verdict: verdict(&page, told),
                    sentence: page.t(&format!("dry-run-{}", slug(told))),
                    changes: vec!["開始：8 → 7<i>".into()],
                    reason: Some("ポリシー<i>".into()),
                    page,
                });
                assert!(html.contains("id=\"told\"") && !html.contains("<i>"));
            }
        }
    }
}
