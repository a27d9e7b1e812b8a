//! What firmware tells about its machine: the SMBIOS table that Windows hands out, and the registry's copy of part of it.
//! Pure and distrustful: the bytes come from a thousand vendors, so every offset is checked and a damaged table is an
//! error or an absent field, never a panic and never a guess. Nothing here asks the system anything.

use super::{Machine, OsError, Read};

/// The fields as firmware keeps them, before anybody decides which of them is "the model".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    pub manufacturer: Read<String>,
    pub product_name: Read<String>,
    pub version: Read<String>,
    pub family: Read<String>,
    pub sku: Read<String>,
    pub serial: Read<String>,
    pub uuid: Read<String>,
    pub bios: Read<String>,
}

const BIOS_INFORMATION: u8 = 0;
const SYSTEM_INFORMATION: u8 = 1;
const END_OF_TABLE: u8 = 127;
/// Windows' `RawSMBIOSData`: calling method, major, minor, DMI revision, then the length of the table.
const WINDOWS_HEADER: usize = 8;
/// Type, length and handle, before a structure's own fields.
const STRUCTURE_HEADER: usize = 4;

impl Firmware {
    pub fn unreadable(error: &OsError) -> Firmware {
        Firmware {
            manufacturer: Err(error.clone()),
            product_name: Err(error.clone()),
            version: Err(error.clone()),
            family: Err(error.clone()),
            sku: Err(error.clone()),
            serial: Err(error.clone()),
            uuid: Err(error.clone()),
            bios: Err(error.clone()),
        }
    }

    /// Reads the table as `GetSystemFirmwareTable('RSMB')` returns it.
    pub fn from_windows_table(raw: &[u8]) -> Firmware {
        match table_of(raw) {
            Ok((version, table)) => Firmware::from_structures(version, table),
            Err(error) => Firmware::unreadable(&error),
        }
    }

    fn from_structures(version: (u8, u8), table: &[u8]) -> Firmware {
        let absent = OsError::not_found("the SMBIOS table has no such structure");
        let mut firmware = Firmware::unreadable(&absent);
        let (mut bios_seen, mut system_seen) = (false, false);
        let mut structures = Structures { rest: table };
        while let Some(structure) = structures.next() {
            // The first of a kind counts: a second one describes a part, such as a docking station.
            match structure {
                Ok(structure) if structure.kind == BIOS_INFORMATION && !bios_seen => {
                    bios_seen = true;
                    firmware.bios = structure.text(0x05, "BIOS version");
                }
                Ok(structure) if structure.kind == SYSTEM_INFORMATION && !system_seen => {
                    system_seen = true;
                    firmware.manufacturer = structure.text(0x04, "manufacturer");
                    firmware.product_name = structure.text(0x05, "product name");
                    firmware.version = structure.text(0x06, "version");
                    firmware.serial = structure.text(0x07, "serial number");
                    firmware.uuid = structure.uuid(version);
                    firmware.sku = structure.text(0x19, "SKU");
                    firmware.family = structure.text(0x1a, "family");
                }
                Ok(structure) if structure.kind == END_OF_TABLE => break,
                Ok(_) => {}
                Err(error) => {
                    // What was read before the damage stands; the rest is unknown because of it.
                    firmware.blame(&absent, &error);
                    break;
                }
            }
        }
        firmware
    }

    fn blame(&mut self, absent: &OsError, damage: &OsError) {
        for field in self.fields() {
            if field.as_ref().is_err_and(|error| error == absent) {
                *field = Err(damage.clone());
            }
        }
    }

    /// Each field from here, or where it is unknown here, from `other`. The first reason is kept when both fail.
    pub fn or(mut self, mut other: Firmware) -> Firmware {
        for (mine, theirs) in self.fields().into_iter().zip(other.fields()) {
            if mine.is_err() && theirs.is_ok() {
                *mine = theirs.clone();
            }
        }
        self
    }

    fn fields(&mut self) -> [&mut Read<String>; 8] {
        [
            &mut self.manufacturer,
            &mut self.product_name,
            &mut self.version,
            &mut self.family,
            &mut self.sku,
            &mut self.serial,
            &mut self.uuid,
            &mut self.bios,
        ]
    }

    /// The machine as people speak of it.
    pub fn machine(self, memory: Read<u64>) -> Machine {
        // Lenovo keeps the name that people know in the version (or family) and calls its machine type the product.
        let lenovo = self
            .manufacturer
            .as_deref()
            .is_ok_and(|maker| maker.eq_ignore_ascii_case("lenovo"));
        let (model, product) = if lenovo {
            (
                self.version.or_else(|first| self.family.map_err(|_| first)),
                self.product_name,
            )
        } else {
            (self.product_name, self.sku)
        };
        Machine {
            manufacturer: self.manufacturer,
            model,
            product,
            serial: self.serial,
            uuid: self.uuid,
            bios: self.bios,
            memory,
        }
    }
}

/// Boards say nothing in many ways; a placeholder is not a serial number.
pub fn said(text: &str, what: &str) -> Read<String> {
    const NOTHING: [&str; 12] = [
        "",
        "0",
        "None",
        "N/A",
        "INVALID",
        "Default string",
        "Not Applicable",
        "Not Available",
        "Not Specified",
        "System Serial Number",
        "System Product Name",
        "To be filled by O.E.M.",
    ];
    let text = text.trim();
    if NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(text)) {
        return Err(OsError::not_found(format!("the firmware's {what} says nothing")));
    }
    Ok(text.to_owned())
}

/// The SMBIOS version and the structures inside Windows' wrapping.
fn table_of(raw: &[u8]) -> Read<((u8, u8), &[u8])> {
    let [_, major, minor, _, a, b, c, d, table @ ..] = raw else {
        let found = raw.len();
        return Err(OsError::damaged(format!(
            "SMBIOS data of {found} bytes, {WINDOWS_HEADER} are its header"
        )));
    };
    let told = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
    match table.get(..told) {
        Some([]) | None => {
            let found = table.len();
            Err(OsError::damaged(format!(
                "SMBIOS table of {told} bytes, {found} are there"
            )))
        }
        Some(table) => Ok(((*major, *minor), table)),
    }
}

struct Structure<'a> {
    kind: u8,
    /// With its header, so that offsets are those of the specification.
    formatted: &'a [u8],
    /// NUL-terminated texts, one after the other.
    texts: &'a [u8],
}

struct Structures<'a> {
    rest: &'a [u8],
}

impl<'a> Structures<'a> {
    fn next(&mut self) -> Option<Read<Structure<'a>>> {
        let (&kind, after) = self.rest.split_first()?;
        let length = usize::from(after.first().copied().unwrap_or(0));
        let damaged = |what: &str| Some(Err(OsError::damaged(format!("SMBIOS structure of type {kind} {what}"))));
        if length < STRUCTURE_HEADER {
            return damaged("is shorter than its header");
        }
        let Some((formatted, texts)) = self.rest.split_at_checked(length) else {
            return damaged("is cut off");
        };
        // Two NULs end the texts; where there is no text at all they follow at once.
        let Some(end) = texts.windows(2).position(|pair| pair == [0, 0]) else {
            return damaged("has no end");
        };
        self.rest = texts.get(end + 2..).unwrap_or_default();
        let texts = texts.get(..=end).unwrap_or_default();
        Some(Ok(Structure { kind, formatted, texts }))
    }
}

impl Structure<'_> {
    /// The text whose number stands at `offset`. Old firmware has shorter structures: a field beyond the end is absent.
    fn text(&self, offset: usize, what: &str) -> Read<String> {
        let number = self.formatted.get(offset).copied().map(usize::from);
        let Some(index) = number.and_then(|number| number.checked_sub(1)) else {
            return Err(OsError::not_found(format!("the firmware has no {what}")));
        };
        let text = self.texts.split(|byte| *byte == 0).nth(index);
        match text.filter(|text| !text.is_empty()).map(std::str::from_utf8) {
            Some(Ok(text)) => said(text, what),
            Some(Err(_)) => Err(OsError::damaged(format!("the firmware's {what} is not text"))),
            None => Err(OsError::damaged(format!("the firmware's {what} points at no text"))),
        }
    }

    fn uuid(&self, version: (u8, u8)) -> Read<String> {
        let bytes = self
            .formatted
            .get(0x08..0x18)
            .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let Some(mut bytes) = bytes else {
            return Err(OsError::not_found("the firmware has no UUID"));
        };
        if bytes == [0; 16] || bytes == [0xff; 16] {
            return Err(OsError::not_found("the firmware's UUID was never set"));
        }
        // Since SMBIOS 2.6 the first three fields are little-endian; before, makers were of two minds and the plain order
        // is what tools show.
        if version >= (2, 6) {
            bytes[0..4].reverse();
            bytes[4..6].reverse();
            bytes[6..8].reverse();
        }
        let hex = hex::encode(bytes);
        Ok([&hex[0..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;
    use proptest::prelude::*;

    fn structure(kind: u8, fields: &[u8], texts: &[&str]) -> Vec<u8> {
        let mut bytes = vec![kind, u8::try_from(fields.len() + 4).unwrap(), 0, kind];
        bytes.extend_from_slice(fields);
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(if texts.is_empty() { &[0, 0] } else { &[0] });
        bytes
    }

    fn wrapped(minor: u8, table: &[u8]) -> Vec<u8> {
        let mut raw = vec![0, 2, minor, 0];
        raw.extend_from_slice(&u32::try_from(table.len()).unwrap().to_le_bytes());
        raw.extend_from_slice(table);
        raw
    }

    const UUID: [u8; 16] = [
        0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
    ];

    fn system(uuid: [u8; 16]) -> Vec<u8> {
        let mut fields = vec![1, 2, 3, 4];
        fields.extend_from_slice(&uuid);
        fields.extend_from_slice(&[6, 5, 6]);
        let texts = [
            "LENOVO",
            "20TAS0YG00",
            "ThinkPad E14 Gen 2",
            " PF2ABCDE ",
            "LENOVO_MT_20TA",
            "ThinkPad",
        ];
        structure(1, &fields, &texts)
    }

    fn thinkpad() -> Vec<u8> {
        let mut table = structure(0, &[1, 2, 0, 0, 3, 0], &["LENOVO", "R1EET55W(1.55 )", "08/01/2023"]);
        table.extend(structure(16, &[0; 11], &[]));
        table.extend(system(UUID));
        table.extend(structure(127, &[], &[]));
        table
    }

    #[test]
    fn a_thinkpad_is_known_by_the_name_on_its_lid() {
        let firmware = Firmware::from_windows_table(&wrapped(8, &thinkpad()));
        let machine = firmware.machine(Ok(8 << 30));
        assert_eq!(machine.manufacturer.as_deref(), Ok("LENOVO"));
        assert_eq!(machine.model.as_deref(), Ok("ThinkPad E14 Gen 2"));
        assert_eq!(machine.product.as_deref(), Ok("20TAS0YG00"));
        assert_eq!(machine.serial.as_deref(), Ok("PF2ABCDE"));
        assert_eq!(machine.uuid.as_deref(), Ok("00112233-4455-6677-8899-aabbccddeeff"));
        assert_eq!(machine.bios.as_deref(), Ok("R1EET55W(1.55 )"));
        assert_eq!(machine.memory, Ok(8 << 30));
    }

    #[test]
    fn other_makers_name_the_product_and_number_it() {
        let fields = [&[1, 2, 0, 0][..], &UUID, &[6, 3, 0]].concat();
        let table = structure(1, &fields, &["Dell Inc.", "Latitude 3520", "0A23"]);
        let machine = Firmware::from_windows_table(&wrapped(8, &table)).machine(Ok(0));
        assert_eq!(machine.model.as_deref(), Ok("Latitude 3520"));
        assert_eq!(machine.product.as_deref(), Ok("0A23"));
        assert_eq!(machine.serial.unwrap_err().reason, Reason::NotFound);
        assert_eq!(machine.bios.unwrap_err().reason, Reason::NotFound);
    }

    #[test]
    fn old_firmware_keeps_the_uuid_in_plain_order() {
        let firmware = Firmware::from_windows_table(&wrapped(5, &system(UUID)));
        assert_eq!(firmware.uuid.as_deref(), Ok("33221100-5544-7766-8899-aabbccddeeff"));
    }

    #[test]
    fn a_uuid_that_was_never_set_is_not_an_identity() {
        for uuid in [[0; 16], [0xff; 16]] {
            let firmware = Firmware::from_windows_table(&wrapped(8, &system(uuid)));
            assert_eq!(firmware.uuid.unwrap_err().reason, Reason::NotFound);
        }
    }

    #[test]
    fn a_placeholder_is_not_a_serial_number() {
        let nothing = [
            "",
            "  ",
            "To Be Filled By O.E.M.",
            "Default string",
            "none",
            "System Serial Number",
        ];
        for text in nothing {
            assert_eq!(
                said(text, "serial number").unwrap_err().reason,
                Reason::NotFound,
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_the_table_does_not_know_the_registry_may() {
        let empty = Firmware::unreadable(&OsError::damaged("no table"));
        let mut registry = Firmware::unreadable(&OsError::not_found("not in the registry"));
        registry.manufacturer = Ok("LENOVO".to_owned());
        registry.family = Ok("ThinkPad E14 Gen 2".to_owned());
        let machine = empty.or(registry).machine(Ok(0));
        assert_eq!(machine.model.as_deref(), Ok("ThinkPad E14 Gen 2"));
        assert_eq!(machine.serial.unwrap_err().reason, Reason::Damaged);
    }

    #[test]
    fn what_was_read_before_the_damage_stands() {
        let table = thinkpad();
        let first = structure(0, &[1, 2, 0, 0, 3, 0], &["LENOVO", "R1EET55W(1.55 )", "08/01/2023"]).len();
        let firmware = Firmware::from_windows_table(&wrapped(8, &table[..first + 6]));
        assert_eq!(firmware.bios.as_deref(), Ok("R1EET55W(1.55 )"));
        assert_eq!(firmware.serial.unwrap_err().reason, Reason::Damaged);
    }

    #[test]
    fn damaged_tables_are_damaged() {
        let lies_about_its_length = {
            let mut raw = wrapped(8, &thinkpad());
            raw[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
            raw
        };
        let tables = [
            vec![],
            vec![0; 7],
            vec![0; 8],
            lies_about_its_length,
            wrapped(8, &[1]),
            wrapped(8, &[1, 3, 0, 0, 0, 0]),
            wrapped(8, &[1, 200, 0, 0, 0, 0]),
            wrapped(8, &[1, 4, 0, 0, b'a']),
        ];
        for raw in tables {
            let firmware = Firmware::from_windows_table(&raw);
            assert_eq!(firmware.manufacturer.unwrap_err().reason, Reason::Damaged, "{raw:?}");
        }
        let points_beyond = wrapped(8, &structure(1, &[1, 9, 0, 0], &["Maker"]));
        let firmware = Firmware::from_windows_table(&points_beyond);
        assert_eq!(firmware.manufacturer.as_deref(), Ok("Maker"));
        assert_eq!(firmware.product_name.unwrap_err().reason, Reason::Damaged);
        assert_eq!(firmware.uuid.unwrap_err().reason, Reason::NotFound);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
            Firmware::from_windows_table(&raw);
            Firmware::from_structures((3, 0), &raw);
        }

        #[test]
        fn a_table_with_any_byte_changed_or_cut_is_read_without_falling(
            at in 0usize..200, byte in any::<u8>(), keep in 0usize..200,
        ) {
            let mut raw = wrapped(8, &thinkpad());
            let at = at % raw.len();
            raw[at] = byte;
            raw.truncate(keep.max(1));
            Firmware::from_windows_table(&raw);
        }
    }
}
