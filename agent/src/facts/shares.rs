//! Folders that the receipt computer reaches over the clinic's network. They count by where they lead, not by their names.

use kaishin_proto::convert::Facts;
use kaishin_proto::value::{Table, Value};

use super::{About, list, row};
use crate::os::{Os, OsError, Share};

const MOST: usize = 40;

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let seen = os.shares();
    let missing = seen.as_ref().map_err(OsError::clone).map(|seen| {
        let is_shared = |folder: &str| seen.iter().any(|share| same_folder(&share.path, folder));
        let missing = about.profile.shares.iter().filter(|folder| !is_shared(folder));
        missing.cloned().collect()
    });
    vec![
        row("shares.missing", list(missing)),
        row("shares.all", seen.map_or_else(Value::from, table)),
    ]
}

/// Windows tells neither case nor a closing backslash apart.
fn same_folder(left: &str, right: &str) -> bool {
    let plain = |path: &str| path.trim().trim_end_matches('\\').to_lowercase();
    plain(left) == plain(right)
}

fn table(mut seen: Vec<Share>) -> Value {
    seen.sort_by(|left, right| left.name.cmp(&right.name));
    seen.truncate(MOST);
    let short = |text: String| text.chars().take(200).collect();
    Value::Table(Table {
        columns: vec!["share".to_owned(), "folder".to_owned()],
        rows: seen
            .into_iter()
            .map(|share| vec![short(share.name), short(share.path)])
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listed, reason, sim, value};
    use super::*;
    use kaishin_proto::value::Reason;

    fn share(name: &str, path: &str) -> Share {
        Share {
            name: name.into(),
            path: path.into(),
        }
    }

    #[test]
    fn a_folder_is_shared_whatever_the_share_is_called() {
        let sim = sim();
        sim.set_shares(vec![
            share("顔", r"c:\oqs\FACE\"),
            share("req", r"C:\OQS\req"),
            share("res", r"D:\OQS\res"),
        ]);
        assert_eq!(listed(&sim, "shares.missing"), [r"C:\OQS\res"]);
        sim.set_shares(Vec::new());
        assert_eq!(listed(&sim, "shares.missing").len(), 3);
    }

    #[test]
    fn absurdly_many_shares_are_cut_and_none_to_be_read_is_unknown() {
        let sim = sim();
        let many = (0..5_000).map(|n| share(&format!("{n:04}"), &"x".repeat(30_000)));
        sim.set_shares(many.collect());
        let Value::Table(table) = value(&sim, "shares.all") else {
            panic!()
        };
        assert_eq!(table.rows.len(), MOST);
        sim.fail_call(1, OsError::no_permission("shares"));
        assert_eq!(reason(&value(&sim, "shares.missing")), Some(Reason::NoPermission));
    }
}
