//! The parts of a call's page: the step that is read aloud, how each step was passed, what the terminal shows.

use kaishin_domain::call::{Call, Procedures, Run, Stand, Step};
use kaishin_domain::expr::{Field, Truth3};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::rule::Severity;
use kaishin_domain::value::Value;
use kaishin_domain::words::Words;

use super::super::parts::{Badge, Ended, badge, ended, job_state, told};
use super::super::terminal::{WorkStep, asked, shown, steps_view};
use super::Page;
use crate::app::Cx;
use crate::app::calls::{self, Detail};
use crate::app::jobs::JobDetail;
use crate::http::call_told::Told;

/// A procedure that can be begun.
pub struct Choice {
    pub slug: String,
    pub title: String,
    pub about: String,
    pub minutes: u32,
}

/// The step that the caller is at.
pub struct StepView {
    pub procedure: String,
    /// Its place on the way; what only a branch leads to has none.
    pub number: Option<usize>,
    pub of: usize,
    pub title: String,
    pub say: String,
    pub screen: Option<String>,
    /// The same on an English Windows.
    pub screen_other: Option<String>,
    pub hint: Option<String>,
    pub citation: Option<String>,
    pub stand: Badge,
    /// The terminal shows it done.
    pub seen: bool,
    pub contradicted: bool,
    /// The terminal shows that it is not done.
    pub not_yet: bool,
    /// The terminal tells by itself; otherwise only the caller can.
    pub watched: bool,
    pub branches: Vec<String>,
    pub remedy: Option<RemedyView>,
    pub back: bool,
}

pub struct RemedyView {
    pub title: String,
    pub effect: String,
    /// Where it is asked what it would change, and ordered from; back to the call from there.
    pub look: Option<String>,
    /// Of the last time that it was ordered for this step.
    pub job: Option<Badge>,
}

/// A procedure's steps, as they were passed.
pub struct Ran {
    pub title: String,
    pub steps: Vec<RanStep>,
}

pub struct RanStep {
    pub title: String,
    pub here: bool,
    pub stand: Option<Badge>,
    pub class: &'static str,
}

/// A fact that the step looks at.
pub struct Facts {
    pub name: String,
    pub value: String,
}

pub struct Finding {
    pub name: String,
    pub weight: Badge,
    /// What helps, to be begun at a click.
    pub procedure: Option<String>,
    /// Where what it is put right with is ordered: its name, and the address.
    pub remedy: Option<(String, String)>,
}

/// Work on the terminal: ordered in this call, or elsewhere and not over yet.
pub struct Work {
    pub title: String,
    pub state: Badge,
    pub ended: Option<Ended>,
    /// Of what goes on, and of what was ordered last.
    pub steps: Vec<WorkStep>,
    pub elsewhere: bool,
}

/// The person at the terminal is asked whether it may be done.
pub struct Asks {
    pub job: String,
    pub title: String,
    pub effect: String,
    /// What the terminal says of it: a wrong code, nobody there, later.
    pub told: Option<String>,
    /// As it was typed, if it would not do.
    pub code: String,
}

fn tick(page: &Page, stand: Stand) -> Badge {
    let kind = match stand {
        Stand::Automatic => "good",
        Stand::Heard => "busy",
        Stand::Unconfirmed => "",
        Stand::Contradicted => "bad",
        Stand::Overridden => "warn",
        Stand::Saw => "warn",
    };
    badge(kind, page.t(&format!("stand-{}", stand.name())))
}

pub fn step_view(cx: &Cx, page: &Page, detail: &Detail, step: &Step) -> StepView {
    let run = detail.call.run();
    let procedure = run.and_then(|run| calls::procedures(&cx.app).find(&run.procedure));
    let path = procedure.map(|one| one.path()).unwrap_or_default();
    let truth = calls::truth(&cx.app, detail.row.as_ref(), step);
    let stand = run.and_then(|run| run.stand(step, truth)).unwrap_or(Stand::Unconfirmed);
    let screen = step.screen.as_ref();
    let remedy = step.remedy.filter(|_| detail.call.terminal.is_some());
    let last_job = || {
        let ordered = detail.call.jobs.iter().zip(&detail.jobs);
        let mut of_step = ordered.filter(|(ordered, _)| ordered.step == step.id);
        of_step.next_back()?.1.as_ref().map(|job| job_state(page, &job.job))
    };
    StepView {
        procedure: procedure.map_or_else(String::new, |one| page.of(&one.title).to_owned()),
        number: path.iter().position(|one| one.id == step.id).map(|at| at + 1),
        of: path.len(),
        title: page.of(&step.title).to_owned(),
        say: page.of(&step.say).to_owned(),
        screen: screen.map(|screen| screen.ja.clone()),
        screen_other: screen.and_then(|screen| screen.en.clone()),
        hint: step.hint.as_ref().map(|hint| page.of(hint).to_owned()),
        citation: step.citation.as_ref().map(|source| page.of(&source.words()).to_owned()),
        stand: tick(page, stand),
        seen: truth == Truth3::True,
        contradicted: stand == Stand::Contradicted,
        not_yet: truth == Truth3::False,
        watched: step.done.is_some() && truth != Truth3::Unknown,
        branches: step
            .branches
            .iter()
            .map(|branch| page.of(&branch.sees).to_owned())
            .collect(),
        remedy: remedy.map(|remedy| RemedyView {
            title: page.of(&remedy.title()).to_owned(),
            effect: page.of(&Words::from(remedy.about().effect)).to_owned(),
            look: order_href(&detail.call, remedy),
            job: last_job(),
        }),
        back: run.is_some_and(|run| !run.trail.is_empty()),
    }
}

fn order_href(call: &Call, remedy: Remedy) -> Option<String> {
    let path = format!("/terminals/{}/jobs/new", call.terminal?);
    Some(format!("{}&call={}", asked(&path, remedy), call.id))
}

pub fn ran(page: &Page, procedures: &Procedures, run: &Run) -> Ran {
    let Some(procedure) = procedures.find(&run.procedure) else {
        return Ran {
            title: run.procedure.clone(),
            steps: Vec::new(),
        };
    };
    let path = procedure.path();
    let seen = |step: &&Step| {
        let on_the_way = path.iter().any(|one| one.id == step.id);
        on_the_way
            || run.at.as_deref() == Some(step.id.as_str())
            || run.trail.iter().any(|passed| passed.step == step.id)
    };
    let step = |step: &Step| {
        let here = run.at.as_deref() == Some(step.id.as_str());
        // Of the one that the caller is at, the card above tells more.
        let stand = if here { None } else { run.stand(step, Truth3::Unknown) };
        RanStep {
            title: page.of(&step.title).to_owned(),
            here,
            stand: stand.map(|stand| tick(page, stand)),
            class: stand.map_or("", Stand::name),
        }
    };
    Ran {
        title: page.of(&procedure.title).to_owned(),
        steps: procedure.steps.iter().filter(seen).map(step).collect(),
    }
}

pub fn facts(page: &Page, detail: &Detail, step: Option<&Step>) -> Vec<Facts> {
    let (Some(step), Some(row)) = (step, detail.row.as_ref()) else {
        return Vec::new();
    };
    let of_fields = calls::fields(step).into_iter().filter_map(|field| {
        let Field::Fact(fact) = field else { return None };
        let value = row.entry.facts.get(fact.key);
        let value = value.map_or_else(
            || page.t("not-known"),
            |value: &Value| shown(page.lang, fact.key, value).line(page.lang),
        );
        Some(Facts {
            name: page.of(&Words::new(fact.ja, fact.en)).to_owned(),
            value,
        })
    });
    of_fields.collect()
}

pub fn finding(cx: &Cx, page: &Page, detail: &Detail) -> Vec<Finding> {
    let Some(row) = &detail.row else { return Vec::new() };
    let mut rules: Vec<_> = row
        .entry
        .faults
        .iter()
        .filter_map(|fault| cx.app.rules.rule(fault))
        .collect();
    rules.sort_by_key(|rule| rule.severity);
    let finding = |rule: &kaishin_domain::rule::Rule| {
        let helps = rule.procedure.as_ref().map(|procedure| procedure.slug.as_str());
        let helps = helps.or_else(|| rule.remedy.map(|remedy| remedy.name()));
        Finding {
            name: page.of(&rule.title).to_owned(),
            weight: match rule.severity {
                Severity::Serious => badge("bad", page.t("weight-grave")),
                Severity::Warning => badge("warn", page.t("weight-mild")),
                Severity::Notice => badge("", page.t("weight-note")),
            },
            remedy: rule
                .remedy
                .and_then(|remedy| Some((page.of(&remedy.title()).to_owned(), order_href(&detail.call, remedy)?))),
            procedure: helps
                .and_then(|slug| calls::guide(&cx.app, slug))
                .map(|procedure| procedure.slug.clone()),
        }
    };
    rules.into_iter().map(finding).collect()
}

pub fn asks(page: &Page, detail: &Detail, typed: &Told) -> Option<Asks> {
    let JobDetail { job, steps, .. } = detail.asking()?;
    let said = steps.iter().rev().find(|step| !step.evidence.is_empty());
    Some(Asks {
        job: job.id.to_string(),
        title: page.of(&job.remedy.spelled()).to_owned(),
        effect: page.of(&job.remedy.effect()).to_owned(),
        told: said.map(|step| told(page, &step.evidence)),
        code: if typed.event == "code" {
            typed.code.clone()
        } else {
            String::new()
        },
    })
}

/// The latest first; what others ordered stands before.
pub fn work(page: &Page, detail: &Detail) -> Vec<Work> {
    let of_job = |job: &JobDetail, with_steps: bool, elsewhere: bool| Work {
        title: page.of(&job.job.remedy.spelled()).to_owned(),
        state: job_state(page, &job.job),
        ended: ended(page, &job.job),
        steps: if with_steps || !job.job.is_final() {
            steps_view(page, &job.job, &job.steps)
        } else {
            Vec::new()
        },
        elsewhere,
    };
    let gone = |remedy: &str| Work {
        title: remedy.to_owned(),
        state: badge("", page.t("not-known")),
        ended: None,
        steps: Vec::new(),
        elsewhere: false,
    };
    let elsewhere = detail.others.iter().map(|job| of_job(job, true, true));
    let ordered = detail.call.jobs.iter().zip(&detail.jobs).rev().enumerate();
    let ordered = ordered.map(|(n, (ordered, job))| match job {
        None => gone(&ordered.remedy),
        Some(job) => of_job(job, n == 0, false),
    });
    elsewhere.chain(ordered).collect()
}

#[cfg(test)]
pub mod samples {
    use super::*;

    pub fn step(page: &Page) -> StepView {
        StepView {
            procedure: "拡張機能の入れ替え<i>".into(),
            number: Some(3),
            of: 10,
            title: "古い拡張機能を3つ外す<i>".into(),
            say: "「削除」を押してください。<i>".into(),
            screen: Some("削除<i>".into()),
            screen_other: Some("Remove".into()),
            hint: Some("閉じていただきます。<i>".into()),
            citation: Some("手順書A<i>".into()),
            stand: tick(page, Stand::Contradicted),
            seen: false,
            contradicted: true,
            not_yet: true,
            watched: true,
            branches: vec!["「削除」を押せない<i>".into()],
            remedy: Some(RemedyView {
                title: "最新の情報を取得".into(),
                effect: "読み取るだけです。<i>".into(),
                look: Some("/terminals/x/jobs/new?remedy=refresh-facts&call=x".into()),
                job: Some(badge("busy", "実行中")),
            }),
            back: true,
        }
    }

    pub fn ran(page: &Page) -> Ran {
        Ran {
            title: "拡張機能の入れ替え<i>".into(),
            steps: vec![RanStep {
                title: "開く<i>".into(),
                here: false,
                stand: Some(tick(page, Stand::Heard)),
                class: "heard",
            }],
        }
    }

    pub fn facts() -> Vec<Facts> {
        vec![Facts {
            name: "Edge".into(),
            value: "1.0<i>".into(),
        }]
    }

    pub fn findings() -> Vec<Finding> {
        vec![Finding {
            name: "古い<i>".into(),
            weight: badge("bad", "重大"),
            procedure: Some("restart".into()),
            remedy: Some((
                "再起動<i>".into(),
                "/terminals/x/jobs/new?remedy=restart-now&call=x".into(),
            )),
        }]
    }

    pub fn asks() -> Asks {
        Asks {
            job: "j".into(),
            title: "時刻の同期先<i>".into(),
            effect: "設定を書き換えます。<i>".into(),
            told: Some("番号が違います<i>".into()),
            code: "12<i>".into(),
        }
    }

    pub fn work(page: &Page) -> Vec<Work> {
        vec![Work {
            title: "最新の情報を取得<i>".into(),
            state: badge("good", page.t("job-succeeded")),
            ended: Some(Ended {
                words: "元のままです。<i>".into(),
                code: "E-JOB-07".into(),
                detail: "<i>".into(),
            }),
            steps: vec![WorkStep {
                name: "読み取り<i>".into(),
                kind: "done",
                phase: "完了".into(),
                evidence: "<i>".into(),
                at: Some(page.now),
            }],
            elsewhere: true,
        }]
    }
}
