//! A message sent again in a new Bundle (messaging.md 10.1): another `Bundle.id`, and every other byte as it was.

use crate::error::{EREF_INVALID_CONTENT, EREF_INVALID_JSON, EREF_NO_MEMORY, Error, Result};
use crate::proto::messaging::envelope::Text;
use crate::proto::messaging::parse;
use crate::proto::settings::Limits;

/// The Bundle with this `Bundle.id`, which must need no escapes. `EREF_INVALID_CONTENT` when it has none that can be replaced.
pub fn rename(bundle: Vec<u8>, id: &str, limits: &Limits) -> Result<Vec<u8>> {
    let not_json = |_| Error::new(EREF_INVALID_JSON, "the kept message is not UTF-8");
    let mut bundle = String::from_utf8(bundle).map_err(not_json)?;
    let place = match parse::parse(&bundle, limits)?.id {
        Some(Text::At(place)) => place,
        _ => return Err(Error::new(EREF_INVALID_CONTENT, "the kept message has no Bundle.id that can be replaced")),
    };
    bundle.try_reserve(id.len()).map_err(|_| Error::new(EREF_NO_MEMORY, "no memory for the message"))?;
    bundle.replace_range(place, id);
    Ok(bundle.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bundles_own_id_changes() {
        let bundle = |id: &str| {
            format!(
                "{{ \"entry\":[{{\"fullUrl\":\"urn:uuid:1\",\"resource\":{{\"id\":\"b-1\",\"resourceType\":\"MessageHeader\"}}}}],\n\t\
                 \"id\" : \"{id}\", \"type\":\"message\",\"note\":\"b-1 \u{e9}\",\"resourceType\":\"Bundle\"}}"
            )
        };
        let limits = Limits::default();
        let renamed = rename(bundle("b-1").into_bytes(), "0190-new", &limits).unwrap();
        assert_eq!(String::from_utf8(renamed).unwrap(), bundle("0190-new"));
        let without = br#"{"resourceType":"Bundle","type":"message","entry":[]}"#;
        assert_eq!(rename(without.to_vec(), "n", &limits).unwrap_err().status(), EREF_INVALID_CONTENT);
    }
}
