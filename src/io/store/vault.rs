//! Keys and sealing (architecture: store).
//!
//! A key file holds the outer key. It wraps a random store key, which is kept in the store itself; every working key is derived from the
//! store key. So the outer key can be changed by wrapping again, and the sealed content stays as it is.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::stream::{NewStream, StreamBE32, StreamPrimitive};
use chacha20poly1305::aead::{self, Aead, Buffer, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use ring::{hkdf, hmac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{EREF_INVALID_ARGUMENT, EREF_STORE, EREF_STORE_KEY, Error, Result};
use crate::io::clock;
use crate::memory;

/// Form 1 of the wrapped key and of sealed values.
const VERSION: u8 = 1;
/// Plain bytes per sealed chunk.
const CHUNK: usize = 64 * 1024;
/// The authentication tag after each chunk.
const TAG: usize = 16;
/// Chunks per piece of a body: 1 MiB of plain bytes.
const CHUNKS_PER_PIECE: usize = 16;
/// The random start of the nonce; the STREAM construction adds a counter and the mark of the last chunk.
const NONCE_PREFIX: usize = 19;
/// A key id as bytes; shown as 16 hexadecimal digits.
const ID: usize = 8;
/// Before the first chunk: version, id of the store key, start of the nonce.
const HEADER: usize = 1 + ID + NONCE_PREFIX;

// Parts of the wrapped key: version, id of the outer key, nonce, store key with its tag, check value.
const WRAP_NONCE: usize = 24;
const WRAP_KEY: usize = 32 + TAG;
const WRAP_CHECK: usize = 32;
const WRAPPED: usize = 1 + ID + WRAP_NONCE + WRAP_KEY + WRAP_CHECK;

/// The first word of the line that counts in a key file.
const FILE_MARK: &str = "ereferral-key-1";
const FILE_NOTE: &str = "# The key of an ereferral store. Keep a copy elsewhere: without it the store cannot be read.";
/// No key file of ours is longer.
const FILE_LIMIT: u64 = 4096;

type Secret = Zeroizing<[u8; 32]>;

/// Seals, opens and hashes with the keys of one store. Cheap to share between threads.
pub struct Vault {
    sealing: XChaCha20Poly1305,
    lookup: hmac::Key,
    store_id: [u8; ID],
    key_id: String,
}

impl Vault {
    /// For a store being made: makes the key file, or uses a good one that is there, and makes a random store key. Returns the vault and
    /// the wrapped key, which the store keeps. Call it while holding the store's write lock. `EREF_STORE_KEY` when the key file can
    /// neither be made nor used.
    pub fn create(key_file: &Path) -> Result<(Self, Vec<u8>)> {
        let fresh = Zeroizing::new(clock::random());
        let failed =
            |error: std::io::Error| key_error(format!("the key file {} cannot be made: {}", key_file.display(), error.kind()));
        let outer = match write_key(key_file, &fresh) {
            Ok(()) => fresh,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let outer = read_key(key_file, None)?;
                // Whoever made it may have been killed before its name was durable.
                sync_folder(key_file).map_err(failed)?;
                outer
            }
            Err(error) => return Err(failed(error)),
        };
        let store_key = Zeroizing::new(clock::random());
        let wrapped = wrap(&outer, &store_key);
        Ok((Self::derive(&store_key, &outer), wrapped))
    }

    /// For an existing store. Never makes a key. `EREF_STORE_KEY`, naming path and key id, when the key file is missing or wrong.
    pub fn open(key_file: &Path, wrapped: &[u8]) -> Result<Self> {
        let wanted = hex(wrapped_id(wrapped)?);
        let outer = read_key(key_file, Some(&wanted))?;
        let found = hex(&key_id(&outer));
        if found != wanted {
            let path = key_file.display();
            return Err(key_error(format!("the key file {path} holds key {found}, the store needs key {wanted}")));
        }
        let store_key = unwrap_key(&outer, wrapped)?;
        Ok(Self::derive(&store_key, &outer))
    }

    fn derive(store_key: &Secret, outer: &Secret) -> Self {
        let sealing = XChaCha20Poly1305::new(Key::from_slice(derive(store_key, "sealing").as_slice()));
        let lookup = hmac::Key::new(hmac::HMAC_SHA256, derive(store_key, "lookup").as_slice());
        Self { sealing, lookup, store_id: key_id(store_key), key_id: hex(&key_id(outer)) }
    }

    /// Seals a value. `place` is "table.column", `row` the row's id: what is sealed for one row and column opens nowhere else.
    /// `EREF_NO_MEMORY` when the sealed form does not fit into memory.
    pub fn seal(&self, place: &str, row: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let header = self.header();
        let mut sealed = memory::room(HEADER + plain.len() + TAG * (plain.len() / CHUNK + 1), "sealing")?;
        sealed.extend_from_slice(&header);
        Sealer::new(self, &header, place, row).run(plain, 0, true, &mut sealed);
        Ok(sealed)
    }

    /// Opens what [`Vault::seal`] made. `EREF_STORE` when it was changed, cut, or belongs elsewhere.
    pub fn open_sealed(&self, place: &str, row: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let mut opener = self.open_body(place, row, sealed.len())?;
        opener.piece(sealed, true)?;
        opener.finish()
    }

    /// Seals a body into pieces of at most 1 MiB plain each, one at a time as they are asked for. One series of chunks runs through all
    /// pieces, so they open only together, in order, and complete. An empty body is one piece. `EREF_NO_MEMORY` when a piece does not fit
    /// into memory.
    pub fn seal_body(&self, place: &str, row: &str, plain: Arc<Vec<u8>>) -> SealedBody {
        let header = self.header();
        SealedBody { sealer: Sealer::new(self, &header, place, row), header, plain, number: 0, position: 0 }
    }

    /// Opens what [`Vault::seal_body`] made, piece by piece. `size` is that of all pieces together: `EREF_NO_MEMORY` when the body does
    /// not fit into memory.
    pub fn open_body(&self, place: &str, row: &str, size: usize) -> Result<Opener<'_>> {
        let (place, row) = (place.to_owned(), row.to_owned());
        let plain = memory::room(size, "opening sealed content")?;
        Ok(Opener { vault: self, place, row, sealer: None, plain, position: 0, ended: false })
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [VERSION; HEADER];
        header[1..=ID].copy_from_slice(&self.store_id);
        header[1 + ID..].copy_from_slice(&clock::random()[..NONCE_PREFIX]);
        header
    }

    /// The keyed hash by which a sealed value is found, for example of [`crate::proto::store::normalised`] in the domain `identifier`. Equal texts of
    /// different domains have different hashes.
    pub fn lookup(&self, domain: &str, text: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.lookup);
        context.update(&length(domain.len()));
        context.update(domain.as_bytes());
        context.update(text);
        let mut hash = [0u8; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    /// The id of the outer key, as it stands in the key file.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

/// Checks that the key file opens the store that keeps `wrapped`; returns the key's id. `EREF_STORE_KEY` otherwise.
pub fn check(key_file: &Path, wrapped: &[u8]) -> Result<String> {
    Vault::open(key_file, wrapped).map(|vault| vault.key_id)
}

/// Copies the key file to `to`, for its owner only. `EREF_STORE_KEY` when the key file is not good, `EREF_INVALID_ARGUMENT` when there is
/// a file at `to` already or it cannot be made.
pub fn backup(key_file: &Path, to: &Path) -> Result<()> {
    let key = read_key(key_file, None)?;
    write_key(to, &key)
        .map_err(|error| Error::new(EREF_INVALID_ARGUMENT, format!("the copy {} cannot be made: {}", to.display(), error.kind())))
}

/// The pieces of a body, see [`Vault::seal_body`].
pub struct SealedBody {
    sealer: Sealer,
    header: [u8; HEADER],
    plain: Arc<Vec<u8>>,
    number: usize,
    /// Of the next chunk.
    position: u32,
}

impl Iterator for SealedBody {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Result<Vec<u8>>> {
        const PIECE: usize = CHUNK * CHUNKS_PER_PIECE;
        let count = self.plain.len().div_ceil(PIECE).max(1);
        if self.number >= count {
            return None;
        }
        let part = self.plain.get(self.number * PIECE..).unwrap_or_default();
        let part = part.get(..PIECE).unwrap_or(part);
        let mut sealed = match memory::room(HEADER + part.len() + TAG * CHUNKS_PER_PIECE, "sealing a body") {
            Ok(room) => room,
            Err(error) => return Some(Err(error)),
        };
        if self.number == 0 {
            sealed.extend_from_slice(&self.header);
        }
        self.position = self.sealer.run(part, self.position, self.number + 1 == count, &mut sealed);
        self.number += 1;
        Some(Ok(sealed))
    }
}

/// A body being opened, see [`Vault::open_body`].
pub struct Opener<'v> {
    vault: &'v Vault,
    place: String,
    row: String,
    sealer: Option<Sealer>,
    plain: Vec<u8>,
    /// Of the next chunk.
    position: u32,
    ended: bool,
}

impl Opener<'_> {
    /// The next piece; `last` says that it is the last one. `EREF_STORE` when it was changed, or is missing, doubled or out of order.
    pub fn piece(&mut self, mut piece: &[u8], last: bool) -> Result<()> {
        if self.sealer.is_none() {
            let (header, rest) = piece.split_at_checked(HEADER).ok_or_else(|| self.broken())?;
            if header[0] != VERSION || header[1..=ID] != self.vault.store_id {
                let text = format!("content in {} is sealed in another form or with another key", self.place);
                return Err(Error::new(EREF_STORE, text).with_retriable(false));
            }
            self.sealer = Some(Sealer::new(self.vault, header, &self.place, &self.row));
            piece = rest;
        }
        let mut chunks = piece.chunks(CHUNK + TAG).peekable();
        while let Some(chunk) = chunks.next() {
            let start = self.plain.len();
            self.plain.extend_from_slice(chunk);
            let ends = last && chunks.peek().is_none();
            let mut tail = Tail { bytes: &mut self.plain, start };
            let opened = self
                .sealer
                .as_ref()
                .map(|sealer| sealer.stream.decrypt_in_place(self.position, ends, &sealer.associated, &mut tail));
            let next = self.position.checked_add(1).filter(|_| matches!(opened, Some(Ok(()))));
            self.position = next.ok_or_else(|| self.broken())?;
            self.ended = ends;
        }
        Ok(())
    }

    /// The body. `EREF_STORE` when it was cut.
    pub fn finish(self) -> Result<Vec<u8>> {
        if self.ended { Ok(self.plain) } else { Err(self.broken()) }
    }

    fn broken(&self) -> Error {
        Error::new(EREF_STORE, format!("sealed content in {} was changed or cut", self.place)).with_retriable(false)
    }
}

/// The STREAM construction for one value: key, start of the nonce, and what the value is bound to.
struct Sealer {
    stream: StreamBE32<XChaCha20Poly1305>,
    associated: Vec<u8>,
}

impl Sealer {
    fn new(vault: &Vault, header: &[u8], place: &str, row: &str) -> Self {
        let nonce = aead::stream::Nonce::<XChaCha20Poly1305, StreamBE32<XChaCha20Poly1305>>::from_slice(&header[1 + ID..]);
        let mut associated = header[..=ID].to_vec();
        for part in [place, row] {
            associated.extend_from_slice(&length(part.len()));
            associated.extend_from_slice(part.as_bytes());
        }
        Self { stream: StreamBE32::from_aead(vault.sealing.clone(), nonce), associated }
    }

    /// Appends the sealed chunks of `plain`, counting from `position`; returns the next position.
    fn run(&self, plain: &[u8], mut position: u32, ends: bool, sealed: &mut Vec<u8>) -> u32 {
        let count = plain.len().div_ceil(CHUNK).max(1);
        for number in 0..count {
            let chunk = plain.get(number * CHUNK..).unwrap_or_default();
            let start = sealed.len();
            sealed.extend_from_slice(chunk.get(..CHUNK).unwrap_or(chunk));
            let last = ends && number + 1 == count;
            let mut tail = Tail { bytes: sealed, start };
            let done = self.stream.encrypt_in_place(position, last, &self.associated, &mut tail);
            // The cipher refuses only chunks of more than 256 GiB.
            assert!(done.is_ok(), "a chunk of 64 KiB can always be sealed");
            position += 1;
        }
        position
    }
}

/// The end of a vector as a cipher's buffer, so that chunks are worked on where they stand.
struct Tail<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
}

impl AsRef<[u8]> for Tail<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl AsMut<[u8]> for Tail<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }
}

impl Buffer for Tail<'_> {
    fn extend_from_slice(&mut self, other: &[u8]) -> aead::Result<()> {
        self.bytes.extend_from_slice(other);
        Ok(())
    }
    fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.start + len);
    }
}

fn key_error(message: String) -> Error {
    Error::new(EREF_STORE_KEY, message)
}

fn length(len: usize) -> [u8; 8] {
    (len as u64).to_be_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key for one purpose (RFC 5869).
fn derive(secret: &Secret, purpose: &str) -> Secret {
    let mut key = Zeroizing::new([0u8; 32]);
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"ereferral store 1").extract(secret.as_slice());
    let filled = extracted.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).is_ok_and(|okm| okm.fill(key.as_mut_slice()).is_ok());
    // Only an output of more than 8160 bytes is refused.
    assert!(filled, "32 bytes can always be derived");
    key
}

/// The id of a key follows from the key, so that a damaged key file is noticed.
fn key_id(secret: &Secret) -> [u8; ID] {
    let mut id = [0u8; ID];
    id.copy_from_slice(&derive(secret, "id")[..ID]);
    id
}

fn wrap(outer: &Secret, store_key: &Secret) -> Vec<u8> {
    let mut wrapped = vec![VERSION];
    wrapped.extend_from_slice(&key_id(outer));
    let nonce = &clock::random()[..WRAP_NONCE];
    let cipher = XChaCha20Poly1305::new(Key::from_slice(derive(outer, "wrapping").as_slice()));
    let payload = Payload { msg: store_key.as_slice(), aad: &wrapped };
    let sealed = cipher.encrypt(XNonce::from_slice(nonce), payload).unwrap_or_default();
    assert!(sealed.len() == WRAP_KEY, "a key can always be wrapped");
    wrapped.extend_from_slice(nonce);
    wrapped.extend_from_slice(&sealed);
    wrapped.extend_from_slice(derive(store_key, "check").as_slice());
    wrapped
}

fn wrapped_id(wrapped: &[u8]) -> Result<&[u8]> {
    if wrapped.len() != WRAPPED || wrapped[0] != VERSION {
        return Err(key_error("the key kept in the store is damaged, or of another version".to_owned()));
    }
    Ok(&wrapped[1..=ID])
}

fn unwrap_key(outer: &Secret, wrapped: &[u8]) -> Result<Secret> {
    let id = hex(wrapped_id(wrapped)?);
    let damaged = || key_error(format!("the key kept in the store, wrapped with key {id}, is damaged"));
    let (aad, rest) = wrapped.split_at(1 + ID);
    let (nonce, rest) = rest.split_at(WRAP_NONCE);
    let (sealed, kept_check) = rest.split_at(WRAP_KEY);
    let cipher = XChaCha20Poly1305::new(Key::from_slice(derive(outer, "wrapping").as_slice()));
    let plain = cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad }).map_err(|_| damaged())?;
    let store_key = secret(Zeroizing::new(plain)).ok_or_else(damaged)?;
    // A tag alone would fit more than one key; the check value fits only this one.
    if bool::from(derive(&store_key, "check").as_slice().ct_eq(kept_check)) { Ok(store_key) } else { Err(damaged()) }
}

fn secret(bytes: Zeroizing<Vec<u8>>) -> Option<Secret> {
    let mut key = Zeroizing::new([0u8; 32]);
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

/// Reads and checks a key file. `wanted` is the key id to name when there is no such file.
fn read_key(path: &Path, wanted: Option<&str>) -> Result<Secret> {
    let shown = path.display();
    let mut text = Zeroizing::new(String::new());
    File::open(path).and_then(|file| file.take(FILE_LIMIT).read_to_string(&mut text)).map_err(|error| {
        let what =
            if error.kind() == ErrorKind::NotFound { "is missing".to_owned() } else { format!("cannot be read: {}", error.kind()) };
        let key = wanted.map(|id| format!(" (the store needs key {id})")).unwrap_or_default();
        key_error(format!("the key file {shown} {what}{key}"))
    })?;
    parse_key(&text).ok_or_else(|| {
        let key = wanted.map(|id| format!(" (the store needs key {id})")).unwrap_or_default();
        key_error(format!("the key file {shown} does not hold a good key{key}"))
    })
}

fn parse_key(text: &str) -> Option<Secret> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let mut words = line.split_whitespace();
    let (mark, id, key) = (words.next()?, words.next()?, words.next()?);
    let key = secret(Zeroizing::new(STANDARD.decode(key).ok()?))?;
    (mark == FILE_MARK && id == hex(&key_id(&key)) && words.next().is_none()).then_some(key)
}

/// Writes a key file that did not exist before, for its owner only, and makes it durable. It comes into being whole or not at all: half a
/// key, left by a process that was killed, would stand in the way of every later try.
fn write_key(path: &Path, key: &Secret) -> std::io::Result<()> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let encoded = Zeroizing::new(STANDARD.encode(key.as_slice()));
    let text = Zeroizing::new(format!("{FILE_NOTE}\n{FILE_MARK} {} {}\n", hex(&key_id(key)), encoded.as_str()));
    let mut unfinished = path.to_owned().into_os_string();
    unfinished.push(".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    // Whoever makes a key waits here, so that a rename never replaces the key of another store.
    file.lock()?;
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    sync_folder(path)
}

/// Makes the name of a file durable. Windows needs and offers no such thing.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests;
