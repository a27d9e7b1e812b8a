use kaishin_proto::clock::Clock;
use kaishin_proto::preview::Verdict;

use super::super::Story;
use super::*;
use crate::facts::About;
use crate::os::sim::Sim;

/// A terminal in the evening whose software says this.
fn evening(rounds: u32, word: &str) -> (Sim, Clock) {
    let clock = Clock::manual(Time::parse("2027-01-15T21:00:00+09:00").unwrap());
    let sim = Sim::new(1, 1, clock.clone());
    sim.set_distribution_rounds(rounds);
    sim.put_file(r"C:\OQS\OqsDistroApp\status.log", word);
    (sim, clock)
}

fn around(clock: &Clock, story: &Story) -> Around {
    Around {
        about: About::new("0.1.0", clock.now()),
        now: clock.now(),
        story: story.clone(),
        told: crate::remedies::Told::default(),
    }
}

/// All steps as the core would do them; how each ended, or the first failure.
fn run(sim: &Sim, clock: &Clock) -> Result<Vec<String>, Failed> {
    let mut story = Story::default();
    for step in STEPS {
        story.since = clock.now();
        loop {
            while let Some(left) = sim.down_for() {
                clock.advance(left);
            }
            match DistributionAppRefresh.act(step.name, sim, &around(clock, &story))? {
                Acted::Again { after, .. } => clock.advance(after),
                Acted::Done(done) => {
                    story.done.push((step.name, done.evidence));
                    break;
                }
            }
        }
    }
    Ok(story.done.into_iter().map(|(_, evidence)| evidence).collect())
}

#[test]
fn it_goes_round_until_no_update_is_left_and_restarts_only_where_it_is_asked_to() {
    for (rounds, boots) in [(0, 1), (1, 2), (2, 3)] {
        let (sim, clock) = evening(rounds, "停止中");
        let told = run(&sim, &clock).unwrap();
        assert_eq!(sim.boots(), boots, "{told:?}");
        assert_eq!(told.last().map(String::as_str), Some("it says that no update is left"));
        let skipped = told.iter().filter(|evidence| *evidence == NOT_NEEDED).count();
        assert_eq!(skipped, [12, 6, 0][rounds as usize], "{told:?}");
    }
}

#[test]
fn what_is_never_done_is_told_as_such() {
    let (sim, clock) = evening(9, "停止中");
    let failed = run(&sim, &clock).unwrap_err();
    assert_eq!(failed.code, words::JOB_NOT_UP_TO_DATE);
    assert_eq!(sim.boots(), 3, "two restarts and no more");
    let (sim, clock) = evening(0, "サーバー接続待ち");
    let story = Story {
        since: clock.now(),
        ..Story::default()
    };
    clock.advance(Span::hours(4));
    let failed = DistributionAppRefresh
        .act("settle-1", &sim, &around(&clock, &story))
        .unwrap_err();
    assert!(failed.detail.ends_with("waiting-for-server"), "{failed:?}");
}

#[test]
fn the_preview_tells_the_status_and_warns_on_a_release_day() {
    let (sim, clock) = evening(0, "再起動待ち");
    let mut around = around(&clock, &Story::default());
    let told = DistributionAppRefresh.preview(&sim, &around).unwrap();
    assert_eq!((told.verdict, told.reason.as_str()), (Verdict::WouldChange, ""));
    let mut profile = (*around.about.profile).clone();
    profile.distribution.release_days = vec!["2027-01-15".into()];
    around.about.profile = profile.into();
    assert!(
        DistributionAppRefresh
            .preview(&sim, &around)
            .unwrap()
            .reason
            .contains("release day")
    );
    sim.put_file(r"C:\OQS\OqsDistroApp\status.log", "未適用更新ファイルなし");
    assert_eq!(
        DistributionAppRefresh.preview(&sim, &around).unwrap().verdict,
        Verdict::AlreadyFine
    );
    sim.remove_tasks();
    assert_eq!(
        DistributionAppRefresh.preview(&sim, &around).unwrap().verdict,
        Verdict::NotApplicable
    );
    assert!(
        DistributionAppRefresh
            .act("start-1", &sim, &around)
            .unwrap_err()
            .is_refusal()
    );
    assert!(DistributionAppRefresh.act("tidy", &sim, &around).is_err());
}
