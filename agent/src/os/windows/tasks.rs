//! Scheduled tasks, by Task Scheduler itself: definitions as it stores them, and how they fared. Others' tasks are read, and
//! switched on or off as a whole; the agent's own, the daily restart, is registered and removed.

use windows_sys::Win32::Foundation::{FILETIME, VARIANT_BOOL};
use windows_sys::Win32::Storage::FileSystem::LocalFileTimeToFileTime;
use windows_sys::Win32::System::Variant::{VARIANT, VARIANT_0, VARIANT_0_0, VARIANT_0_0_0, VT_I4};
use windows_sys::core::{BSTR, GUID, HRESULT};

use super::com::{Apartment, Base, Get, Object, Table, Text, This, Unused, heard};
use super::intervals;
use crate::os::{OsError, Read, TaskSeen, restart_task, winver};
use kaishin_proto::profile::Clock24;
use kaishin_proto::time::Time;
use kaishin_proto::value::Reason;

const SCHEDULER: GUID = GUID::from_u128(0x0f87369f_a4e5_4cfc_bd3e_73e6154572dd);
/// Those that are hidden as well.
const HIDDEN: i32 = 1;
/// Windows keeps hundreds of its own here.
const WINDOWS: &str = r"\Microsoft";
const DEEPEST: u32 = 8;
/// A terminal has about ten.
const MOST: usize = 2_000;

type Named = unsafe extern "system" fn(This, BSTR, *mut This) -> HRESULT;
type Flagged = unsafe extern "system" fn(This, i32, *mut This) -> HRESULT;
type Deleted = unsafe extern "system" fn(This, BSTR, i32) -> HRESULT;
type Registered =
    unsafe extern "system" fn(This, BSTR, BSTR, i32, VARIANT, VARIANT, i32, VARIANT, *mut This) -> HRESULT;
type Numbered = unsafe extern "system" fn(This, VARIANT, *mut This) -> HRESULT;

/// `ITaskService`
#[repr(C)]
struct Service {
    base: Base,
    folder: Named,
    running_tasks: Unused,
    new_task: Unused,
    connect: unsafe extern "system" fn(This, VARIANT, VARIANT, VARIANT, VARIANT) -> HRESULT,
}

/// `ITaskFolder`
#[repr(C)]
struct Folder {
    base: Base,
    name: Unused,
    path: Get<BSTR>,
    folder: Unused,
    folders: Flagged,
    create: Unused,
    delete: Unused,
    task: Named,
    tasks: Flagged,
    delete_task: Deleted,
    register: Registered,
}

/// `ITaskFolderCollection` and `IRegisteredTaskCollection` alike.
#[repr(C)]
struct Collection {
    base: Base,
    count: Get<i32>,
    item: Numbered,
}

/// `IRegisteredTask`
#[repr(C)]
struct Task {
    base: Base,
    name: Unused,
    path: Get<BSTR>,
    state: Unused,
    enabled: Get<VARIANT_BOOL>,
    enable: unsafe extern "system" fn(This, VARIANT_BOOL) -> HRESULT,
    run: unsafe extern "system" fn(This, VARIANT, *mut This) -> HRESULT,
    /// Running it in another way, and what runs of it.
    between: [Unused; 2],
    last_run: Get<f64>,
    last_result: Get<i32>,
    missed: Unused,
    next_run: Get<f64>,
    definition: Unused,
    xml: Get<BSTR>,
}

// SAFETY: in the order of `taskschd.h`.
unsafe impl Table for Service {
    const ID: GUID = GUID::from_u128(0x2faba4c7_4da9_4013_9697_20cc3fd40f85);
}
// SAFETY: in the order of `taskschd.h`.
unsafe impl Table for Folder {
    const ID: GUID = GUID::from_u128(0x8cfac062_a080_4c15_9a88_aa7c2af80dfc);
}
// SAFETY: in the order of `taskschd.h`, in which both collections have one order.
unsafe impl Table for Collection {
    const ID: GUID = GUID::from_u128(0x86627eb4_42a7_41e4_a4d9_ac33a72f2d52);
}
/// `IRunningTask`, of which nothing is asked.
#[repr(C)]
struct Running {
    base: Base,
}

// SAFETY: begins as `taskschd.h` says; what follows is not called.
unsafe impl Table for Running {
    const ID: GUID = GUID::from_u128(0x653758fb_7b9a_4f1e_a471_beeb8e9b834e);
}
// SAFETY: in the order of `taskschd.h`.
unsafe impl Table for Task {
    const ID: GUID = GUID::from_u128(0x9c86f320_dee3_4dd1_b972_a303f26b061e);
}

/// Making a task or putting it in place of the one that is there.
const CREATE_OR_UPDATE: i32 = 6;
/// The account is one of Windows' own and has no password.
const SERVICE_ACCOUNT: i32 = 5;

pub fn all() -> Read<Vec<TaskSeen>> {
    let apartment = Apartment::enter()?;
    let root = root(&apartment)?;
    let mut found = Vec::new();
    gather(&root, 0, &mut found)?;
    Ok(found)
}

/// What runs is not waited for, and let go of at once.
pub fn run(path: &str) -> Read<()> {
    let apartment = Apartment::enter()?;
    let root = root(&apartment)?;
    let name = Text::new(path)?;
    let task: Object<Task> = root.object("a task", |table, this, made| {
        // SAFETY: the function is of this object's own table; the name and `made` outlive the call.
        unsafe { (table.task)(this, name.0, made) }
    })?;
    let _running: Object<Running> = task.object("the run of a task", |table, this, made| {
        // SAFETY: the function is of this object's own table; no parameter is passed; `made` outlives the call.
        unsafe { (table.run)(this, VARIANT::default(), made) }
    })?;
    Ok(())
}

/// The folder that all others are in.
fn root(apartment: &Apartment) -> Read<Object<Folder>> {
    let service: Object<Service> = Object::new(apartment, &SCHEDULER)?;
    let none = VARIANT::default();
    // SAFETY: the function is of this object's own table; four empty arguments mean this machine and this account.
    let code = unsafe { (service.table().connect)(service.this(), none, none, none, none) };
    heard(code, "the task scheduler")?;
    let name = Text::new(r"\")?;
    service.object("the root folder of tasks", |table, this, made| {
        // SAFETY: the function is of this object's own table; the name and `made` outlive the call.
        unsafe { (table.folder)(this, name.0, made) }
    })
}

/// Registers the daily restart, or removes it; that it was absent is success.
pub fn set_daily_restart(at: Option<Clock24>) -> Read<()> {
    let apartment = Apartment::enter()?;
    let root = root(&apartment)?;
    let path = Text::new(restart_task::PATH)?;
    let Some(at) = at else {
        // SAFETY: the function is of this object's own table; the path outlives the call, and no flag is known.
        let code = unsafe { (root.table().delete_task)(root.this(), path.0, 0) };
        return match heard(code, "removing the daily restart") {
            Err(error) if error.reason == Reason::NotFound => Ok(()),
            told => told,
        };
    };
    let definition = Text::new(&restart_task::definition(at))?;
    let none = VARIANT::default();
    let registered: Read<Object<Task>> = root.object("registering the daily restart", |table, this, made| {
        // SAFETY: the function is of this object's own table; both texts and `made` outlive the call. Three empty arguments
        // mean the account of the definition, no password, and the usual rights.
        unsafe {
            (table.register)(
                this,
                path.0,
                definition.0,
                CREATE_OR_UPDATE,
                none,
                none,
                SERVICE_ACCOUNT,
                none,
                made,
            )
        }
    });
    registered.map(drop)
}

/// Switches a task on or off as a whole.
pub fn enable(path: &str, on: bool) -> Read<()> {
    let apartment = Apartment::enter()?;
    let root = root(&apartment)?;
    let path = Text::new(path)?;
    let task: Object<Task> = root.object("a task", |table, this, made| {
        // SAFETY: the function is of this object's own table; the path and `made` outlive the call.
        unsafe { (table.task)(this, path.0, made) }
    })?;
    // Truth is all bits.
    let on: VARIANT_BOOL = if on { -1 } else { 0 };
    // SAFETY: the function is of this object's own table.
    let code = unsafe { (task.table().enable)(task.this(), on) };
    heard(code, "switching a task")
}

fn gather(folder: &Object<Folder>, depth: u32, found: &mut Vec<TaskSeen>) -> Read<()> {
    let tasks: Object<Collection> = folder.object("a folder's tasks", |table, this, made| {
        // SAFETY: the function is of this object's own table; `made` outlives the call.
        unsafe { (table.tasks)(this, HIDDEN, made) }
    })?;
    for task in items::<Task>(&tasks)? {
        if found.len() == MOST {
            return Err(OsError::failed(format!("more than {MOST} tasks")));
        }
        found.push(seen(&task?)?);
    }
    let folders: Object<Collection> = folder.object("a folder's folders", |table, this, made| {
        // SAFETY: the function is of this object's own table; `made` outlives the call, and no flag is known.
        unsafe { (table.folders)(this, 0, made) }
    })?;
    for folder in items::<Folder>(&folders)? {
        let folder = folder?;
        let path = folder.text("a folder's path", |table| table.path)?;
        if path.eq_ignore_ascii_case(WINDOWS) {
            continue;
        }
        if depth == DEEPEST {
            return Err(OsError::failed(format!("{path} lies too deep")));
        }
        gather(&folder, depth + 1, found)?;
    }
    Ok(())
}

/// Collections count from one.
fn items<T: Table>(collection: &Object<Collection>) -> Read<impl Iterator<Item = Read<Object<T>>>> {
    let count = collection.get("a count", |table| table.count)?;
    Ok((1..=count).map(move |at| {
        collection.object("a collection's item", |table, this, made| {
            // SAFETY: the function is of this object's own table; `made` outlives the call.
            unsafe { (table.item)(this, number(at), made) }
        })
    }))
}

fn number(value: i32) -> VARIANT {
    VARIANT {
        Anonymous: VARIANT_0 {
            Anonymous: VARIANT_0_0 {
                vt: VT_I4,
                wReserved1: 0,
                wReserved2: 0,
                wReserved3: 0,
                Anonymous: VARIANT_0_0_0 { lVal: value },
            },
        },
    }
}

/// What a task does not tell of its past is as if it had none: Task Scheduler says so of one that has never run.
fn seen(task: &Object<Task>) -> Read<TaskSeen> {
    let path = task.text("a task's path", |table| table.path)?;
    let xml = task.text("a task's definition", |table| table.xml);
    let moment = |date: Read<f64>| date.ok().and_then(winver::date).and_then(utc);
    Ok(TaskSeen {
        xml: xml.map(String::into_bytes),
        enabled: task.get(&path, |table| table.enabled)? != 0,
        last_result: task
            .get("a task's last result", |table| table.last_result)?
            .cast_unsigned(),
        last_run: moment(task.get("a task's last run", |table| table.last_run)),
        next_run: moment(task.get("a task's next run", |table| table.next_run)),
        path,
    })
}

/// Task Scheduler tells the terminal's own time.
fn utc(local: u64) -> Option<Time> {
    let local = FILETIME {
        dwLowDateTime: local as u32,
        dwHighDateTime: (local >> 32) as u32,
    };
    let mut utc = FILETIME::default();
    // SAFETY: both outlive the call.
    let ok = unsafe { LocalFileTimeToFileTime(&local, &mut utc) };
    if ok == 0 {
        return None;
    }
    winver::filetime(intervals(utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wine starts no scheduler of itself; where there is one, the calls at least succeed and leave nothing behind.
    #[test]
    fn the_daily_restart_is_registered_moved_and_removed_or_why_not() {
        let at = |minute| Clock24::new(2, minute);
        for at in [at(31), at(32), None, None] {
            if let Err(error) = set_daily_restart(at) {
                assert!(error.detail.contains("0x8"), "{error}");
                return;
            }
        }
    }

    /// Wine starts no scheduler of itself, and the one that it has does not count its tasks.
    #[test]
    fn tasks_are_told_by_path_and_without_windows_own_or_why_not() {
        match all() {
            Ok(found) => {
                let is_sound = |task: &TaskSeen| task.path.starts_with('\\') && !task.path.starts_with(r"\Microsoft\");
                assert!(found.iter().all(is_sound), "{found:?}");
            }
            Err(error) => assert!(
                ["0x80041315", "0x80004001"]
                    .iter()
                    .any(|code| error.detail.ends_with(code)),
                "{error}"
            ),
        }
    }
}
