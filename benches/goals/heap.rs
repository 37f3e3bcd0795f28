//! A counting allocator: how often memory was asked for, and how much was held at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

pub struct Counting;

static COUNTING: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    if COUNTING.load(Relaxed) {
        CALLS.fetch_add(1, Relaxed);
        let held = HELD.fetch_add(bytes, Relaxed).wrapping_add(bytes);
        // What was taken before the count began may be given back during it.
        if held < usize::MAX / 2 {
            MOST.fetch_max(held, Relaxed);
        }
    }
}

fn gave(bytes: usize) {
    if COUNTING.load(Relaxed) {
        HELD.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may exist for a moment.
        took(size);
        gave(layout.size());
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What a piece of work asked for.
pub struct Use {
    pub calls: usize,
    /// Most bytes held at once, beyond what was held before.
    pub most: usize,
}

/// Counts what `work` asks for. Nothing else may run at the time. What `work` returns is dropped after the count.
pub fn count<T>(work: impl FnOnce() -> T) -> Use {
    for counter in [&CALLS, &HELD, &MOST] {
        counter.store(0, Relaxed);
    }
    COUNTING.store(true, Relaxed);
    let result = std::hint::black_box(work());
    COUNTING.store(false, Relaxed);
    drop(result);
    Use { calls: CALLS.load(Relaxed), most: MOST.load(Relaxed) }
}
