//! Windows Update on a simulated terminal: the mode in the registry and in the policy file, and what came of it.

use kaishin_proto::time::{Span, Time};

use super::{HKLM, Image, LONG_AGO, Lot, RegistryValue};
use crate::os::{UpdateResults, UpdateTried};
use crate::preg::Policy;

const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU";
const OTHER_POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows\Explorer";
const SETTINGS: &str = r"SOFTWARE\Microsoft\WindowsUpdate\UX\Settings";
/// Windows Update keeps its results in a database of its own. Here they lie beside everything else, so that they outlive the
/// process, but where nothing on a real terminal does: they are told by the seam alone.
pub const RESULTS: &str = r"SIMULATED\Windows Update";
pub const SEARCHED: &str = "Searched";
pub const INSTALLED: &str = "Installed";
pub const FAILED: &str = "Failed";
pub const CODE: &str = "Code";
const TITLE: &str = "x64 ベース システム用 Windows 10 の累積更新プログラム (KB5046613)";
const DEFINITIONS: &str = "Microsoft Defender Antivirus のセキュリティ インテリジェンス更新プログラム - KB2267602";
const SERVICE: &str = r"SYSTEM\CurrentControlSet\Services\wuauserv";
const POLICY_FILE: &str = r"C:\Windows\System32\GroupPolicy\Machine\Registry.pol";
const GPT: &str = r"C:\Windows\System32\GroupPolicy\gpt.ini";

/// Seen in the field: no way to the update server, busy hours, an update that would not install.
const ERRORS: &[u32] = &[0x8024_0438, 0x8007_2ee2, 0x8024_402c, 0x8007_0070];

/// As the policy editor writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Automatic { hour: u32 },
    Manual,
    Notify,
}

impl Mode {
    fn values(self) -> Vec<(&'static str, u32)> {
        match self {
            Mode::Automatic { hour } => vec![
                ("NoAutoUpdate", 0),
                ("AUOptions", 4),
                ("ScheduledInstallDay", 0),
                ("ScheduledInstallTime", hour),
                ("ScheduledInstallEveryWeek", 1),
            ],
            Mode::Manual => vec![("NoAutoUpdate", 1)],
            Mode::Notify => vec![("NoAutoUpdate", 0), ("AUOptions", 3)],
        }
    }
}

pub fn furnish(image: &mut Image, mut lot: Lot, build: u32) {
    let hour = lot.pick(&[5, 6, 6, 7]);
    let mode = if lot.chance.below(5) < 3 {
        Mode::Automatic { hour }
    } else {
        Mode::Manual
    };
    let mode = if lot.fault(7) { Mode::Notify } else { mode };
    // Somebody has edited the registry alone; the next refresh will undo it.
    let in_registry = match mode {
        Mode::Automatic { .. } if lot.fault(8) => Mode::Manual,
        Mode::Automatic { .. } | Mode::Manual | Mode::Notify => mode,
    };
    image.share(&format!("updates/registry/{in_registry:?}"), |layer| {
        for (name, number) in in_registry.values() {
            layer.set(HKLM, POLICY, name, RegistryValue::dword(number));
        }
    });
    image.share(&format!("updates/file/{mode:?}"), |layer| {
        layer.file(POLICY_FILE, policy_file(mode), LONG_AGO);
        layer.file(GPT, *b"[General]\r\ngPCMachineExtensionNames=[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]\r\nVersion=3\r\n", LONG_AGO);
    });
    settings(image, &mut lot, build);
    results(image, &mut lot);
}

fn policy_file(mode: Mode) -> Vec<u8> {
    let mut policy = Policy::default();
    policy.set(OTHER_POLICY, "NoNewAppAlert", &RegistryValue::dword(1));
    if mode == Mode::Manual {
        for name in ["AUOptions", "ScheduledInstallDay", "ScheduledInstallTime"] {
            policy.remove(POLICY, name);
        }
    }
    for (name, number) in mode.values() {
        policy.set(POLICY, name, &RegistryValue::dword(number));
    }
    policy.write()
}

fn settings(image: &mut Image, lot: &mut Lot, build: u32) {
    // 8 to 17 is what Windows comes with, and too short for a clinic.
    let (start, end) = if lot.fault(6) {
        (8, 17)
    } else {
        lot.pick(&[(7, 20), (8, 20), (8, 21)])
    };
    let service = if lot.fault(14) { 4 } else { 3 };
    let adjusts = if lot.fault(10) { 1 } else { 2 };
    image.share(
        &format!("updates/settings/{start}-{end}/{service}/{adjusts}/{build}"),
        |layer| {
            layer.set(HKLM, SETTINGS, "ActiveHoursStart", RegistryValue::dword(start));
            layer.set(HKLM, SETTINGS, "ActiveHoursEnd", RegistryValue::dword(end));
            if build >= 18_362 {
                layer.set(HKLM, SETTINGS, "SmartActiveHoursState", RegistryValue::dword(adjusts));
            }
            layer.set(HKLM, SERVICE, "Start", RegistryValue::dword(service));
        },
    );
}

fn results(image: &mut Image, lot: &mut Lot) {
    let stale = lot.fault(6);
    let error = if lot.fault(6) { lot.pick(ERRORS) } else { 0 };
    let (searched, installed) = if stale {
        let days = 45 + lot.chance.below(200);
        (24 * days, 24 * (days + 20))
    } else {
        (1 + lot.chance.below(40), 24 * (1 + lot.chance.below(30)))
    };
    let mut ago = |hours: u64| lot.now - Span::hours(hours as i64) - Span::seconds(lot.chance.below(3_600) as i64);
    let (searched, installed) = (ago(searched), ago(installed));
    for (name, at) in [(SEARCHED, searched), (INSTALLED, installed)] {
        image.own.set(HKLM, RESULTS, name, noted(at));
    }
    if error != 0 {
        image.own.set(HKLM, RESULTS, FAILED, noted(searched));
        image.own.set(HKLM, RESULTS, CODE, RegistryValue::dword(error));
    }
}

pub fn noted(at: Time) -> RegistryValue {
    RegistryValue::text(&at.rfc3339())
}

/// As Windows Update would tell it.
pub fn told(image: &Image) -> UpdateResults {
    let when = |name| {
        let noted = image.get(HKLM, RESULTS, name)?.as_text().ok()?;
        Time::parse(&noted)
    };
    let (searched, installed) = (when(SEARCHED), when(INSTALLED));
    let code = image.get(HKLM, RESULTS, CODE).and_then(|code| code.as_u32().ok());
    let entry = |title: &str, at: Option<Time>, code| {
        let title = title.to_owned();
        at.map(|at| UpdateTried { title, at, code })
    };
    let history = [
        // The antivirus looks after itself, whatever becomes of Windows.
        entry(DEFINITIONS, searched, 0),
        code.and_then(|code| entry(TITLE, when(FAILED), code)),
        entry(TITLE, installed, 0),
    ];
    UpdateResults {
        searched: Ok(searched),
        installed: Ok(searched.max(installed)),
        history: Ok(history.into_iter().flatten().collect()),
    }
}
