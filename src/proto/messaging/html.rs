//! HTML in notes, as plain text (messaging.md 15). Text without any known tag is left alone, so that `a < b` stays what it is.

/// The tags partners write into notes. A tag that breaks the line becomes a line break.
const TAGS: &[(&str, bool)] = &[
    ("a", false),
    ("b", false),
    ("big", false),
    ("br", true),
    ("center", false),
    ("div", true),
    ("em", false),
    ("font", false),
    ("h1", true),
    ("h2", true),
    ("h3", true),
    ("h4", true),
    ("h5", true),
    ("h6", true),
    ("hr", true),
    ("i", false),
    ("img", false),
    ("li", true),
    ("ol", true),
    ("p", true),
    ("pre", true),
    ("s", false),
    ("script", false),
    ("small", false),
    ("span", false),
    ("strong", false),
    ("style", false),
    ("sub", false),
    ("sup", false),
    ("table", true),
    ("tbody", false),
    ("td", false),
    ("th", false),
    ("thead", false),
    ("tr", true),
    ("u", false),
    ("ul", true),
];

const ENTITIES: &[(&str, &str)] =
    &[("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&")];

/// The length of the tag the text starts with, and whether it breaks the line.
fn tag(text: &str) -> Option<(usize, bool)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find(['>', '<']).filter(|end| inner[*end..].starts_with('>'))?;
    let body = inner[..end].trim_start_matches('/');
    let name = body.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let (_, breaks) = TAGS.iter().find(|(tag, _)| name.eq_ignore_ascii_case(tag))?;
    Some((end + 2, *breaks))
}

/// The text a reader would see.
pub fn plain(markup: &str) -> String {
    if !markup.match_indices('<').any(|(at, _)| tag(&markup[at..]).is_some()) {
        return markup.to_owned();
    }
    let mut text = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        rest = from;
        if let Some((length, breaks)) = tag(rest) {
            if breaks && !text.is_empty() && !text.ends_with("\n\n") {
                text.push('\n');
            }
            rest = &rest[length..];
        } else if let Some((entity, plain)) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
            text.push_str(plain);
            rest = &rest[entity.len()..];
        } else {
            text.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_entities_become_text() {
        assert_eq!(plain("<u><b>Part 1<br></b></u>Knee&nbsp;pain: <font color=\"#080\">Yes</font>"), "Part 1\nKnee pain: Yes");
    }

    #[test]
    fn text_that_only_looks_like_markup_stays() {
        for text in ["INR < 2 and > 1 & rising", "a <b and c", "x &lt; y", "<script", "", "<1 cm>"] {
            assert_eq!(plain(text), text);
        }
    }
}
