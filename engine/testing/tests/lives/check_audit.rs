//! Whether the audit log tells each tenant of its own: no change without a record, every record in the life of the
//! tenant whose thing was changed, and none of an earlier life of the name for those who read.

use std::collections::BTreeMap;

use tailrace_core::{audit::AuditRecord, name::Name};

use super::{
    history::{History, PipelineLife},
    ledger::{Act, Answer, Asked},
};

/// It does.
pub fn check(history: &History, asked: &[Asked], records: &[AuditRecord]) -> Result<(), String> {
    let mut by_request: BTreeMap<usize, Vec<&AuditRecord>> = BTreeMap::new();
    for record in records {
        let request = record.who.token.as_ref().and_then(|token| token.parse().ok());
        let Some(request) = request else { continue };
        by_request.entry(request).or_default().push(record);
        check_record(
            history,
            asked.get(request).ok_or("a record of no request")?,
            record,
        )?;
    }
    for life in &history.lives {
        for (number, mark) in &life.marks {
            check_revision(life, *number, *mark, asked, &by_request)?;
        }
    }
    for asked in asked {
        if let (Act::ReadAudit(tenant), Some((_, Answer::Audit(lives)))) = (&asked.act, &asked.ended)
            && lives.len() > 1
        {
            return Err(format!("tenant {tenant} read records of the lives {lives:?}"));
        }
    }
    Ok(())
}

/// A record is of the tenant that the request was about, in a life that it had by then.
fn check_record(history: &History, asked: &Asked, record: &AuditRecord) -> Result<(), String> {
    let whose = tenant_of(&asked.act);
    if record.tenant.as_ref() != whose {
        return Err(format!(
            "{record:?} is in the log of another tenant than {whose:?}"
        ));
    }
    let (Some(name), false) = (whose, matches!(asked.act, Act::PutTenant(_))) else {
        return Ok(());
    };
    let life = record.tenant_life;
    let known = history
        .tenants
        .iter()
        .find(|known| known.name == *name && known.life == life);
    let ended = asked.ended.as_ref().map_or(u64::MAX, |(ended, _)| *ended);
    match known {
        Some(known) if known.created <= ended => Ok(()),
        _ => Err(format!("{record:?} is of a life that tenant {name} did not have")),
    }
}

/// Someone asked for a revision, and the log of its tenant says so.
fn check_revision(
    life: &PipelineLife,
    number: u64,
    mark: u64,
    asked: &[Asked],
    by_request: &BTreeMap<usize, Vec<&AuditRecord>>,
) -> Result<(), String> {
    let is_of = |asked: &Asked| matches!(&asked.act, Act::Apply { mark: of, .. } if *of == mark);
    let requests = asked.iter().enumerate().filter(|(_, asked)| is_of(asked));
    let mut records = requests.flat_map(|(request, _)| by_request.get(&request).into_iter().flatten());
    // One that was kept goes back to an earlier life of the pipeline, of the same tenant.
    if records.any(|record| record.tenant_life == life.tenant_life) {
        return Ok(());
    }
    Err(format!(
        "the audit log of tenant {} of life {} has nothing of revision {number} of {}, mark {mark}",
        life.id.tenant, life.tenant_life, life.id
    ))
}

fn tenant_of(act: &Act) -> Option<&Name> {
    match act {
        Act::PutTenant(name)
        | Act::DeleteTenant(name)
        | Act::Upload(name, ..)
        | Act::DeletePlugin(name, _)
        | Act::MakeToken(name)
        | Act::RevokeToken(name, _)
        | Act::ReadAudit(name) => Some(name),
        Act::Apply { id, .. }
        | Act::RollBack(id)
        | Act::Promote(id)
        | Act::Abandon(id)
        | Act::Pause(id)
        | Act::Resume(id)
        | Act::Delete(id)
        | Act::Redrive(id, _)
        | Act::Renew(id)
        | Act::Read(id, _) => Some(&id.tenant),
        Act::Mend => None,
    }
}
