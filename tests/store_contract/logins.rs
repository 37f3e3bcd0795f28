//! Sign-ins on the host's page, and launches that follow the user's session.

use super::*;

fn login(number: u8) -> NewLogin {
    NewLogin {
        id: format!("launch-{number}"),
        handle: [number + 50; 32],
        cookie: [number + 60; 32],
        partner: "app".into(),
        expires: NOW + 600 * SECOND,
        request: "state=of+Testpatient".into(),
    }
}

#[test]
fn a_sign_in_is_finished_once_and_in_time() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    store.begin_login(&login(1), NOW).unwrap();
    assert!(store.login(&[1; 32], NOW).unwrap().is_none());
    assert!(store.login(&[51; 32], NOW + 600 * SECOND).unwrap().is_none());
    let waiting = store.login(&[51; 32], NOW).unwrap().unwrap();
    assert_eq!((waiting.id.as_str(), waiting.cookie, waiting.partner.as_str()), ("launch-1", [61; 32], "app"));

    let launch = NewLaunch { start: None, cookie: Some(waiting.cookie), ..launch(1) };
    assert!(!store.finish_login(&[51; 32], &launch, NOW + 600 * SECOND).unwrap(), "too late");
    assert!(store.launch_by_handle(&[1; 32], NOW).unwrap().is_none());
    assert!(store.finish_login(&[51; 32], &launch, NOW).unwrap());
    assert!(!store.finish_login(&[51; 32], &NewLaunch { id: "other".into(), ..launch }, NOW).unwrap(), "once");
    assert!(store.login(&[51; 32], NOW).unwrap().is_none());

    let found = store.launch_by_handle(&[1; 32], NOW).unwrap().unwrap();
    assert_eq!((found.state, found.cookie), (LaunchState::Started, Some([61; 32])));
    assert_eq!(store.login_request(&[1; 32], NOW).unwrap().as_deref(), Some("state=of+Testpatient"));
    assert_eq!(store.login_request(&[51; 32], NOW).unwrap(), None);
    assert_eq!(store.login_request(&[1; 32], NOW + 300 * SECOND).unwrap(), None);
}

#[test]
fn sign_ins_that_nobody_finishes_do_not_fill_the_disk() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let begin = |number: u16, partner: &str, now| {
        let mut handle = [0; 32];
        handle[..2].copy_from_slice(&number.to_be_bytes());
        let login =
            NewLogin { id: format!("login-{number}"), handle, partner: partner.into(), expires: now + 600 * SECOND, ..login(1) };
        store.begin_login(&login, now)
    };
    for number in 0..1000 {
        begin(number, "app", NOW).unwrap();
    }
    assert_eq!(status_of(begin(1000, "app", NOW)), EREF_BUSY);
    begin(1000, "another", NOW).unwrap();
    begin(1001, "app", NOW + 600 * SECOND).unwrap();
    store.purge(&Default::default(), NOW + 601 * SECOND).unwrap();
    // The same id can come again, so the row is gone.
    begin(0, "app", NOW + 601 * SECOND).unwrap();
}

#[test]
fn a_launch_is_authorized_again_only_where_that_is_allowed() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    store.save_launch(&launch(1), NOW).unwrap();
    assert!(store.issue_code(&code(1, "launch-1"), NOW).unwrap());
    assert!(!store.issue_code(&code(2, "launch-1"), NOW).unwrap());
    let mut again = NewCode { reuse: true, ..code(3, "launch-1") };
    again.grant.grant.id = "another grant".into();
    assert!(store.issue_code(&again, NOW).unwrap());
    assert!(!store.issue_code(&NewCode { hash: [4; 32], ..again }, NOW + 300 * SECOND).unwrap(), "within its time");
}

#[test]
fn a_change_of_patient_ends_the_launches_of_the_others_in_that_session() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let about = |number: u8, patient: Option<&str>, session: &str| {
        store
            .save_launch(&NewLaunch { patient: patient.map(str::to_owned), session: session.into(), ..launch(number) }, NOW)
            .unwrap();
    };
    about(1, Some("p1"), "s1");
    about(2, Some("p2"), "s1");
    about(3, None, "s1");
    about(4, Some("p1"), "s2");
    let ids = |ended: Vec<(String, String)>| ended.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(store.change_patient("s1", Some("p2"), NOW).unwrap()), ["launch-1"]);
    // Who was picked later counts as the patient of the launch.
    let mut picked = NewCode { picked: true, ..code(3, "launch-3") };
    (picked.grant.patient, picked.grant.grant.context) = (Some("p3".into()), "{}".into());
    assert!(store.issue_code(&picked, NOW).unwrap());
    assert_eq!(store.launch_by_handle(&[3; 32], NOW).unwrap().unwrap().context, "{}");
    assert_eq!(ids(store.change_patient("s1", Some("p3"), NOW).unwrap()), ["launch-2"]);
    assert_eq!(ids(store.change_patient("s1", None, NOW).unwrap()), ["launch-3"]);
    assert!(store.launch_by_handle(&[4; 32], NOW).unwrap().is_some());
}
