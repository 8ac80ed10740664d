"""What destroys keys: when it is asked for, and again after a restore. Each is safe to repeat."""

from sqlalchemy import text

LOCK = text("select id, hold from omniops.subject where home_id = :home and id = any(:subjects) order by id for update")
"""The subjects, locked so that a hold that is placed meanwhile waits."""
SHRED = (
    text(
        "insert into vault.shred (account_id, home_id, subject_id, at)"
        " select :account, :home, subject, now() from unnest(cast(:subjects as uuid[])) subject on conflict do nothing"
    ),
    text("delete from vault.identifier where home_id = :home and subject_id = any(:subjects)"),
    text(
        "update vault.subject_key set wrapped = null, pepper_wrapped = null, state = 'shredded', shredded_at = now()"
        " where home_id = :home and subject_id = any(:subjects) and state <> 'shredded'"
    ),
    text(
        "update omniops.subject set erased_at = coalesce(erased_at, now())"
        " where home_id = :home and id = any(:subjects)"
    ),
)
SHRED_ACCOUNT = (
    text(
        "insert into vault.shred (account_id, home_id, subject_id, at)"
        " select distinct account_id, home_id, subject_id, now() from vault.subject_key where account_id = :account"
        " on conflict do nothing"
    ),
    text("delete from vault.identifier where account_id = :account"),
    text(
        "update vault.subject_key set wrapped = null, pepper_wrapped = null, state = 'shredded',"
        " shredded_at = coalesce(shredded_at, now()) where account_id = :account"
    ),
    text("delete from vault.account_key where account_id = :account"),
)
