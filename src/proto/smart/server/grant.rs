//! Grants: what a client gets at authorize, and for how long (smart.md 10).

use super::scope;
use crate::proto::exchange::Ctx;
use crate::proto::settings::SmartApp;
use crate::proto::smart::LaunchContext;
use crate::proto::store::{Grant, GrantKind, LaunchRecord, Millis, NewGrant};

/// The grant that an authorized launch leads to. An offline one outlives the launch; any other ends with it.
pub fn of_launch(ctx: &Ctx, app: &SmartApp, launch: &LaunchRecord, context: &LaunchContext, scope: String) -> NewGrant {
    let after = |seconds: u32| ctx.now() + Millis::from(seconds) * 1000;
    let times = app.refresh;
    let (kind, ends, idle_ends) = if scope::has(&scope, "offline_access") {
        (GrantKind::Offline, after(times.offline_seconds), after(times.offline_idle_seconds))
    } else if scope::has(&scope, "online_access") {
        (GrantKind::Online, after(times.online_seconds).min(launch.ends), after(times.online_idle_seconds))
    } else {
        (GrantKind::Online, launch.ends, launch.ends)
    };
    let grant = Grant {
        id: ctx.id(),
        kind,
        launch_id: Some(launch.id.clone()),
        client_id: app.client_id.clone(),
        partner: launch.partner.clone(),
        scope,
        context: launch.context.clone(),
        ends,
        idle_ends: idle_ends.min(ends),
    };
    NewGrant { grant, user: Some(context.user.id.clone()), patient: context.patient.clone() }
}
