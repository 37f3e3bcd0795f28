//! What `strace` saw: whether an answer ever left before the sync that covers it.

use std::collections::HashMap;

/// Arguments that make the trace this module reads.
pub const STRACE: [&str; 8] =
    ["strace", "-f", "-y", "-s", "40", "-e", "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg", "-o"];

/// The answers in the trace, and how many of them left although the log was not written and then synced since the answer before. For one
/// client that posts one message after another.
pub fn unsynced_answers(trace: &str, log: &str) -> (usize, usize) {
    let (mut answers, mut unsynced) = (0, 0);
    let (mut written, mut safe) = (false, false);
    // A call that another thread interrupts in the trace ends on a later line of the same thread.
    let mut unfinished: HashMap<&str, bool> = HashMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let of_log = call.contains(&format!("/{log}>"));
        let is_sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if is_sync && call.ends_with("<unfinished ...>") {
            unfinished.insert(thread, of_log);
        } else if is_sync && of_log || call.contains("sync resumed>") && unfinished.remove(thread) == Some(true) {
            safe |= written && call.ends_with("= 0");
        } else if of_log && call.starts_with("pwrite64(") {
            (written, safe) = (true, false);
        } else if call.contains("\"HTTP/1.1 200 ") {
            answers += 1;
            unsynced += usize::from(!safe);
            (written, safe) = (false, false);
        }
    }
    (answers, unsynced)
}
