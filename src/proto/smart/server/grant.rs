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
    let (kind, ends) = if scope::has(&scope, "offline_access") {
        (GrantKind::Offline, after(times.offline_seconds))
    } else if scope::has(&scope, "online_access") {
        (GrantKind::Online, after(times.online_seconds).min(launch.ends))
    } else {
        (GrantKind::Online, launch.ends)
    };
    let mut grant = Grant {
        id: ctx.id(),
        kind,
        launch_id: Some(launch.id.clone()),
        client_id: app.client_id.clone(),
        partner: launch.partner.clone(),
        scope,
        context: launch.context.clone(),
        ends,
        idle_ends: ends,
    };
    grant.idle_ends = idle_ends(ctx, app, &grant);
    NewGrant { grant, user: Some(context.user.id.clone()), patient: context.patient.clone() }
}

/// Which kinds of refresh tokens can be had, online and offline: never both, and offline where the app may have it (smart.md 10).
pub fn refreshes(app: &SmartApp, requested: &str) -> (bool, bool) {
    let offline = scope::has(requested, "offline_access") && scope::has(&app.scopes, "offline_access");
    (!offline, offline)
}

/// When the grant ends now that it is used, unless it is used again.
pub fn idle_ends(ctx: &Ctx, app: &SmartApp, grant: &Grant) -> Millis {
    let seconds = match grant.kind {
        GrantKind::Offline => app.refresh.offline_idle_seconds,
        GrantKind::Online if scope::has(&grant.scope, "online_access") => app.refresh.online_idle_seconds,
        GrantKind::Online | GrantKind::Backend => return grant.ends,
    };
    grant.ends.min(ctx.now() + Millis::from(seconds) * 1000)
}
