//! The machine, by its firmware.

use kaishin_proto::convert::Facts;

use super::{About, row, size_of, text};
use crate::os::Os;

pub fn collect(os: &dyn Os, _: &About) -> Facts {
    let machine = os.machine();
    vec![
        row("hardware.manufacturer", text(machine.manufacturer)),
        row("hardware.model", text(machine.model)),
        row("hardware.product", text(machine.product)),
        row("hardware.serial", text(machine.serial)),
        row("hardware.uuid", text(machine.uuid)),
        row("hardware.bios", text(machine.bios)),
        row("hardware.memory", size_of(machine.memory)),
    ]
}
