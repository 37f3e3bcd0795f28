//! The attachments of a message: decoded piece by piece, checked, or put in place after they were fetched.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Message;
use crate::error::{EREF_INVALID_CONTENT, EREF_NOT_FOUND, Error, Result};
use crate::proto::messaging::attachment::{Digest, Stated};
use crate::proto::store::FetchedAttachment;

/// Base64 with or without its padding: senders leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Groups of four characters decoded at once when reading an attachment.
const GROUPS: usize = 4096;

/// What reading an attachment leaves behind.
#[derive(Default)]
pub(super) struct Slot {
    /// A base64 text that held escapes or white space, cleaned; made on the first read.
    cleaned: OnceLock<Result<Option<String>>>,
    /// The content of one that is only a URL.
    fetched: OnceLock<FetchedAttachment>,
}

impl Message {
    /// How many attachments it has, those included that are only a URL: the count of `attachment`.
    pub fn attachment_count(&self) -> usize {
        self.envelope.attachments.len()
    }

    /// Decodes from the attachment that the fields `attachment[index]` describe, starting at `offset`, as much as fits; returns how much, 0
    /// at the end. Errors: `EREF_NOT_FOUND` (no such index, or it is only a URL that was not fetched), `EREF_INVALID_CONTENT` (not base64).
    pub fn attachment_read(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        if let Some(fetched) = self.slot(index)?.fetched.get() {
            let from = usize::try_from(offset).ok().and_then(|offset| fetched.content.get(offset..)).unwrap_or_default();
            buffer.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            return Ok(from.len().min(buffer.len()));
        }
        let text = self.base64(index)?;
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let (mut group, mut skip, mut written) = (at / 3, at % 3, 0);
        while let Some(rest) = group.checked_mul(4).and_then(|from| text.as_bytes().get(from..)) {
            let groups = (skip + buffer.len() - written).div_ceil(3).min(GROUPS);
            let chunk = rest.get(..groups * 4).unwrap_or(rest);
            let decoded = BASE64.decode(chunk).map_err(|_| self.not_base64(index))?;
            let fresh = decoded.get(skip..).unwrap_or_default();
            let room = buffer.get_mut(written..).unwrap_or_default();
            let count = fresh.len().min(room.len());
            if count == 0 {
                break;
            }
            for (to, from) in room.iter_mut().zip(fresh) {
                *to = *from;
            }
            written += count;
            (group, skip) = (group + groups, 0);
        }
        Ok(written)
    }

    /// What the message says of an attachment. `EREF_NOT_FOUND` when there is no such index.
    pub fn attachment(&self, index: usize) -> Result<Stated<'_>> {
        Stated::of(self.view()?, index)
    }

    /// Whether its content is in the message, or was put in place.
    pub fn attachment_is_here(&self, index: usize) -> Result<bool> {
        let fetched = self.slot(index)?.fetched.get().is_some();
        Ok(fetched || self.envelope.attachments.get(index).is_some_and(|attachment| attachment.data.is_some()))
    }

    /// Puts the content of one that is only a URL in place: it reads as if it had come with the message. The first one stays.
    pub fn attachment_fetched(&self, index: usize, fetched: FetchedAttachment) -> Result<()> {
        let _ = self.slot(index)?.fetched.set(fetched);
        Ok(())
    }

    /// The media type: as its host answered it if it was fetched, else as the message states it.
    pub fn attachment_type(&self, index: usize) -> Result<Option<&str>> {
        let answered = self.slot(index)?.fetched.get().and_then(|fetched| fetched.content_type.as_deref());
        Ok(answered.or(self.attachment(index)?.content_type))
    }

    /// Compares the whole content with the size and the SHA-1 that the message states; what is not stated is right. Errors:
    /// `EREF_INVALID_CONTENT` naming which differs, and those of [`Message::attachment_read`].
    pub fn attachment_check(&self, index: usize) -> Result<()> {
        let (mut digest, mut piece, mut offset) = (Digest::default(), [0; 3 * GROUPS], 0);
        loop {
            let read = self.attachment_read(index, offset, &mut piece)?;
            digest.update(piece.get(..read).unwrap_or_default());
            offset += read as u64;
            if read == 0 {
                return self.attachment(index)?.check(index, digest);
            }
        }
    }

    fn slot(&self, index: usize) -> Result<&Slot> {
        self.attachments.get(index).ok_or_else(|| self.missing(index))
    }

    fn missing(&self, index: usize) -> Error {
        Error::new(EREF_NOT_FOUND, format!("there is no attachment {index}; the message has {}", self.attachment_count()))
    }

    /// The base64 text of an attachment without escapes and white space.
    fn base64(&self, index: usize) -> Result<&str> {
        let attachment = self.envelope.attachments.get(index).ok_or_else(|| self.missing(index))?;
        let data = attachment.data.clone().ok_or_else(|| {
            Error::new(EREF_NOT_FOUND, format!("attachment {index} is only a URL (attachment[{index}].url): fetch it first"))
        })?;
        let raw = self.bundle.get(data).unwrap_or_default();
        let cleaned = self.slot(index)?.cleaned.get_or_init(|| {
            // Some writers escape `/` or `+`, some break lines.
            if !raw.bytes().any(|byte| byte == b'\\' || byte.is_ascii_whitespace()) {
                return Ok(None);
            }
            let mut text: String = serde_json::from_str(&format!("\"{raw}\"")).map_err(|_| self.not_base64(index))?;
            text.retain(|character| !character.is_ascii_whitespace());
            Ok(Some(text))
        });
        Ok(cleaned.as_ref().map_err(Clone::clone)?.as_deref().unwrap_or(raw))
    }

    fn not_base64(&self, index: usize) -> Error {
        Error::new(EREF_INVALID_CONTENT, format!("attachment {index} is not base64"))
    }
}
