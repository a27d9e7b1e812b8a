//! `/terminals/{id}/jobs`: the work of a terminal, step by step.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use kaishin_domain::access::Permission;
use kaishin_domain::job::{Job, Outcome, Phase, Step};
use kaishin_domain::remedy::{Remedy, step_title};
use kaishin_domain::time::Time;

use super::{Answer, AppError, Badge, Cx, Head, Page, Tab, Visitor, Why, head, opened, show};
use crate::app::jobs as work;
use crate::http::pages::parts::{Ended, ended, job_state, told};

/// Of so many jobs the steps are shown; older ones tell their outcome.
const WITH_STEPS: usize = 5;

pub async fn jobs(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Answer {
    let (cx, page, detail) = opened(visitor, &text, &headers).await?;
    let view = View {
        head: head(&cx, &page, &detail, Tab::Jobs),
        jobs: jobs_of(&cx, &page, &detail.jobs).await?,
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

pub(super) async fn jobs_of(cx: &Cx, page: &Page, jobs: &[Job]) -> Result<Vec<JobView>, AppError> {
    let mut views = Vec::with_capacity(jobs.len());
    for (n, job) in jobs.iter().enumerate() {
        let mut view = if n < WITH_STEPS || !job.is_final() {
            let detail = work::get(cx, job.id).await?;
            JobView {
                undo: work::can_undo(&detail).then(|| format!("/jobs/new?remedy=undo&job={}", job.id)),
                undone_by: detail.undone_by.map(|by| by.to_string()),
                record: detail.record,
                ..job_view(page, job, &detail.steps)
            }
        } else {
            JobView {
                // Whether it is still kept, its own page says.
                record: matches!(job.remedy, Remedy::CollectRecord { .. }) && succeeded(job),
                ..job_view(page, job, &[])
            }
        };
        view.record &= page.may(Permission::of(job.remedy));
        views.push(view);
    }
    Ok(views)
}

fn succeeded(job: &Job) -> bool {
    job.finish().is_some_and(|finish| finish.outcome == Outcome::Succeeded)
}

fn job_view(page: &Page, job: &Job, steps: &[Step]) -> JobView {
    JobView {
        id: job.id.to_string(),
        remedy: page.of(&job.remedy.spelled()).to_owned(),
        state: job_state(page, job),
        at: job.created_at,
        by: job.created_by.clone(),
        deadline: (!job.is_final()).then(|| page.t1("job-deadline", "at", page.when(&job.deadline))),
        ended: ended(page, job),
        open: !job.is_final() && !job.cancel_asked,
        asks: job.asks(steps),
        undo: None,
        undone_by: None,
        takes_back: taken_back(job),
        record: false,
        steps: steps_view(page, job, steps),
    }
}

fn taken_back(job: &Job) -> Option<String> {
    if let Remedy::Undo { job } = job.remedy {
        Some(job.to_string())
    } else {
        None
    }
}

/// Each step once, as it stands: its latest word, and what was found last.
pub fn steps_view(page: &Page, job: &Job, steps: &[Step]) -> Vec<StepView> {
    let mut latest: Vec<&Step> = Vec::new();
    for step in steps {
        match latest
            .iter_mut()
            .find(|known| (known.attempt, known.number) == (step.attempt, step.number))
        {
            Some(known) if known.phase <= step.phase => *known = step,
            Some(_) => {}
            None => latest.push(step),
        }
    }
    let view = |step: &&Step| StepView {
        name: page.of(&step_title(&step.name)).to_owned(),
        kind: match step.phase {
            Phase::Intent | Phase::Waiting if job.is_final() => "left",
            Phase::Intent | Phase::Waiting | Phase::Probed => "doing",
            Phase::Done => "done",
            Phase::Failed => "failed",
        },
        phase: if job.is_final() && matches!(step.phase, Phase::Intent | Phase::Waiting) {
            page.t("step-left")
        } else {
            page.t(&format!("step-{}", step.phase.name()))
        },
        evidence: told(page, &step.evidence),
        at: Some(step.at),
    };
    latest.iter().map(view).collect()
}

#[derive(Template)]
#[template(path = "terminal_jobs.html")]
struct View {
    page: Page,
    head: Head,
    jobs: Vec<JobView>,
}

impl View {
    fn why_not_cancel(&self) -> Option<&Why> {
        why_not_cancel(&self.head, &self.jobs)
    }
}

/// Where there is a job that somebody else could cancel.
pub(super) fn why_not_cancel<'a>(head: &'a Head, jobs: &[JobView]) -> Option<&'a Why> {
    let open = jobs.iter().any(|job| job.open);
    head.cannot.cancel.as_ref().filter(|_| open)
}

pub(super) struct JobView {
    pub id: String,
    pub remedy: String,
    pub state: Badge,
    pub at: Time,
    pub by: String,
    /// While it is open.
    pub deadline: Option<String>,
    pub ended: Option<Ended>,
    pub open: bool,
    /// The person at the terminal is asked, and may read out a code.
    pub asks: bool,
    /// Below the terminal's page: where it is asked whether to take it back.
    pub undo: Option<String>,
    /// The jobs that this one was taken back by, and that it takes back; both stand on the same page.
    pub undone_by: Option<String>,
    pub takes_back: Option<String>,
    /// Something was fetched, and this person may read it.
    pub record: bool,
    pub steps: Vec<StepView>,
}

pub struct StepView {
    pub name: String,
    pub kind: &'static str,
    pub phase: String,
    pub evidence: String,
    pub at: Option<Time>,
}

#[cfg(test)]
pub(super) fn sample() -> JobView {
    JobView {
        id: "j".into(),
        remedy: "高速スタートアップを無効にする".into(),
        state: crate::http::pages::parts::badge("busy", "実行中"),
        at: super::samples::AT,
        by: "tanaka".into(),
        deadline: Some("期限".into()),
        ended: Some(Ended {
            words: "元のままです。<i>".into(),
            code: "E-JOB-07<i>".into(),
            detail: "still 1<i>".into(),
        }),
        open: true,
        asks: true,
        undo: Some("/jobs/new?remedy=undo&job=j".into()),
        undone_by: Some("k<i>".into()),
        takes_back: Some("i<i>".into()),
        record: true,
        steps: vec![StepView {
            name: "書き換える".into(),
            kind: "done",
            phase: "完了".into(),
            evidence: "HiberbootEnabled 1 -> 0<i>".into(),
            at: Some(super::samples::AT),
        }],
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::samples;
    use super::*;
    use crate::http::pages::sample as pages;
    use crate::http::words::Lang;

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let page = samples::page(lang, Role::Desk);
            let html = pages::check(&View {
                head: samples::head(&page),
                jobs: vec![sample()],
                page,
            });
            assert!(html.contains("/jobs/j/cancel") && !html.contains("<i>"));
        }
    }
}
