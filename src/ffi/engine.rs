//! The engine.

use std::ffi::c_void;
use std::time::Duration;

use super::config::eref_config;
use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Handle, Head, Home, checked, exclusive, reclaim};
use super::string::eref_string;
use super::text::output;
use crate::engine::Engine;
use crate::error::{EREF_WRONG_STATE, Error, Result};

/// What a host holds: an engine on a store, serving or a desk. Shared: any thread, any number of calls at once.
#[repr(C, align(8))]
pub struct eref_engine {
    head: Head,
    engine: Engine,
    home: Home,
}

impl Handle for eref_engine {
    const NAME: &'static str = "eref_engine";
    fn head(&self) -> &Head {
        &self.head
    }
}

/// An engine of its own for one call, so that a free during the call harms nothing; and the process it belongs to.
///
/// # Safety
/// As for `checked`.
pub(super) unsafe fn at_home(engine: *const eref_engine) -> Result<(Engine, Home)> {
    // SAFETY: passed on to our caller.
    let handle = unsafe { checked(engine) }?;
    handle.home.check()?;
    Ok((handle.engine.clone(), handle.home))
}

/// As `at_home`, for calls that make nothing that outlives them.
///
/// # Safety
/// As for `checked`.
pub(super) unsafe fn engine_in(engine: *const eref_engine) -> Result<Engine> {
    // SAFETY: passed on to our caller.
    unsafe { at_home(engine) }.map(|(engine, _)| engine)
}

/// Opens an engine: checks the configuration and opens the store, or makes it at the first time. Starts nothing yet.
///
/// Ownership: *out is owned by the caller: eref_engine_free. The config is copied and stays the caller's.
/// Threads: any; the config is in use during the call.
/// Errors: EREF_CONFIG, EREF_STORE, EREF_STORE_KEY, EREF_STORE_VERSION, EREF_STORE_NETWORK, EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_new(config: *mut eref_config, out: *mut *mut eref_engine, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let engine = exclusive(config, |config| Engine::open(config))?;
        *out = eref_engine { head: eref_engine::new_head(), engine, home: Home::here() }.into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_new", error, body) }
}

/// Puts another configuration in force, whole or not at all. The store and the addresses cannot change.
///
/// Ownership: the config is copied and stays the caller's.
/// Threads: any; the config is in use during the call.
/// Errors: EREF_CONFIG (the old one stays in force), EREF_STORE, EREF_BUSY, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_configure(
    engine: *const eref_engine,
    config: *mut eref_config,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handles (header, Ownership).
    let body = || unsafe {
        let engine = engine_in(engine)?;
        exclusive(config, |config| engine.configure(config))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_configure", error, body) }
}

/// Starts the engine. Serving: takes the store's one serving lease, listens and starts the threads. Desk: watches the store for what
/// other processes do. Calls that only use the store (launches, sends, events that are there already) do not need it.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: EREF_WRONG_STATE (started before, or still stopping), EREF_STORE_IN_USE (the message names process and host), EREF_LISTEN,
/// EREF_CONFIG, EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_start(engine: *const eref_engine, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle (header, Ownership); "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_start", error, || engine_in(engine)?.start()) }
}

/// Stops listening, ends waiting calls with EREF_CANCELLED, and waits for what is under way, at most timeout_ms milliseconds. The only
/// call that waits for the engine's threads. After EREF_TIMEOUT another call waits on; without it the rest ends by itself, unless the
/// process ends first. What was not finished is in the store and goes on with the next start.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: EREF_TIMEOUT (something is still under way), EREF_WRONG_STATE (not started), EREF_STORE (the serving lease could not be given
/// back; it runs out by itself), EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_stop(engine: *const eref_engine, timeout_ms: u32, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle (header, Ownership).
    let body = || unsafe { engine_in(engine)?.stop(Duration::from_millis(timeout_ms.into())) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_stop", error, body) }
}

/// Delivers on the caller's thread for at most budget_ms milliseconds, for engines with "threads": false. *out_more is 1 when more is
/// due already.
///
/// Ownership: nothing to free.
/// Threads: any; the call uses the network on the calling thread.
/// Errors: EREF_WRONG_STATE (not started, or a desk), EREF_STORE, EREF_STORE_IN_USE (another engine has taken over the serving lease; this
/// one has stopped), EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_pump(
    engine: *const eref_engine,
    budget_ms: u32,
    out_more: *mut i32,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let more = output(out_more, 0, "out_more")?;
        *more = i32::from(engine_in(engine)?.pump(Duration::from_millis(budget_ms.into()))?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_pump", error, body) }
}

/// How the engine is doing, as a JSON object: state, addresses in use (with the port the system gave for port 0), partners, queues.
/// Holds nothing personal. A store that cannot be read is said in it, and is no error of this call.
///
/// Ownership: *out is owned by the caller: eref_string_free.
/// Threads: any.
/// Errors: EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_status_json(
    engine: *const eref_engine,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_string::make(&engine_in(engine)?.status_json()?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_status_json", error, body) }
}

/// A descriptor for poll or select that becomes readable when an event may be waiting. Take events until EREF_TIMEOUT, then wait
/// again; never read from it. A desk learns of what another process committed within 250 ms, if "threads" is true. Unix only.
///
/// Ownership: the descriptor is borrowed from the engine: do not close it.
/// Threads: any.
/// Errors: EREF_WRONG_STATE (on Windows), EREF_NO_MEMORY (no descriptor is left), EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_wakeup_fd(engine: *const eref_engine, out_fd: *mut i32, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let fd = output(out_fd, -1, "out_fd")?;
        *fd = wakeup_fd(&engine_in(engine)?)?;
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_wakeup_fd", error, body) }
}

#[cfg(unix)]
fn wakeup_fd(engine: &Engine) -> Result<i32> {
    engine.wakeup_fd()
}

#[cfg(not(unix))]
fn wakeup_fd(_engine: &Engine) -> Result<i32> {
    Err(Error::new(EREF_WRONG_STATE, "there are no wakeup descriptors on this platform"))
}

/// Names a Windows event object (HANDLE) to be set when an event may be waiting; NULL ends that. Windows only, and not yet there: this
/// version answers EREF_WRONG_STATE everywhere.
///
/// Ownership: the handle is borrowed until it is replaced or the engine is freed.
/// Threads: any.
/// Errors: EREF_WRONG_STATE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_set_wakeup_event(
    engine: *const eref_engine,
    handle: *mut c_void,
    error: *mut *mut eref_error,
) -> i32 {
    let _ = handle;
    // SAFETY: live handle (header, Ownership); "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_set_wakeup_event", error, || no_wakeup_object(engine)) }
}

/// Names a window (HWND) to which the message number is posted when an event may be waiting; NULL ends that. Windows only, and not yet
/// there: this version answers EREF_WRONG_STATE everywhere.
///
/// Ownership: the window is borrowed until it is replaced or the engine is freed.
/// Threads: any.
/// Errors: EREF_WRONG_STATE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_set_wakeup_message(
    engine: *const eref_engine,
    window: *mut c_void,
    message: u32,
    error: *mut *mut eref_error,
) -> i32 {
    let _ = (window, message);
    // SAFETY: live handle (header, Ownership); "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_engine_set_wakeup_message", error, || no_wakeup_object(engine)) }
}

/// # Safety
/// As for `checked`.
unsafe fn no_wakeup_object(engine: *const eref_engine) -> Result<()> {
    // SAFETY: passed on to our caller.
    unsafe { engine_in(engine) }?;
    Err(Error::new(EREF_WRONG_STATE, "wakeup by event object or window message is not available in this build"))
}

/// Frees an engine. NULL is allowed. Never waits: calls under way finish, and the threads end by themselves. Call eref_engine_stop
/// first to know that they have; without it nothing is lost either. In a forked child this does nothing.
///
/// Ownership: the engine ends here; events, drafts and messages taken from it stay good.
/// Threads: any, also while other calls on it are under way, but not while another thread begins one.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_engine_free(engine: *mut eref_engine) {
    guard_value("eref_engine_free", (), || {
        // SAFETY: the caller gives the engine up.
        let Some(handle) = (unsafe { reclaim(engine) }) else { return };
        if !handle.home.is_here() {
            std::mem::forget(handle);
        }
    });
}
