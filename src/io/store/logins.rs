//! Sign-ins on the host's page, for launches that an app began by itself.

use rusqlite::{OptionalExtension, params};

use crate::error::{EREF_BUSY, Error, Result};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::proto::store::{LoginRecord, Logins, Millis, NewLaunch, NewLogin, SecretHash};

/// Sign-ins that may be open for one partner's app: whoever knows its public values can begin one, and each is kept.
const OPEN: u32 = 1_000;

impl Logins for Sqlite {
    fn begin_login(&self, login: &NewLogin, now: Millis) -> Result<()> {
        let (login, request) = (login.clone(), self.vault.seal("login.request", &login.id, login.request.as_bytes())?);
        self.writer.write(move |connection| {
            let open: u32 = connection
                .prepare_cached("SELECT count(*) FROM login WHERE partner = ?1 AND finished = 0 AND expires > ?2")
                .and_then(|mut query| query.query_row(params![login.partner, now], |row| row.get(0)))
                .map_err(store_error)?;
            if open >= OPEN {
                return Err(Error::new(EREF_BUSY, "too many sign-ins of this partner's app are open"));
            }
            connection
                .prepare_cached(
                    "INSERT INTO login (id, handle, cookie, partner, expires, finished, request) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![login.id, login.handle, login.cookie, login.partner, login.expires, request])
                })
                .map(|_| ())
                .map_err(store_error)
        })
    }

    fn login(&self, handle: &SecretHash, now: Millis) -> Result<Option<LoginRecord>> {
        self.read(|connection| {
            let record = |row: &rusqlite::Row| Ok(LoginRecord { id: row.get(0)?, cookie: row.get(1)?, partner: row.get(2)? });
            connection
                .prepare_cached("SELECT id, cookie, partner FROM login WHERE handle = ?1 AND finished = 0 AND expires > ?2")
                .and_then(|mut query| query.query_row(params![handle, now], record).optional())
                .map_err(store_error)
        })
    }

    fn finish_login(&self, handle: &SecretHash, launch: &NewLaunch, now: Millis) -> Result<bool> {
        let (handle, keep) = (*handle, self.keeping_launch(launch, now)?);
        self.writer.write(move |connection| {
            let used = connection
                .prepare_cached("UPDATE login SET finished = 1 WHERE handle = ?1 AND finished = 0 AND expires > ?2")
                .and_then(|mut update| update.execute(params![handle, now]))
                .map_err(store_error)?;
            if used == 1 {
                keep(connection)?;
            }
            Ok(used == 1)
        })
    }

    fn login_request(&self, launch: &SecretHash, now: Millis) -> Result<Option<String>> {
        let found: Option<(String, Vec<u8>)> = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT login.id, request FROM login JOIN launch ON launch.id = login.id
                     WHERE launch.handle = ?1 AND handle_until > ?2 AND state <> 4",
                )
                .and_then(|mut query| query.query_row(params![launch, now], |row| Ok((row.get(0)?, row.get(1)?))).optional())
                .map_err(store_error)
        })?;
        let Some((id, sealed)) = found else { return Ok(None) };
        let request = self.vault.open_sealed("login.request", &id, &sealed)?;
        Ok(Some(String::from_utf8_lossy(&request).into_owned()))
    }
}
