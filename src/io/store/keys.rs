//! Signing keys, and the ids of JWTs that were seen.

use rusqlite::{Row, params};
use zeroize::Zeroizing;

use crate::error::Result;
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::proto::store::{Keys, Millis, SigningKey};

impl Keys for Sqlite {
    fn signing_keys(&self) -> Result<Vec<SigningKey>> {
        let rows: Vec<(String, Millis, Vec<u8>)> = self.read(|connection| {
            let key = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            connection
                .prepare_cached("SELECT kid, created, der FROM signing_key ORDER BY created DESC, kid DESC")
                .and_then(|mut query| query.query_map([], key)?.collect())
                .map_err(store_error)
        })?;
        rows.into_iter()
            .map(|(kid, created, sealed)| {
                let der = Zeroizing::new(self.vault.open_sealed("signing_key.der", &kid, &sealed)?);
                Ok(SigningKey { kid, der, created })
            })
            .collect()
    }

    fn save_signing_key(&self, key: &SigningKey, after: Millis) -> Result<bool> {
        let sealed = self.vault.seal("signing_key.der", &key.kid, &key.der)?;
        let (kid, created) = (key.kid.clone(), key.created);
        self.writer.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO signing_key (kid, created, der) SELECT ?1, ?2, ?3
                     WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE created > ?4)",
                )
                .and_then(|mut insert| insert.execute(params![kid, created, sealed, after]))
                .map(|changed| changed == 1)
                .map_err(store_error)
        })
    }

    fn use_jti(&self, issuer: &str, jti: &str, until: Millis, now: Millis) -> Result<bool> {
        let mac = self.vault.lookup("jti", format!("{issuer}\n{jti}").as_bytes());
        self.writer.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO jti (mac, until) VALUES (?1, ?2)
                     ON CONFLICT (mac) DO UPDATE SET until = excluded.until WHERE jti.until < ?3",
                )
                .and_then(|mut insert| insert.execute(params![mac, until, now]))
                .map(|changed| changed == 1)
                .map_err(store_error)
        })
    }
}
