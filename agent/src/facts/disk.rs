//! The fixed drives and the room on them.

use kaishin_proto::convert::Facts;
use kaishin_proto::value::Value;

use super::{About, number, row, size_of, table};
use crate::os::{Os, OsError, Read, Volume};

pub fn collect(os: &dyn Os, _: &About) -> Facts {
    let volumes = os.volumes();
    let system = volumes.as_ref().map_err(OsError::clone).and_then(|volumes| {
        let system = volumes.iter().find(|volume| volume.system);
        system
            .cloned()
            .ok_or_else(|| OsError::not_found("no drive is the system's"))
    });
    let of = |what: fn(&Volume) -> &Read<u64>| {
        system
            .as_ref()
            .map_err(OsError::clone)
            .and_then(|volume| what(volume).clone())
    };
    let (total, free) = (of(|volume| &volume.total), of(|volume| &volume.free));
    vec![
        row("disk.system_total", size_of(total.clone())),
        row("disk.system_free", size_of(free.clone())),
        row("disk.system_free_percent", number(percent(free, total))),
        row(
            "disk.volumes",
            volumes.map_or_else(Value::from, |volumes| shown(&volumes)),
        ),
    ]
}

fn percent(free: Read<u64>, total: Read<u64>) -> Read<i64> {
    let (free, total) = (u128::from(free?), u128::from(total?));
    if total == 0 || free > total {
        return Err(OsError::damaged(format!("{free} of {total} bytes are free")));
    }
    // At most 100.
    Ok((free * 100 / total) as i64)
}

fn shown(volumes: &[Volume]) -> Value {
    let gib = |bytes: &Read<u64>| match bytes {
        Ok(bytes) => format!("{:.1} GiB", *bytes as f64 / f64::from(1u32 << 30)),
        Err(error) => error.to_string(),
    };
    let rows = volumes.iter().map(|volume| {
        let percent = percent(volume.free.clone(), volume.total.clone());
        let percent = percent.map_or_else(|error| error.to_string(), |percent| format!("{percent} %"));
        vec![volume.name.clone(), gib(&volume.total), gib(&volume.free), percent]
    });
    table(&["drive", "total", "free", "free (%)"], rows)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{reason, sim, value};
    use super::*;
    use kaishin_proto::value::Reason;

    fn volume(name: &str, total: Read<u64>, free: Read<u64>) -> Volume {
        Volume {
            name: name.into(),
            system: name == "C:",
            total,
            free,
        }
    }

    #[test]
    fn the_system_drive_is_told_from_the_others() {
        let sim = sim();
        sim.set_volumes(vec![volume("D:", Ok(100), Ok(90)), volume("C:", Ok(1000), Ok(79))]);
        assert_eq!(value(&sim, "disk.system_free"), Value::Size(79));
        assert_eq!(value(&sim, "disk.system_free_percent"), Value::Number(7));
    }

    #[test]
    fn sizes_that_cannot_be_are_damaged_and_a_drive_that_does_not_answer_is_unknown() {
        for (total, free, expected) in [
            (Ok(0), Ok(0), Reason::Damaged),
            (Ok(5), Ok(6), Reason::Damaged),
            (Err(OsError::failed("a sick disk")), Ok(6), Reason::Failed),
            (Ok(7), Err(OsError::no_permission("closed")), Reason::NoPermission),
        ] {
            let sim = sim();
            sim.set_volumes(vec![volume("C:", total, free)]);
            assert_eq!(reason(&value(&sim, "disk.system_free_percent")), Some(expected));
        }
        let sim = sim();
        sim.set_volumes(vec![volume("D:", Ok(1), Ok(1))]);
        assert_eq!(reason(&value(&sim, "disk.system_total")), Some(Reason::NotFound));
        assert!(!value(&sim, "disk.volumes").is_unknown());
    }
}
