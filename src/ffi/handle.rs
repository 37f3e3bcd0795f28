//! What all handles share: a tag that tells a live handle of the right type from anything else, and the in-use mark of exclusive ones.
//!
//! Three kinds: *shared* handles (engine, cancel) hold a counted value that every call clones first; *exclusive* ones (config, draft,
//! event) serve one call at a time; *values* (message, delivery, launch, string, error) never change.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::error::{EREF_BUSY, EREF_FORKED, EREF_INVALID_ARGUMENT, EREF_POISONED, Error, Result};

/// The tag of a handle that was freed.
const DEAD: u32 = 0xdead_ef00;

/// The first member of every handle.
pub(super) struct Head {
    tag: AtomicU32,
}

impl Head {
    /// A live head; `tag` is the handle type's own.
    pub(super) const fn new(tag: u32) -> Self {
        Self { tag: AtomicU32::new(tag) }
    }
}

/// A type that C sees as an opaque pointer, and may hold on any thread.
pub(super) trait Handle: Sized + Send + Sync {
    /// The C name.
    const NAME: &'static str;
    /// Tells this type from others.
    const TAG: u32 = tag_of(Self::NAME);

    fn head(&self) -> &Head;

    /// A head for a new handle of this type.
    fn new_head() -> Head {
        Head::new(Self::TAG)
    }

    /// Moves the handle to where C can hold it.
    fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }
}

/// FNV-1a over the name: enough to tell a dozen types apart.
const fn tag_of(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let (mut hash, mut index) = (0x811c_9dc5_u32, 0);
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}

/// The handle behind a pointer, if it is one. Every handle is `repr(C, align(8))` with its head first: the tag of another type is where
/// this type has its own, and inside its memory. (With `repr(C)` alone cbindgen would put the members into the header.)
///
/// # Safety
/// The pointer is NULL or came from this library, and is not freed while the reference lives.
pub(super) unsafe fn checked<'a, H: Handle>(pointer: *const H) -> Result<&'a H> {
    if pointer.is_null() {
        return Err(Error::new(EREF_INVALID_ARGUMENT, format!("{} is NULL", H::NAME)));
    }
    if !pointer.is_aligned() {
        return Err(not_a(H::NAME));
    }
    // SAFETY: "a handle comes from this library and is not freed while a call uses it" (header, Ownership); of whatever type, it begins
    // with its head.
    let head = unsafe { &*pointer.cast::<Head>() };
    if head.tag.load(Ordering::Acquire) != H::TAG {
        return Err(not_a(H::NAME));
    }
    // SAFETY: it is of this type, and lives.
    Ok(unsafe { &*pointer })
}

fn not_a(name: &str) -> Error {
    Error::new(EREF_INVALID_ARGUMENT, format!("this is no {name}, or it was freed"))
}

/// Takes a handle back from C. `None` for NULL and for what is not, or no longer, a handle of this type.
///
/// # Safety
/// As for `checked`; nobody else uses the handle any more.
pub(super) unsafe fn reclaim<H: Handle>(pointer: *mut H) -> Option<Box<H>> {
    // SAFETY: passed on to our caller.
    let handle = unsafe { checked(pointer) }.ok()?;
    handle.head().tag.compare_exchange(H::TAG, DEAD, Ordering::AcqRel, Ordering::Relaxed).ok()?;
    // SAFETY: the tag says that it was made by `into_raw`, and the exchange that it is taken back once.
    Some(unsafe { Box::from_raw(pointer) })
}

const IDLE: u8 = 0;
const IN_USE: u8 = 1;
const POISONED: u8 = 2;
/// Freed during a call: the call frees it when it ends.
const DOOMED: u8 = 3;

/// The changing part of an exclusive handle.
pub(super) struct Exclusive<T> {
    state: AtomicU8,
    value: UnsafeCell<T>,
}

// SAFETY: the in-use mark lets one thread at a time reach the value.
unsafe impl<T: Send> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub(super) fn new(value: T) -> Self {
        Self { state: AtomicU8::new(IDLE), value: UnsafeCell::new(value) }
    }
}

/// A handle that serves one call at a time.
pub(super) trait ExclusiveHandle: Handle {
    type Value: Send;

    fn cell(&self) -> &Exclusive<Self::Value>;
}

/// Ends the use of an exclusive handle, also when the body panics.
struct InUse<H: ExclusiveHandle>(*mut H);

impl<H: ExclusiveHandle> Drop for InUse<H> {
    fn drop(&mut self) {
        let next = if std::thread::panicking() { POISONED } else { IDLE };
        // SAFETY: whoever holds the mark keeps the handle alive: `free_exclusive` leaves it alone.
        let state = unsafe { &(*self.0).cell().state };
        if state.compare_exchange(IN_USE, next, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: it was freed during this call, and this call was its last user.
            drop(unsafe { reclaim(self.0) });
        }
    }
}

/// Runs `body` with the value of an exclusive handle: `EREF_BUSY` when another call has it, `EREF_POISONED` after a panic.
///
/// # Safety
/// As for `checked`.
pub(super) unsafe fn exclusive<H: ExclusiveHandle, R>(pointer: *mut H, body: impl FnOnce(&mut H::Value) -> Result<R>) -> Result<R> {
    // SAFETY: passed on to our caller.
    let cell = unsafe { checked(pointer) }?.cell();
    match cell.state.compare_exchange(IDLE, IN_USE, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {}
        Err(POISONED) => return Err(Error::new(EREF_POISONED, format!("an earlier fault made this {} unusable", H::NAME))),
        Err(_) => return Err(Error::new(EREF_BUSY, format!("the {} is in use by another call", H::NAME))),
    }
    let _in_use = InUse(pointer);
    // SAFETY: the mark is ours, so no other reference to the value exists.
    body(unsafe { &mut *cell.value.get() })
}

/// Frees an exclusive handle, or leaves that to the call that uses it right now.
///
/// # Safety
/// As for `checked`; no new call starts with this handle.
pub(super) unsafe fn free_exclusive<H: ExclusiveHandle>(pointer: *mut H) {
    // SAFETY: passed on to our caller.
    let Ok(handle) = (unsafe { checked(pointer) }) else { return };
    if !matches!(handle.cell().state.swap(DOOMED, Ordering::AcqRel), IN_USE | DOOMED) {
        // SAFETY: nobody was using it, and the state keeps every later call out.
        drop(unsafe { reclaim(pointer) });
    }
}

/// The process an engine, or what hangs on it, belongs to.
#[derive(Clone, Copy)]
pub(super) struct Home(u32);

impl Home {
    pub(super) fn here() -> Self {
        Self(std::process::id())
    }

    /// False in a forked child.
    pub(super) fn is_here(self) -> bool {
        self.0 == std::process::id()
    }

    /// `EREF_FORKED` in a forked child: its copy shares files and locks with the parent and must not touch them.
    pub(super) fn check(self) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(Error::new(EREF_FORKED, "the process was forked after the engine was opened"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    struct Sample {
        head: Head,
        cell: Exclusive<u32>,
    }

    impl Handle for Sample {
        const NAME: &'static str = "sample";
        fn head(&self) -> &Head {
            &self.head
        }
    }

    impl ExclusiveHandle for Sample {
        type Value = u32;
        fn cell(&self) -> &Exclusive<u32> {
            &self.cell
        }
    }

    fn sample() -> *mut Sample {
        Sample { head: Sample::new_head(), cell: Exclusive::new(7) }.into_raw()
    }

    #[test]
    fn a_second_call_meets_the_in_use_mark_and_a_free_waits_for_the_first() {
        let pointer = sample();
        // SAFETY: a live handle of ours; freed inside, which the mark allows.
        let outcome = unsafe {
            exclusive(pointer, |value| {
                assert_eq!(exclusive(pointer, |_| Ok(())).unwrap_err().status(), EREF_BUSY);
                free_exclusive(pointer);
                free_exclusive(pointer);
                Ok(*value)
            })
        };
        assert_eq!(outcome, Ok(7));
    }

    #[test]
    fn a_panic_poisons_the_handle_which_can_still_be_freed() {
        let pointer = sample();
        // SAFETY: a live handle of ours.
        unsafe {
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                exclusive(pointer, |_| -> Result<()> { panic!("planned") })
            }));
            assert!(panicked.is_err());
            assert_eq!(exclusive(pointer, |_| Ok(())).unwrap_err().status(), EREF_POISONED);
            free_exclusive(pointer);
        }
    }

    #[test]
    fn every_type_has_a_tag_of_its_own() {
        let names = [
            "eref_engine",
            "eref_event",
            "eref_message",
            "eref_draft",
            "eref_config",
            "eref_cancel",
            "eref_delivery",
            "eref_launch",
        ];
        let mut tags: Vec<u32> = names.iter().chain(&["eref_string", "eref_error"]).map(|name| tag_of(name)).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 10);
        assert!(!tags.contains(&DEAD));
    }
}
