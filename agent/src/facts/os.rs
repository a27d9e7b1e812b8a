//! The operating system, by its own account.

use kaishin_proto::convert::Facts;

use super::{About, number, row, text, time, version};
use crate::os::Os;

pub fn collect(os: &dyn Os, _: &About) -> Facts {
    let seen = os.version();
    vec![
        row("os.hostname", text(os.hostname())),
        row("os.product", text(seen.product)),
        row("os.edition", text(seen.edition)),
        row("os.version", version(seen.version)),
        row("os.build", number(seen.build)),
        row("os.revision", number(seen.revision)),
        row("os.installed", time(seen.installed)),
    ]
}
