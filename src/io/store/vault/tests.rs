use super::*;
use crate::proto::store::normalised;

const PLACE: &str = "body.content";

struct Kit {
    folder: tempfile::TempDir,
    vault: Vault,
    wrapped: Vec<u8>,
}

impl Kit {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (vault, wrapped) = Vault::create(&folder.path().join("key")).unwrap();
        Self { folder, vault, wrapped }
    }
    fn pieces(&self, row: &str, plain: &[u8]) -> Vec<Vec<u8>> {
        self.vault.seal_body(PLACE, row, plain.to_vec().into()).collect::<Result<_>>().unwrap()
    }

    fn opened(&self, row: &str, pieces: &[Vec<u8>]) -> Result<Vec<u8>> {
        let mut opener = self.vault.open_body(PLACE, row, pieces.iter().map(Vec::len).sum())?;
        for (number, piece) in pieces.iter().enumerate() {
            opener.piece(piece, number + 1 == pieces.len())?;
        }
        opener.finish()
    }

    fn key_file(&self) -> std::path::PathBuf {
        self.folder.path().join("key")
    }
}

fn refused<T>(result: Result<T>, status: i32) -> Error {
    let error = result.err().expect("refused");
    assert_eq!(error.status(), status, "{error}");
    error
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 7 % 251) as u8).collect()
}

#[test]
fn sealed_values_open_again_after_reopening() {
    let kit = Kit::new();
    let sealed = kit.vault.seal("launch.context", "r1", b"Testpatient").unwrap();
    let again = Vault::open(&kit.key_file(), &kit.wrapped).unwrap();
    assert_eq!(again.open_sealed("launch.context", "r1", &sealed).unwrap(), b"Testpatient");
    assert_eq!(again.lookup("identifier", b"x"), kit.vault.lookup("identifier", b"x"));
    assert_eq!(again.key_id(), kit.vault.key_id());
}

#[test]
fn sealing_twice_gives_different_bytes_without_the_content() {
    let kit = Kit::new();
    let one = kit.vault.seal("t.c", "r", b"Fakename").unwrap();
    assert_ne!(one, kit.vault.seal("t.c", "r", b"Fakename").unwrap());
    assert!(!one.windows(8).any(|part| part == b"Fakename"));
}

#[test]
fn every_changed_byte_is_noticed() {
    let kit = Kit::new();
    let sealed = kit.vault.seal("t.c", "r", b"Testpatient").unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let error = refused(kit.vault.open_sealed("t.c", "r", &changed), EREF_STORE);
        assert!(!error.is_retriable() && !error.message().contains("Testpatient"));
    }
}

#[test]
fn every_truncation_is_noticed() {
    let kit = Kit::new();
    let sealed = kit.vault.seal("t.c", "r", b"Testpatient").unwrap();
    for len in 0..sealed.len() {
        refused(kit.vault.open_sealed("t.c", "r", &sealed[..len]), EREF_STORE);
    }
}

#[test]
fn a_value_opens_only_in_its_own_row_and_column() {
    let kit = Kit::new();
    let sealed = kit.vault.seal("t.c", "r", b"x").unwrap();
    for (place, row) in [("t.c", "s"), ("t.d", "r"), ("t.", "cr"), ("t.cr", "")] {
        refused(kit.vault.open_sealed(place, row, &sealed), EREF_STORE);
    }
}

#[test]
fn bodies_of_all_sizes_come_back_in_pieces_of_one_mebibyte() {
    let kit = Kit::new();
    let mebibyte = CHUNK * CHUNKS_PER_PIECE;
    for len in [0, 1, CHUNK, CHUNK + 1, mebibyte, mebibyte + CHUNK + 3] {
        let plain = body(len);
        let pieces = kit.pieces("r", &plain);
        assert_eq!(pieces.len(), len.div_ceil(mebibyte).max(1));
        assert!(pieces.iter().all(|piece| piece.len() <= HEADER + CHUNKS_PER_PIECE * (CHUNK + TAG)));
        assert!(kit.opened("r", &pieces).unwrap() == plain, "{len}");
        let whole = kit.vault.seal(PLACE, "r", &plain).unwrap();
        assert!(kit.vault.open_sealed(PLACE, "r", &whole).unwrap() == plain, "{len}");
    }
}

#[test]
fn a_body_with_a_missing_swapped_doubled_or_foreign_piece_is_refused() {
    let kit = Kit::new();
    let plain = body(3 * CHUNK * CHUNKS_PER_PIECE);
    let pieces = kit.pieces("r", &plain);
    let other = kit.pieces("r", &plain);
    let (a, b, c) = (pieces[0].clone(), pieces[1].clone(), pieces[2].clone());
    let cases: Vec<Vec<Vec<u8>>> = vec![
        vec![],
        vec![a.clone(), b.clone()],
        vec![a.clone(), c.clone()],
        vec![b.clone(), c.clone()],
        vec![a.clone(), c.clone(), b.clone()],
        vec![a.clone(), b.clone(), b.clone(), c.clone()],
        vec![a.clone(), b.clone(), c.clone(), c.clone()],
        vec![a.clone(), b[..CHUNK + TAG].to_vec(), c.clone()],
        vec![a.clone(), other[1].clone(), c.clone()],
    ];
    for case in cases {
        refused(kit.opened("r", &case), EREF_STORE);
    }
    refused(kit.opened("s", &pieces), EREF_STORE);
    assert!(kit.opened("r", &[a, b, c]).unwrap() == plain);
}

#[test]
fn another_store_cannot_open_it_even_with_the_same_key_file() {
    let kit = Kit::new();
    let (other, _) = Vault::create(&kit.key_file()).unwrap();
    assert_eq!(other.key_id(), kit.vault.key_id());
    refused(other.open_sealed("t.c", "r", &kit.vault.seal("t.c", "r", b"x").unwrap()), EREF_STORE);
    assert_ne!(other.lookup("identifier", b"x"), kit.vault.lookup("identifier", b"x"));
}

#[test]
fn lookups_differ_by_domain_and_are_not_confused_by_its_length() {
    let kit = Kit::new();
    assert_ne!(kit.vault.lookup("a", b"bc"), kit.vault.lookup("ab", b"c"));
    assert_ne!(kit.vault.lookup("a", b"x"), kit.vault.lookup("b", b"x"));
}

#[test]
fn a_missing_key_file_is_named_with_its_key_id_and_not_made() {
    let kit = Kit::new();
    std::fs::remove_file(kit.key_file()).unwrap();
    let error = refused(Vault::open(&kit.key_file(), &kit.wrapped), EREF_STORE_KEY);
    assert!(error.message().contains(kit.vault.key_id()) && error.message().contains(&*kit.key_file().to_string_lossy()));
    assert!(error.message().contains("missing"));
    assert!(!kit.key_file().exists());
}

#[test]
fn a_wrong_key_file_is_named_with_both_key_ids() {
    let (kit, other) = (Kit::new(), Kit::new());
    let error = refused(Vault::open(&other.key_file(), &kit.wrapped), EREF_STORE_KEY);
    assert!(error.message().contains(kit.vault.key_id()) && error.message().contains(other.vault.key_id()));
    assert!(error.message().contains(&*other.key_file().to_string_lossy()));
}

#[test]
fn a_damaged_key_file_is_refused_and_left_alone() {
    let kit = Kit::new();
    let good = std::fs::read_to_string(kit.key_file()).unwrap();
    let id = kit.vault.key_id();
    let zero = STANDARD.encode([0u8; 32]);
    let cases =
        [String::new(), good[..good.len() - 6].to_owned(), format!("{FILE_MARK} {id} {zero}"), format!("{} more", good.trim_end())];
    for text in cases {
        std::fs::write(kit.key_file(), &text).unwrap();
        let error = refused(Vault::open(&kit.key_file(), &kit.wrapped), EREF_STORE_KEY);
        assert!(error.message().contains(id), "{error}");
        refused(Vault::create(&kit.key_file()), EREF_STORE_KEY);
        assert_eq!(std::fs::read_to_string(kit.key_file()).unwrap(), text);
    }
}

#[test]
fn half_a_key_left_by_a_killed_process_stands_in_nobodys_way() {
    let kit = Kit::new();
    let fresh = kit.folder.path().join("fresh");
    std::fs::write(kit.folder.path().join("fresh.new"), format!("{FILE_NOTE}\n{FILE_MARK} 0123")).unwrap();
    let (vault, wrapped) = Vault::create(&fresh).unwrap();
    assert_eq!(Vault::open(&fresh, &wrapped).unwrap().key_id(), vault.key_id());
    assert!(!kit.folder.path().join("fresh.new").exists());
}

#[test]
fn stores_made_at_once_with_one_key_file_use_one_key() {
    let kit = Kit::new();
    let shared = kit.folder.path().join("shared");
    let make = || Vault::create(&shared).unwrap().1;
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for wrapped in made {
        Vault::open(&shared, &wrapped).unwrap();
    }
}

#[test]
fn a_damaged_wrapped_key_is_refused() {
    let kit = Kit::new();
    for at in 0..kit.wrapped.len() {
        let mut changed = kit.wrapped.clone();
        changed[at] ^= 1;
        refused(Vault::open(&kit.key_file(), &changed), EREF_STORE_KEY);
        refused(Vault::open(&kit.key_file(), &kit.wrapped[..at]), EREF_STORE_KEY);
    }
}

#[test]
fn the_key_cannot_be_made_in_a_missing_folder() {
    let kit = Kit::new();
    refused(Vault::create(&kit.folder.path().join("none").join("key")), EREF_STORE_KEY);
}

#[cfg(unix)]
#[test]
fn key_file_and_its_copy_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let kit = Kit::new();
    let copy = kit.folder.path().join("copy");
    backup(&kit.key_file(), &copy).unwrap();
    for path in [kit.key_file(), copy] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_backup_opens_the_store_and_never_overwrites() {
    let (kit, other) = (Kit::new(), Kit::new());
    let copy = kit.folder.path().join("copy");
    backup(&kit.key_file(), &copy).unwrap();
    assert_eq!(check(&copy, &kit.wrapped).unwrap(), kit.vault.key_id());
    refused(backup(&other.key_file(), &copy), EREF_INVALID_ARGUMENT);
    assert_eq!(check(&copy, &kit.wrapped).unwrap(), kit.vault.key_id());
    refused(backup(&kit.folder.path().join("none"), &kit.folder.path().join("new")), EREF_STORE_KEY);
}

#[test]
fn identifiers_compare_without_scheme_case_and_trailing_slash() {
    let base = normalised("http://fhir.example/ns/MRN", "123");
    for system in ["https://fhir.example/ns/MRN", " HTTPS://FHIR.example/ns/MRN/ ", "http://fhir.example/ns/MRN//"] {
        assert_eq!(normalised(system, " 123\n"), base, "{system}");
    }
    for (system, value) in
        [("http://fhir.example/ns/mrn", "123"), ("http://fhir.example/ns/MRN", "1234"), ("ftp://fhir.example/ns/MRN", "123")]
    {
        assert_ne!(normalised(system, value), base);
    }
    assert_eq!(normalised("URN:OID:2.16.840", "A"), normalised("urn:oid:2.16.840", "A"));
    assert_ne!(normalised("urn:oid:2.16.840", "A"), normalised("urn:oid:2.16.840", "a"));
    assert_ne!(normalised("a|b", "c"), normalised("a", "b|c"));
    assert_eq!(normalised("", " 7 "), "|7");
}

#[test]
fn identifiers_of_any_form_are_normalised_without_failing() {
    for system in [":", "//", "http:", "http://", "é:é", "http://é/É", "urn:é", "|", "a:/", "https:///"] {
        assert!(normalised(system, "v").ends_with("|v"));
    }
}
