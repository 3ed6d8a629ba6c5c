-- Requests that may be sent again (§3). The key, the effect and its answer are written in one
-- transaction: claim, call, store. A refusal rolls all three back and is decided anew.

create view api.stored_answers as
select status, location, body
from public.idempotency_key;
comment on view api.stored_answers is 'Shape of an answer that was given before (§3).';

create function api.claim_idempotency_key(p_actor uuid, p_key text, p_fingerprint text)
returns setof api.stored_answers
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set lock_timeout = '100ms'
as $$
declare
  v_row idempotency_key;
begin
  perform require_actor(p_actor);
  perform reject_invalid(
    case when coalesce(p_key, '') !~ '^[\x21-\x7e]{1,255}$'
      then field_error('Idempotency-Key', 'is not 1 to 255 visible ASCII characters') end
  );
  -- Whoever comes second waits here for the first, but not for long.
  insert into idempotency_key as k (actor_id, key, fingerprint)
  values (p_actor, p_key, p_fingerprint)
  on conflict (actor_id, key) do update
    set
      fingerprint = excluded.fingerprint, status = null, location = null, body = null,
      created_at = now()
    where k.created_at <= now() - interval '24 hours';
  if found then
    return;
  end if;
  select * into strict v_row from idempotency_key where actor_id = p_actor and key = p_key;
  if v_row.fingerprint <> p_fingerprint then
    perform fail('idempotency_key_reused');
  end if;
  return query select v_row.status, v_row.location, v_row.body;
exception when lock_not_available then
  perform fail('idempotency_in_progress');
end
$$;
comment on function api.claim_idempotency_key(uuid, text, text) is
  'No row: the request is new and its effect may be made in this transaction. A row: the answer that it '
  'got within the last 24 hours. p_fingerprint stands for method, path and body. Raises '
  'unauthenticated, validation_failed, idempotency_key_reused, idempotency_in_progress (§3).';

create function api.store_idempotent_answer(
  p_actor uuid, p_key text, p_status int, p_location text, p_body text
)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_actor(p_actor);
  update idempotency_key set status = p_status, location = p_location, body = p_body
  where actor_id = p_actor and key = p_key and status is null;
  if not found then
    perform fail('not_found', 'The key was not claimed.');
  end if;
end
$$;
comment on function api.store_idempotent_answer(uuid, text, int, text, text) is
  'Keeps the answer of the effect that this transaction made under the claimed key. Raises '
  'unauthenticated, not_found (§3).';

create function api.prune_idempotency_keys(p_most int default 10000)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_pruned int;
begin
  delete from idempotency_key
  where (actor_id, key) in (
    select actor_id, key from idempotency_key
    where created_at <= now() - interval '24 hours'
    order by created_at limit p_most
    for update skip locked
  );
  get diagnostics v_pruned = row_count;
  return v_pruned;
end
$$;
comment on function api.prune_idempotency_keys(int) is
  'Removes at most p_most keys older than 24 hours; how many it removed (§3).';
