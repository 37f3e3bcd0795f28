//! What a message changes in a referral, as a person reads it.

/// One difference between what was known of a referral and what is known now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Where in the referral content document; in brackets by what an element of a list is known: `appointments[A-77].start`.
    pub path: String,
    /// What it is, in English.
    pub label: &'static str,
    /// What it is, in French.
    pub label_fr: &'static str,
    /// What it was; `None` when nothing was known.
    pub old: Option<Shown>,
    /// What it is now; `None` when it is gone.
    pub new: Option<Shown>,
}

/// A value as a person reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// In English: codes in words, times in the clinic's zone.
    pub text: String,
    /// In French, where it differs.
    pub french: Option<String>,
    /// As it was received, where that differs.
    pub value: Option<String>,
}
