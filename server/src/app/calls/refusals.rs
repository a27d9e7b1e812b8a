//! What a call does not take, as somebody at the desk is told; and the words of a request that name something of a call.

use kaishin_domain::call::{Condition, Outcome, Refused, State, Step, TooLong};
use kaishin_domain::time::Time;

use crate::app::AppError;

pub(super) fn too_long(long: TooLong) -> AppError {
    let TooLong { field, most } = long;
    AppError::invalid(
        "E-CALL-11",
        format!("「{field}」は{most}文字以内で入力してください。"),
        format!("Give {field} in at most {most} characters."),
    )
}

pub(super) fn refused(refused: Refused) -> AppError {
    let conflict = AppError::conflict;
    match refused {
        Refused::Closed => conflict(
            "E-CALL-12",
            "この電話は完了しています。新しく受け付けてください。",
            "This call is closed. Open another one.",
        ),
        Refused::NotOnThePhone => conflict(
            "E-CALL-13",
            "折り返し待ちです。「電話を再開」を押してから続けてください。",
            "It waits for a call-back. Take it up again first.",
        ),
        Refused::NoSuchProcedure | Refused::NoSuchStep | Refused::NoSuchBranch => AppError::not_found(
            "E-CALL-14",
            "その手順または操作は見つかりません。画面を更新し、手順を選び直してください。",
            "There is no such procedure or step. Reload and choose again.",
        ),
        Refused::NoRun => conflict(
            "E-CALL-15",
            "ご案内中の手順がありません。手順を選んでください。",
            "No procedure is being gone through. Choose one.",
        ),
        Refused::Contradicted => conflict(
            "E-CALL-16",
            "端末の状態がまだそうなっていません。もう一度操作していただくか、理由を添えて済みにしてください。",
            "The terminal shows otherwise. Have it done again, or override with a reason.",
        ),
        Refused::StillWorking => conflict(
            "E-CALL-28",
            "この電話で依頼した作業がまだ終わっていません。終わるのを待つか、取り消すか、理由を入力して完了してください。",
            "Work that was ordered in this call is not over. Wait for it, cancel it, or give a reason to close the call.",
        ),
        Refused::NothingToOverride => conflict(
            "E-CALL-17",
            "端末の状態と食い違っていません。そのまま次へ進めます。",
            "The terminal does not show otherwise. Just go on.",
        ),
        Refused::NoReason => AppError::invalid(
            "E-CALL-18",
            "理由または内容を入力してください。",
            "Give a reason or some text.",
        ),
        Refused::NoTerminal => conflict(
            "E-CALL-19",
            "端末が決まっていません。先に端末を選んでください。",
            "No terminal was chosen. Choose it first.",
        ),
        Refused::AlreadyTrue => conflict(
            "E-CALL-20",
            "端末はいまオンラインです。別の条件を選んでください。",
            "The terminal is online now. Choose another condition.",
        ),
        Refused::BadTime => AppError::invalid(
            "E-CALL-21",
            "折り返しの日時は、これから60日以内で指定してください。",
            "Call back at a moment within the next 60 days.",
        ),
        Refused::NotDue => conflict(
            "E-CALL-22",
            "折り返し待ちの電話ではありません。画面を更新してください。",
            "It does not wait for a call-back. Reload.",
        ),
        Refused::TooMuch => conflict(
            "E-CALL-23",
            "この電話の記録が多くなりすぎました。完了して、新しく受け付けてください。",
            "This call has grown too long. Close it and open another.",
        ),
    }
}

/// The steps that keep a call from being closed as fixed, by their names.
pub(super) fn not_fixed(steps: &[&Step]) -> AppError {
    let ja: Vec<String> = steps.iter().map(|step| format!("「{}」", step.title.ja)).collect();
    let en: Vec<&str> = steps.iter().map(|step| step.title.en.as_str()).collect();
    AppError::conflict(
        "E-CALL-16",
        format!(
            "端末の状態がまだそうなっていない操作があります：{}。直してから完了するか、理由を入力して完了してください。",
            ja.concat()
        ),
        format!(
            "The terminal shows otherwise for: {}. Have it done, or give a reason to close the call.",
            en.join("; ")
        ),
    )
}

/// The condition of a call-back as somebody names it; a moment for `at`.
pub fn condition(name: &str, at: Option<Time>) -> Result<Condition, AppError> {
    match (name, at) {
        ("online", _) => Ok(Condition::Online),
        ("restarted", _) => Ok(Condition::Restarted { before: None }),
        ("at", Some(at)) => Ok(Condition::At { at }),
        ("at", None) => Err(refused(Refused::BadTime)),
        (_, _) => Err(AppError::invalid(
            "E-CALL-24",
            "折り返しの条件は online、restarted、at から選んでください。",
            "Call back at one of: online, restarted, at.",
        )),
    }
}

pub fn outcome(name: &str) -> Result<Outcome, AppError> {
    Outcome::parse(name).ok_or_else(|| {
        AppError::invalid(
            "E-CALL-25",
            "結果を選んでから完了してください。",
            "Choose how the call ended before closing it.",
        )
    })
}

/// Whether a state is one that calls are listed by.
pub fn known_state(name: &str) -> bool {
    name.is_empty() || name == "unfinished" || State::NAMES.contains(&name)
}
