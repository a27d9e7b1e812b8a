//! The agent itself.

use kaishin_proto::convert::Facts;
use kaishin_proto::value::Value;

use super::{About, row, version};
use crate::os::Os;

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    vec![
        row("agent.version", version(Ok(about.version.clone()))),
        row("agent.started", Value::Time(about.started)),
        row("agent.platform", Value::Text(os.platform().to_owned())),
        row("agent.profile", Value::Number(i64::from(about.profile_version))),
        row(
            "agent.profile_refused",
            Value::List(about.profile_refused.iter().cloned().collect()),
        ),
    ]
}
