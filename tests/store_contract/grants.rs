//! Grants, and what hangs on them.

use super::*;

/// A launch whose code was redeemed for an access token (50 + number) and a refresh token (100 + number).
fn granted(kit: &Kit, number: u8, kind: GrantKind) -> String {
    let id = format!("launch-{number}");
    kit.store.save_launch(&launch(number), NOW).unwrap();
    let mut code = code(number, &id);
    code.grant.grant.kind = kind;
    assert!(kit.store.issue_code(&code, NOW).unwrap());
    let refresh = NewToken { kind: TokenKind::Refresh, expires: NOW + DAY, ..token(100 + number, &id) };
    assert!(kit.store.redeem_code(&[number; 32], &[token(50 + number, &id), refresh], NOW).unwrap());
    id
}

fn good(kit: &Kit, number: u8) -> bool {
    kit.store.token(&[number; 32], NOW).unwrap().is_some()
}

fn refreshed(number: u8, launch_id: &str, answer: &str) -> Refreshed {
    let refresh = NewToken { kind: TokenKind::Refresh, expires: NOW + DAY, ..token(number, launch_id) };
    Refreshed { tokens: vec![refresh], answer: answer.into(), idle_ends: NOW + 2 * SECOND }
}

#[test]
fn a_redemption_that_fails_half_way_leaves_the_code_good() {
    let kit = Kit::new();
    kit.store.save_launch(&launch(1), NOW).unwrap();
    assert!(kit.store.issue_code(&code(1, "launch-1"), NOW).unwrap());
    let twice = [token(50, "launch-1"), token(50, "launch-1")];
    assert_eq!(status_of(kit.store.redeem_code(&[1; 32], &twice, NOW)), EREF_STORE);
    assert!(kit.store.token(&[50; 32], NOW).unwrap().is_none());
    assert!(kit.store.redeem_code(&[1; 32], &twice[..1], NOW).unwrap());
}

#[test]
fn an_offline_grant_outlives_session_and_time_but_not_a_launch_that_the_host_ends() {
    let kit = Kit::new();
    let ends: [fn(&Kit, &str); 3] = [
        |kit, _| assert_eq!(kit.store.end_session("session of Testpatient", NOW).unwrap().len(), 1),
        |kit, _| assert_eq!(kit.store.end_overdue(NOW + 2 * DAY).unwrap().len(), 1),
        |kit, id| _ = kit.store.end_launch(id, "done", NOW).unwrap(),
    ];
    for (number, end) in (1..).zip(ends) {
        let id = granted(&kit, number, GrantKind::Offline);
        end(&kit, &id);
        assert_eq!(good(&kit, 50 + number), number < 3, "{number}");
        let id = granted(&kit, number + 10, GrantKind::Online);
        assert!(good(&kit, 60 + number), "{number}");
        end(&kit, &id);
        assert!(!good(&kit, 60 + number) && !good(&kit, 110 + number), "{number}");
    }
}

#[test]
fn a_refresh_token_is_used_once_under_concurrency_and_known_afterwards() {
    let kit = Kit::new();
    let id = granted(&kit, 1, GrantKind::Online);
    assert!(kit.store.used_refresh(&[101; 32], NOW).unwrap().is_none());
    let won = race(&kit, 8, |store, n| store.refresh(&[101; 32], &refreshed(200 + n as u8, &id, "the answer"), NOW).unwrap());
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = 200 + won.iter().position(|won| *won).unwrap() as u8;
    assert!(!good(&kit, 101) && good(&kit, winner) && good(&kit, 51));
    // The answer is there after a restart too, until the token that took its place is used.
    let kit = kit.reopened();
    let used = kit.store.used_refresh(&[101; 32], NOW).unwrap().unwrap();
    assert_eq!((used.at, used.answer.as_deref(), used.client_id.as_str()), (NOW, Some("the answer"), "client"));
    assert!(kit.store.refresh(&[winner; 32], &refreshed(90, &id, "another"), NOW).unwrap());
    assert!(kit.store.used_refresh(&[101; 32], NOW).unwrap().unwrap().answer.is_none());
    // The grant was idle for longer than it may be.
    assert!(kit.store.token(&[90; 32], NOW + 3 * SECOND).unwrap().is_none());
    assert!(!kit.store.refresh(&[90; 32], &refreshed(91, &id, "x"), NOW + 3 * SECOND).unwrap());
}

#[test]
fn grants_are_revoked_by_user_client_patient_and_launch() {
    let kit = Kit::new();
    let all: [(Whose, Whose); 4] = [
        (Whose::User("u".into()), Whose::User("v".into())),
        (Whose::Client("client".into()), Whose::Client("other".into())),
        (Whose::Patient("p".into()), Whose::Patient("u".into())),
        (Whose::Launch("launch-4".into()), Whose::Launch("launch-3".into())),
    ];
    for (number, (right, wrong)) in (1..).zip(all) {
        granted(&kit, number, GrantKind::Offline);
        assert_eq!(kit.store.revoke_grants(&wrong, NOW).unwrap(), 0, "{wrong:?}");
        assert!(good(&kit, 50 + number) && good(&kit, 100 + number));
        assert_eq!(kit.store.revoke_grants(&right, NOW).unwrap(), 1, "{right:?}");
        assert!(!good(&kit, 50 + number) && !good(&kit, 100 + number), "{right:?}");
    }
    // A code that was not redeemed yet is worth nothing any more.
    kit.store.save_launch(&launch(9), NOW).unwrap();
    assert!(kit.store.issue_code(&code(9, "launch-9"), NOW).unwrap());
    assert_eq!(kit.store.revoke_grants(&Whose::User("u".into()), NOW).unwrap(), 1);
    assert!(kit.store.code(&[9; 32], NOW).unwrap().is_none());
    assert!(!kit.store.redeem_code(&[9; 32], &[token(59, "launch-9")], NOW).unwrap());
}
