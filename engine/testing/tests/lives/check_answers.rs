//! Whether what was answered holds: what was made was there, what was deleted was gone, and nothing was deleted
//! that nobody had asked to delete.

use std::collections::BTreeSet;

use tailrace_core::{codes::ApiCode, identity::PipelineId, life::Life, registry::Key};

use super::{
    history::{History, PipelineLife},
    ledger::{Act, Answer, Asked},
    plugins::Kept,
};

/// Every answer holds, by what the registry went through.
pub fn check(history: &History, asked: &[Asked], lost: &BTreeSet<Life>) -> Result<(), String> {
    for asked in asked {
        let Some((ended, answer)) = &asked.ended else {
            continue;
        };
        let holds = match answer {
            Answer::Done => check_done(history, asked, *ended),
            Answer::Applied(number, changed) => check_applied(history, asked, *ended, *number, *changed),
            Answer::Read(value) => check_read(history, asked, *ended, value),
            Answer::Refused(ApiCode::Internal, why) => Err(format!("it failed: {why}")),
            Answer::Never => Err("it was never answered".to_owned()),
            Answer::Refused(..) | Answer::Audit(_) | Answer::Unheard => Ok(()),
        };
        holds.map_err(|why| format!("{why}: {asked:?}"))?;
    }
    for life in &history.lives {
        check_end(history, life, asked, lost)?;
    }
    Ok(())
}

fn check_done(history: &History, asked: &Asked, ended: u64) -> Result<(), String> {
    let (was_there, was_gone) = match &asked.act {
        Act::PutTenant(name) => (Some(Key::Tenant(name.clone())), None),
        Act::DeleteTenant(name) => (None, Some(Key::Tenant(name.clone()))),
        Act::Upload(tenant, plugin, _) => (Some(Key::Plugin(tenant.clone(), plugin.clone())), None),
        Act::DeletePlugin(tenant, plugin) => (None, Some(Key::Plugin(tenant.clone(), plugin.clone()))),
        Act::Delete(id) => (None, Some(Key::Pipeline(id.clone()))),
        _ => (None, None),
    };
    if let Some(key) = was_there
        && !history.was(&key, asked.began, ended, true)
    {
        return Err(format!("{key} was answered to be there, and was not"));
    }
    if let Some(key) = was_gone
        && !history.was(&key, asked.began, ended, false)
    {
        return Err(format!("{key} was answered to be gone, and was not"));
    }
    Ok(())
}

fn check_applied(
    history: &History,
    asked: &Asked,
    ended: u64,
    number: u64,
    changed: bool,
) -> Result<(), String> {
    let Act::Apply { id, mark, absent, .. } = &asked.act else {
        return Ok(());
    };
    let mut lives = lives_of(history, id, asked.began, ended);
    let holds = |life: &&PipelineLife| {
        let since = life.since.get(&number);
        let is_in_time = since.is_some_and(|at| *at <= ended && (*at > asked.began || !changed));
        let is_made = life.ready.is_some_and(|ready| ready <= ended);
        let is_new = life.created > asked.began;
        life.marks.get(&number) == Some(mark) && is_in_time && is_made && (is_new || !absent)
    };
    let life = lives.find(holds).ok_or("what was applied was not there")?;
    // One that came upon a life which another request had begun has changed it, and not its beginning.
    let began_it = life.since.get(&number) == Some(&life.created);
    if life.is_new && began_it && life.created > asked.began && life.first <= asked.input {
        return Err(format!(
            "it starts at {}, and was asked for after event {}",
            life.first, asked.input
        ));
    }
    Ok(())
}

/// What was read is of a life that was there while it was read.
fn check_read(history: &History, asked: &Asked, ended: u64, value: &[u8]) -> Result<(), String> {
    let Act::Read(id, _) = &asked.act else {
        return Ok(());
    };
    let kept = Kept::of(value).ok_or("state that no plugin wrote")?;
    let mut lives = lives_of(history, id, asked.began, ended);
    if lives.any(|life| life.has(kept.first)) {
        return Ok(());
    }
    Err(format!("state of mark {} was read, of another life", kept.first))
}

/// A life that was there as a whole ends only where somebody has asked for it.
fn check_end(
    history: &History,
    life: &PipelineLife,
    asked: &[Asked],
    lost: &BTreeSet<Life>,
) -> Result<(), String> {
    let (Some(_), Some(deleting)) = (life.ready, life.deleting) else {
        return Ok(());
    };
    let is_cause = |asked: &&Asked| match &asked.act {
        Act::Delete(id) => *id == life.id && asked.may_write_at(deleting),
        // One that has its stream is not renewed.
        Act::Renew(id) => *id == life.id && asked.may_write_at(deleting) && lost.contains(&life.life),
        // From then on the tenant's pipelines go by themselves.
        Act::DeleteTenant(name) => *name == life.id.tenant && asked.began < deleting,
        _ => false,
    };
    let tenant_ended = || {
        let ended = history
            .tenants
            .iter()
            .filter(|tenant| tenant.name == life.id.tenant);
        ended.filter_map(|tenant| tenant.deleting).any(|at| at < deleting)
    };
    let mut causes = asked.iter().filter(is_cause);
    let is_explained = causes.any(|cause| !matches!(cause.act, Act::DeleteTenant(_)) || tenant_ended());
    if is_explained {
        return Ok(());
    }
    Err(format!(
        "{} of life {} was deleted at revision {deleting}, and nobody had asked for it",
        life.id, life.life
    ))
}

fn lives_of<'a>(
    history: &'a History,
    id: &'a PipelineId,
    from: u64,
    to: u64,
) -> impl Iterator<Item = &'a PipelineLife> {
    let own = history.lives.iter().filter(move |life| life.id == *id);
    own.filter(move |life| life.was_there(from, to))
}
