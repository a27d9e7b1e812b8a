//! Whether the places that the profile names can be reached from here. A server that wants a certificate of its clients is
//! reached: the agent has none to show and looks no further.

use kaishin_proto::convert::Facts;
use kaishin_proto::profile::{Check, CheckKind};
use kaishin_proto::time::Span;
use kaishin_proto::value::{Table, Value};

use super::{About, list, row};
use crate::os::{Os, Read};

/// A busy line in the morning takes its time, but a person waits for the answer.
const WITHIN: Span = Span::seconds(5);

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let checks = &about.profile.checks;
    let mut answers = os.reach(checks, WITHIN);
    let none = || Err(crate::os::OsError::failed("not asked"));
    answers.resize_with(checks.len(), none);
    vec![
        row("connectivity.failed", failed(checks, &answers)),
        row("connectivity.checks", table(checks, &answers)),
    ]
}

/// A place that did not answer is known not to be reached, whatever the reason; only a machine that cannot ask at all
/// knows nothing.
fn failed(checks: &[Check], answers: &[Read<()>]) -> Value {
    use kaishin_proto::value::Reason;
    let unasked = answers.iter().find_map(|answer| {
        let error = answer.as_ref().err()?;
        (error.reason != Reason::Failed && error.reason != Reason::Damaged).then(|| error.clone())
    });
    if let Some(error) = unasked {
        return error.into();
    }
    let failed = checks.iter().zip(answers).filter(|(_, answer)| answer.is_err());
    list(Ok(failed.map(|(check, _)| check.name.clone()).collect()))
}

fn table(checks: &[Check], answers: &[Read<()>]) -> Value {
    let columns = ["check", "kind", "place", "reached", "why_not"];
    let line = |(check, answer): (&Check, &Read<()>)| {
        let (reached, why) = match answer {
            Ok(()) => ("yes", String::new()),
            Err(error) => ("no", error.detail.chars().take(160).collect()),
        };
        vec![
            check.name.clone(),
            kind(check.kind).to_owned(),
            format!("{}:{}", check.host, check.port),
            reached.to_owned(),
            why,
        ]
    };
    Value::Table(Table {
        columns: columns.map(str::to_owned).to_vec(),
        rows: checks.iter().zip(answers).map(line).collect(),
    })
}

fn kind(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Dns => "dns",
        CheckKind::Time => "time",
        CheckKind::Tcp => "tcp",
        CheckKind::Tls => "tls",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listed, reason, sim, value};
    use super::*;
    use crate::os::OsError;
    use kaishin_proto::value::Reason;

    #[test]
    fn what_does_not_answer_is_named_and_what_cannot_be_asked_is_unknown() {
        let sim = sim();
        sim.cut_off(&[]);
        assert!(listed(&sim, "connectivity.failed").is_empty());
        // The name is still found; the connection is not made.
        sim.cut_off(&["hweb.oqs.onshikaku.org"]);
        assert_eq!(listed(&sim, "connectivity.failed"), ["verification"]);
        sim.fail_call(1, OsError::not_supported("no network"));
        assert_eq!(reason(&value(&sim, "connectivity.failed")), Some(Reason::NotSupported));
    }

    #[test]
    fn every_check_has_its_line() {
        let sim = sim();
        sim.cut_off(&["ntp.base.oqs-pdl.org"]);
        let Value::Table(table) = value(&sim, "connectivity.checks") else {
            panic!()
        };
        let lines: Vec<_> = table
            .rows
            .iter()
            .map(|row| (row[0].as_str(), row[3].as_str()))
            .collect();
        assert_eq!(lines.len(), 7);
        assert!(
            lines.contains(&("time", "no")) && lines.contains(&("dns", "yes")),
            "{lines:?}"
        );
    }
}
