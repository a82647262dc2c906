//! Each step of each intent meets each fault. The engine aborts there; or it stands still there, and meanwhile its
//! client goes away, or its broker dies and comes back.

use std::fmt;

use anyhow::Context as _;

use super::hall::{BRIEF, Hall};
use crate::{cut::OpenRequest, engine::OPERATOR, http::Answer, signal, tenant::Tenant};

/// The pipeline that comes and goes.
const NAME: &str = "brief";

/// A change of several places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Create,
    Delete,
    DeleteTenant,
}

impl Intent {
    const ALL: [Self; 3] = [Self::Create, Self::Delete, Self::DeleteTenant];

    /// The points between its steps, in their order.
    fn points(self) -> &'static [&'static str] {
        match self {
            Self::Create => &[
                "create-begun",
                "create-placed",
                "create-stream-made",
                "create-partitions-begun",
                "create-name-cleared",
                "create-revision-kept",
                "create-done",
            ],
            Self::Delete => &[
                "delete-begun",
                "delete-let-go",
                "delete-consumers-gone",
                "delete-stream-gone",
                "delete-snapshots-gone",
                "delete-alarms-gone",
                "delete-revisions-gone",
                "delete-done",
            ],
            Self::DeleteTenant => &[
                "tenant-begun",
                "tenant-pipelines-gone",
                "tenant-tokens-gone",
                "tenant-versions-gone",
                "tenant-components-gone",
                "tenant-done",
            ],
        }
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteTenant => "delete-tenant",
        })
    }
}

/// What an intent is about, as it was before.
enum Before {
    Nothing,
    Pipeline,
    Tenant(Tenant),
}

/// A round of all of them.
pub(super) async fn meet_each_fault(hall: &mut Hall<'_>, round: u32) -> anyhow::Result<()> {
    for intent in Intent::ALL {
        let of = |what: &str| format!("round {round}, {intent}, {what}");
        for point in intent.points() {
            let aborted = abort_at(hall, intent, point).await;
            aborted.with_context(|| of(&format!("the engine aborts at {point}")))?;
        }
        let gone = the_client_goes_away(hall, intent).await;
        gone.with_context(|| of("the client goes away"))?;
        let died = the_broker_dies(hall, intent).await;
        died.with_context(|| of("the broker dies"))?;
        hall.arena.say(&of("held"));
    }
    Ok(())
}

async fn abort_at(hall: &mut Hall<'_>, intent: Intent, point: &str) -> anyhow::Result<()> {
    let before = prepare(hall, intent).await?;
    hall.arm(&format!("{point}:1")).await?;
    let request = ask(hall, intent).await?;
    hall.aborts().await?;
    drop(request);
    hall.restart().await?;
    settles(hall, &before).await
}

/// The first time it stands still at the first point, the second time at the second, and so on; each time the
/// client has gone when it goes on.
async fn the_client_goes_away(hall: &mut Hall<'_>, intent: Intent) -> anyhow::Result<()> {
    let times = (1..).zip(intent.points());
    let armed: Vec<_> = times
        .map(|(time, point)| format!("{point}:{time}:stop"))
        .collect();
    let mut before = prepare(hall, intent).await?;
    hall.arm(&armed.join(",")).await?;
    for (number, point) in (1..).zip(intent.points()) {
        let request = ask(hall, intent).await?;
        hall.stands_still().await.with_context(|| (*point).to_owned())?;
        drop(request);
        hall.arena.engine.resume()?;
        let settled = settles(hall, &before).await;
        settled.with_context(|| (*point).to_owned())?;
        if number < intent.points().len() {
            before = prepare(hall, intent).await?;
        }
    }
    hall.restart().await
}

/// It stands still at each point once, and each time the broker has died and come back when it goes on. The last
/// point may be passed by: where the answer to the last write died with the broker, the engine finds it done.
async fn the_broker_dies(hall: &mut Hall<'_>, intent: Intent) -> anyhow::Result<()> {
    let points = intent.points().iter();
    let armed: Vec<_> = points.map(|point| format!("{point}:1:stop")).collect();
    let before = prepare(hall, intent).await?;
    hall.arm(&armed.join(",")).await?;
    let request = ask(hall, intent).await?;
    let (last, others) = intent.points().split_last().context("an intent has points")?;
    for point in others {
        hall.stands_still().await.with_context(|| (*point).to_owned())?;
        hall.arena.cluster.restart().await?;
        hall.arena.engine.resume()?;
    }
    let (path, token) = about(hall, intent);
    let is_last = hall.stands_still_or(&path, &token, |answer| is_done(intent, answer));
    if is_last.await.with_context(|| (*last).to_owned())? {
        hall.arena.outcome.faults += 1;
        hall.arena.cluster.restart().await?;
    }
    drop(request);
    let pid = hall.arena.engine.pid();
    tokio::select! {
        settled = settles(hall, &before) => settled?,
        // It may come to the point when what it did is seen already.
        going = signal::keep_going(pid) => going?,
    }
    hall.restart().await
}

/// Where the API says how far an intent is.
fn about(hall: &Hall<'_>, intent: Intent) -> (String, String) {
    let shop = hall.shop();
    match intent {
        Intent::Create | Intent::Delete => (shop.path(&format!("pipelines/{NAME}/status")), shop.token),
        Intent::DeleteTenant => (format!("/v1/tenants/{BRIEF}"), OPERATOR.to_owned()),
    }
}

fn is_done(intent: Intent, answer: &Answer) -> bool {
    match intent {
        Intent::Create => answer.status == 200 && answer.body["state"] != "creating",
        Intent::Delete | Intent::DeleteTenant => answer.status == 404,
    }
}

/// What must be there before an intent.
async fn prepare(hall: &Hall<'_>, intent: Intent) -> anyhow::Result<Before> {
    match intent {
        Intent::Create => Ok(Before::Nothing),
        Intent::Delete => {
            hall.apply(NAME).await?;
            hall.begins_from_nothing(NAME).await?;
            Ok(Before::Pipeline)
        }
        Intent::DeleteTenant => Ok(Before::Tenant(hall.brief().await?)),
    }
}

async fn ask(hall: &Hall<'_>, intent: Intent) -> anyhow::Result<OpenRequest> {
    let (engine, shop) = (&hall.arena.engine, hall.shop());
    let pipeline = shop.path(&format!("pipelines/{NAME}"));
    let manifest = Hall::manifest(NAME, "");
    let (line, token, body) = match intent {
        Intent::Create => (("PUT", pipeline), &*shop.token, &*manifest),
        Intent::Delete => (("DELETE", pipeline), &*shop.token, ""),
        Intent::DeleteTenant => (("DELETE", format!("/v1/tenants/{BRIEF}")), OPERATOR, ""),
    };
    OpenRequest::send(engine, (line.0, &line.1), token, body.as_bytes()).await
}

/// By itself it comes to what was intended, and leaves nothing behind.
async fn settles(hall: &Hall<'_>, before: &Before) -> anyhow::Result<()> {
    match before {
        Before::Nothing => {
            hall.begins_from_nothing(NAME).await?;
            hall.all_is_owned().await?;
            hall.delete(NAME).await?;
        }
        Before::Pipeline => hall.shop().is_without(&hall.arena.engine, NAME).await?,
        Before::Tenant(brief) => hall.brief_is_gone(brief).await?,
    }
    hall.all_is_owned().await
}
