//! The people in front of the terminal, as a service sees them: who is signed in, a message on their screens, and the restart
//! that they were told of.

use std::io;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use kaishin_proto::time::Span;
use windows_sys::Win32::Foundation::{ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SHUTDOWN_IN_PROGRESS};
use windows_sys::Win32::System::Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS};
use windows_sys::Win32::System::RemoteDesktop::{
    WTS_SESSION_INFOW, WTSActive, WTSEnumerateSessionsW, WTSFreeMemory, WTSINFOW, WTSQuerySessionInformationW,
    WTSSendMessageW, WTSSessionInfo,
};
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, OpenSCManagerW, OpenServiceW, QueryServiceStatus, SC_HANDLE, SC_MANAGER_CONNECT,
    SERVICE_QUERY_STATUS, SERVICE_RUNNING, SERVICE_STATUS,
};
use windows_sys::Win32::System::Shutdown::{
    InitiateSystemShutdownExW, SHTDN_REASON_FLAG_PLANNED, SHTDN_REASON_MAJOR_APPLICATION,
    SHTDN_REASON_MINOR_MAINTENANCE,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    IDCANCEL, IDOK, MB_ICONINFORMATION, MB_OK, MB_OKCANCEL, MB_SETFOREGROUND, MB_SYSTEMMODAL,
};

use super::{system, users, wide};
use crate::os::{Heard, Notice, OsError, Presence, Read};

/// Already on its way, as ordered before.
const ALREADY_SCHEDULED: i32 = 1190;
/// Mains and battery alike are not known: a desktop.
const UNKNOWN_LINE: u8 = 255;
const UNKNOWN_BATTERY: u8 = 255;
const NO_BATTERY: u8 = 128;
/// What became of a notice longer ago than this is not heard any more.
const COUNTS_FOR: Span = Span::seconds(30);

fn last_error(what: &str) -> OsError {
    OsError::from_io(what, &io::Error::last_os_error())
}

/// A session with a person in it.
struct Session {
    id: u32,
    /// `None`: Windows does not tell, as it often does not at the console.
    idle: Option<Span>,
}

fn sessions() -> Read<Vec<Session>> {
    let mut first: *mut WTS_SESSION_INFOW = ptr::null_mut();
    let mut count = 0;
    // SAFETY: null is this server; both places outlive the call.
    let ok = unsafe { WTSEnumerateSessionsW(ptr::null_mut(), 0, 1, &mut first, &mut count) };
    if ok == 0 {
        return Err(last_error("the list of sessions"));
    }
    let active: Vec<u32> = if first.is_null() {
        Vec::new()
    } else {
        // SAFETY: Windows gave as many as it counted; they are copied before the memory goes back.
        let listed = unsafe { std::slice::from_raw_parts(first, count as usize) };
        let active = listed.iter().filter(|session| session.State == WTSActive);
        active.map(|session| session.SessionId).collect()
    };
    // SAFETY: the list came from Windows and is used no more.
    unsafe { WTSFreeMemory(first.cast()) };
    Ok(active.into_iter().filter_map(person_in).collect())
}

/// The screen on which people sign in is a session too, but nobody is in it.
fn person_in(id: u32) -> Option<Session> {
    let mut buffer: *mut u16 = ptr::null_mut();
    let mut size = 0;
    // SAFETY: null is this server; both places outlive the call.
    let ok = unsafe { WTSQuerySessionInformationW(ptr::null_mut(), id, WTSSessionInfo, &mut buffer, &mut size) };
    if ok == 0 || buffer.is_null() {
        return None;
    }
    let told = (size as usize >= size_of::<WTSINFOW>()).then(|| {
        // SAFETY: Windows gave at least as many bytes as the type has; they are copied.
        unsafe { ptr::read_unaligned(buffer.cast::<WTSINFOW>()) }
    });
    // SAFETY: the buffer came from Windows and is used no more.
    unsafe { WTSFreeMemory(buffer.cast()) };
    let told = told.filter(|told| told.UserName[0] != 0)?;
    let idle = told.CurrentTime - told.LastInputTime;
    Some(Session {
        id,
        // Tenths of microseconds.
        idle: (told.LastInputTime > 0 && idle >= 0).then_some(Span(idle / 10)),
    })
}

pub fn presence() -> Read<Presence> {
    let sessions = sessions()?;
    if sessions.is_empty() {
        return Ok(Presence::Nobody);
    }
    let least = sessions.iter().map(|session| session.idle).min().flatten();
    least
        .map(Presence::Idle)
        .ok_or_else(|| OsError::not_supported("Windows does not tell when this session was last used"))
}

fn power() -> Read<SYSTEM_POWER_STATUS> {
    let mut status = SYSTEM_POWER_STATUS::default();
    // SAFETY: `status` outlives the call.
    if unsafe { GetSystemPowerStatus(&mut status) } == 0 {
        return Err(last_error("the power's state"));
    }
    Ok(status)
}

/// A power plan has numbers for a battery, and Windows tells them, whether there is one or not.
pub fn has_battery() -> Read<bool> {
    match power()?.BatteryFlag {
        UNKNOWN_BATTERY => Err(OsError::not_supported(
            "this machine does not tell whether it has a battery",
        )),
        flag => Ok(flag & NO_BATTERY == 0),
    }
}

pub fn on_battery() -> Read<bool> {
    match power()?.ACLineStatus {
        UNKNOWN_LINE => Err(OsError::not_supported("this machine does not tell what it runs on")),
        line => Ok(line == 0),
    }
}

struct Handle(SC_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open and used no more.
        unsafe { CloseServiceHandle(self.0) };
    }
}

pub fn running(services: &[String]) -> Read<Vec<String>> {
    // SAFETY: null twice is this machine and its one database.
    let manager = unsafe { OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_CONNECT) };
    if manager.is_null() {
        return Err(last_error("the service manager"));
    }
    let manager = Handle(manager);
    let mut found = Vec::new();
    for name in services {
        if runs(&manager, name)? {
            found.push(name.clone());
        }
    }
    Ok(found)
}

/// One that is not there does not run.
fn runs(manager: &Handle, name: &str) -> Read<bool> {
    let text = wide(name)?;
    // SAFETY: the manager is open; `text` ends with NUL and outlives the call.
    let service = unsafe { OpenServiceW(manager.0, text.as_ptr(), SERVICE_QUERY_STATUS) };
    if service.is_null() {
        let error = io::Error::last_os_error();
        let absent = error.raw_os_error() == Some(ERROR_SERVICE_DOES_NOT_EXIST.cast_signed());
        return if absent {
            Ok(false)
        } else {
            Err(OsError::from_io(name, &error))
        };
    }
    let service = Handle(service);
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the service is open; `status` outlives the call.
    if unsafe { QueryServiceStatus(service.0, &mut status) } == 0 {
        return Err(last_error(name));
    }
    Ok(status.dwCurrentState == SERVICE_RUNNING)
}

/// Windows is told the reason, which its log keeps. Programs are asked to end, not ended.
pub fn restart() -> Read<()> {
    users::allow("SeShutdownPrivilege")?;
    let message = wide("ヘルプデスクの作業のため再起動します。 / Restarting for the help desk.")?;
    let reason = SHTDN_REASON_FLAG_PLANNED | SHTDN_REASON_MAJOR_APPLICATION | SHTDN_REASON_MINOR_MAINTENANCE;
    // SAFETY: null is this machine; `message` ends with NUL and outlives the call.
    let ok = unsafe { InitiateSystemShutdownExW(ptr::null(), message.as_ptr(), 5, 0, 1, reason) };
    if ok != 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    let under_way = [ALREADY_SCHEDULED, ERROR_SHUTDOWN_IN_PROGRESS.cast_signed()];
    if error.raw_os_error().is_some_and(|code| under_way.contains(&code)) {
        return Ok(());
    }
    Err(OsError::from_io("the restart", &error))
}

/// One notice at a time, each on threads of its own, because Windows answers only when it is gone.
#[derive(Default)]
pub struct Screen(Mutex<Option<Standing>>);

struct Standing {
    notice: Notice,
    /// One for each screen, as they come in.
    heard: Arc<Mutex<Vec<Heard>>>,
    screens: usize,
    /// Of the time since the machine started.
    counts_until: Span,
}

impl Screen {
    /// Of a notice that stands there or has just gone.
    pub fn heard(&self, notice: &Notice) -> Option<Heard> {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = standing
            .as_ref()
            .filter(|shown| shown.notice == *notice && uptime() <= shown.counts_until)?;
        let heard = told(
            &shown.heard.lock().unwrap_or_else(PoisonError::into_inner),
            shown.screens,
        );
        if heard != Heard::Waiting {
            *standing = None;
        }
        Some(heard)
    }

    pub fn notice(&self, notice: &Notice) -> Read<Heard> {
        if let Some(heard) = self.heard(notice) {
            return Ok(heard);
        }
        let sessions = sessions()?;
        if sessions.is_empty() {
            return Ok(Heard::Nobody);
        }
        let heard = Arc::new(Mutex::new(Vec::new()));
        let screens = sessions.len();
        for session in sessions {
            let (notice, heard) = (notice.clone(), Arc::clone(&heard));
            std::thread::spawn(move || {
                let answer = show(session.id, &notice);
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
            });
        }
        let standing = Standing {
            notice: notice.clone(),
            heard,
            screens,
            counts_until: Span(uptime().0 + notice.within.0 + COUNTS_FOR.0),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(standing);
        Ok(Heard::Waiting)
    }
}

/// No clock that anybody sets.
fn uptime() -> Span {
    let (_, milliseconds) = system::clock_and_uptime();
    Span::millis(i64::try_from(milliseconds).unwrap_or(i64::MAX / 1_000))
}

/// One refusal counts for all; otherwise everybody has to have answered, or let it go.
fn told(heard: &[Heard], screens: usize) -> Heard {
    if heard.contains(&Heard::Refused) {
        Heard::Refused
    } else if heard.len() < screens {
        Heard::Waiting
    } else if heard.contains(&Heard::Agreed) {
        Heard::Agreed
    } else {
        Heard::Unanswered
    }
}

fn show(session: u32, notice: &Notice) -> Heard {
    let (Ok(title), Ok(text)) = (wide(&notice.title), wide(&notice.text)) else {
        return Heard::Unanswered;
    };
    // In bytes, without the NUL.
    let length = |text: &[u16]| u32::try_from((text.len() - 1) * 2).unwrap_or(0);
    let buttons = if notice.may_refuse { MB_OKCANCEL } else { MB_OK };
    let style = buttons | MB_ICONINFORMATION | MB_SYSTEMMODAL | MB_SETFOREGROUND;
    let seconds = u32::try_from(notice.within.as_seconds()).unwrap_or(60);
    let mut answer = 0;
    // SAFETY: null is this server; both texts are as long as told and, like `answer`, outlive the call, which waits.
    let ok = unsafe {
        WTSSendMessageW(
            ptr::null_mut(),
            session,
            title.as_ptr(),
            length(&title),
            text.as_ptr(),
            length(&text),
            style,
            seconds,
            &mut answer,
            1,
        )
    };
    match answer {
        IDOK if ok != 0 => Heard::Agreed,
        // An OK alone answers so as well, when it is closed.
        IDCANCEL if ok != 0 && notice.may_refuse => Heard::Refused,
        IDCANCEL if ok != 0 => Heard::Agreed,
        _ => Heard::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_counts_for_all_screens() {
        use Heard::{Agreed, Refused, Unanswered, Waiting};
        for (heard, screens, expected) in [
            (&[][..], 1, Waiting),
            (&[Agreed], 2, Waiting),
            (&[Refused], 2, Refused),
            (&[Agreed, Unanswered], 2, Agreed),
            (&[Unanswered, Unanswered], 2, Unanswered),
        ] {
            assert_eq!(told(heard, screens), expected, "{heard:?} of {screens}");
        }
    }

    /// Wine has no sessions to speak of; whatever it answers must be an answer.
    #[test]
    fn who_is_there_is_told_or_why_not() {
        if let Err(error) = presence() {
            assert!(!error.detail.is_empty());
        }
        assert_eq!(running(&["KaishinNoSuchService".to_owned()]), Ok(Vec::new()));
    }
}
