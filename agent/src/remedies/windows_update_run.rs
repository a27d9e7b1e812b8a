//! Has Windows Update search, download and install, however long that takes, and says in words why it did not. What failed
//! on the way to the update server is tried again when the line is quiet; what failed otherwise needs a person.

use kaishin_proto::preview::{Change, Preview};
use kaishin_proto::remedy::{Remedy, Said};
use kaishin_proto::time::{Span, Time};

use super::{Acted, Around, Cure, Done, Failed, Step, proof};
use crate::facts::boot;
use crate::os::{Os, Read, UpdateRun};
use crate::words;

const STEPS: &[Step] = &[
    // After a crash it is searched anew: what was installed is not found again.
    Step::again("run"),
    Step::again("verify"),
];

const OFTEN: Span = Span::seconds(30);
/// Between two tries where nobody is received.
const LATER: Span = Span::minutes(30);

pub struct WindowsUpdateRun;

impl Cure for WindowsUpdateRun {
    fn steps(&self) -> &'static [Step] {
        STEPS
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        match step {
            "run" => run(os, around),
            "verify" => verify(os, around),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn preview(&self, os: &dyn Os, _: &Around) -> Read<Preview> {
        let pending = boot::restart_pending(os)?;
        let preview = Preview::of([Change::new(
            "Windows Update",
            "not searched now",
            "searched, downloaded and installed",
        )]);
        Ok(if pending {
            preview.because("a restart is pending: updates may not install before it")
        } else {
            preview
        })
    }
}

fn run(os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let waits = |evidence: String| Acted::Again { after: OFTEN, evidence };
    let progress = os.update_progress()?;
    // What has ended before this job first looked is the end of one that was given up.
    let over = matches!(progress, UpdateRun::Done { .. } | UpdateRun::Failed { .. });
    if over && !around.story.waited {
        os.update_start()?;
        return Ok(waits("searching for updates".to_owned()));
    }
    Ok(match progress {
        UpdateRun::Idle => {
            os.update_start()?;
            waits("searching for updates".to_owned())
        }
        UpdateRun::Searching => waits("searching for updates".to_owned()),
        UpdateRun::Downloading { updates } => waits(format!("downloading {updates} updates")),
        UpdateRun::Installing { updates } => waits(format!("installing {updates} updates")),
        UpdateRun::Done { installed: 0 } => Done::told("no update was left to install").into(),
        UpdateRun::Done { installed } => Done::told(format!("{installed} updates installed")).into(),
        UpdateRun::Failed { code } => failed(code, around)?,
    })
}

fn failed(code: u32, around: &Around) -> Result<Acted, Failed> {
    let Meaning { said, again } = meaning(code);
    let told = format!("0x{code:08X}: {} / {}", said.ja, said.en);
    if !again {
        return Err(Failed {
            code: words::JOB_UPDATE_FAILED,
            detail: told,
        });
    }
    let at = next_try(around);
    Ok(Acted::Again {
        after: at.since(around.now),
        evidence: format!("waits: {told}; tries again at {}", kaishin_proto::calendar::clock(at)),
    })
}

/// When the clinic receives nobody, and the line is its own.
fn next_try(around: &Around) -> Time {
    let soon = around.now + LATER;
    around.about.hours.open_until(soon).unwrap_or(soon)
}

fn verify(os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let sections = ["update".to_owned(), "boot".to_owned()];
    let observed = proof::observe(&sections, Remedy::WindowsUpdateRun.about().facts, os, around)?;
    let evidence = if boot::restart_pending(os)? {
        "installed; a restart is needed before it holds"
    } else {
        "nothing is left to do"
    };
    Ok(Done {
        observed,
        ..Done::told(evidence)
    }
    .into())
}

/// What a code of Windows Update means to the person who reads it out.
struct Meaning {
    said: Said,
    /// Whether it is worth trying again by itself.
    again: bool,
}

const fn said(ja: &'static str, en: &'static str) -> Said {
    Said { ja, en }
}

fn meaning(code: u32) -> Meaning {
    let of = |said, again| Meaning { said, again };
    match code {
        0x8024_0438 | 0x8007_2efd | 0x8007_2efe | 0x80d0_2002 => of(
            said(
                "更新サーバーに接続できません（配信時間外、プロキシ、回線）",
                "cannot reach the update server",
            ),
            true,
        ),
        0x8007_2ee2 | 0x8024_401c => of(said("時間内に応答がありません（混雑）", "timed out (busy hours)"), true),
        0x8024_402c => of(said("サーバーの名前を引けません", "name resolution failed"), true),
        0x8024_401b | 0x8024_4018 => of(said("プロキシに拒否されました", "the proxy asks or refuses"), false),
        0x8024_401f | 0x8024_4021 | 0x8024_4022 => of(said("更新サーバーが混雑しています", "the server is busy"), true),
        0x8007_2f8f => of(
            said(
                "証明書か時計が正しくありません",
                "the certificate or the clock is wrong",
            ),
            false,
        ),
        0x8024_001e | 0x8007_0422 => of(
            said("Windows Updateのサービスが止まっています", "the service is stopped"),
            false,
        ),
        0x8024_0016 => of(
            said(
                "別の更新が実行中か、再起動待ちです",
                "another update runs, or a restart is pending",
            ),
            true,
        ),
        0x8024_002e | 0x8024_0025 | 0x8024_500c => of(said("ポリシーで禁止されています", "forbidden by policy"), false),
        0x8024_0022 | 0x8024_200b => of(
            said("更新のインストールに失敗しました", "an update failed to install"),
            false,
        ),
        0x8007_0070 => of(said("ディスクの空きが足りません", "the disk is full"), false),
        0x8007_3712 | 0x800f_081f => of(
            said("Windowsの部品が壊れています", "Windows' component store is damaged"),
            false,
        ),
        _ => of(
            said(
                "この番号の意味は登録されていません",
                "the meaning of this code is not known here",
            ),
            false,
        ),
    }
}

#[cfg(test)]
mod tests;
